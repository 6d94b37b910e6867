//! The stand-in for a service whose sources aren't there yet: it answers on the service's routes, so that the rest
//! of the platform can be started and proven. `vv stub` is the process in its container.

mod docs;
pub mod image;
mod metrics;
pub mod relay;
mod server;
mod settings;
mod spans;

use std::time::Duration;

use anyhow::Context as _;

use crate::failure::{Failure, Kind, Result};
use crate::plan::Stubs;
use crate::stack::Stack;
use crate::stack::files::Disk;
use settings::Settings;

/// How long `--check` waits for an answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The stand-ins that a stack needs: one for each service that declares how it behaves and has no sources. An error
/// says that this vv can't run in a container of the engine.
pub fn stubs_of(stack: &Stack) -> Result<Stubs> {
    let missing: Vec<_> = stack.services.values().filter(|service| service.sources_missing(&Disk)).collect();
    if missing.is_empty() {
        return Ok(Stubs::new());
    }
    let image = image::tag()?;
    missing
        .into_iter()
        .map(|service| Ok((service.name.clone(), Settings::of(service)?.into_stub(&image))))
        .collect()
}

/// Serves until SIGTERM.
pub async fn serve() -> Result {
    let settings = Settings::from_env()?;
    server::serve(settings).await.context("the stand-in could not serve").map_err(Failure::from)
}

/// A client for calls within the platform. Its image has no certificates to check any others against.
fn client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().timeout(timeout).no_proxy().danger_accept_invalid_certs(true).build()
}

/// Asks the stand-in in this container whether it is healthy: its container's healthcheck.
pub async fn check() -> Result {
    let settings = Settings::from_env()?;
    let url = format!("http://127.0.0.1:{}{}", settings.port, settings.health);
    let answer = client(CHECK_TIMEOUT)?.get(&url).send().await;
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => {
            Err(Failure::new(Kind::Failed, format!("{} answers {}", settings.health, answer.status())))
        }
        Err(error) => Err(Failure::from(anyhow::Error::new(error).context(format!("{url} doesn't answer")))),
    }
}
