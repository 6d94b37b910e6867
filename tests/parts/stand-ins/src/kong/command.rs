//! The command `kong` of the image: `start`, `health`, `migrations`, `version`.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::postgres::Postgres;
use super::{Kong, Options};
use crate::complain;

/// Nowhere to be found: what shall not listen.
const OFF: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Runs a command; `say` prints.
///
/// # Errors
/// What Kong would end with 1 for.
pub async fn run(arguments: &[&str], say: impl Fn(&str)) -> anyhow::Result<()> {
    match arguments {
        [] | ["docker-start" | "start", ..] => serve().await,
        ["health", ..] => health().await,
        ["migrations", what, ..] => migrate(what, say).await,
        ["version", ..] => {
            say("vv stand-in for Kong Gateway 3.4");
            Ok(())
        }
        _ => anyhow::bail!("the stand-in doesn't know 'kong {}'", arguments.join(" ")),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn without_database() -> bool {
    variable("KONG_DATABASE").is_some_and(|database| database == "off")
}

/// The first listener of `0.0.0.0:8000 reuseport, 0.0.0.0:8443 ssl` with or without TLS.
fn listener(name: &str, default: &str, tls: bool) -> anyhow::Result<SocketAddr> {
    let text = variable(name).unwrap_or_else(|| default.to_owned());
    let mut fitting = text.split(',').filter(|item| item.split_whitespace().any(|word| word == "ssl") == tls);
    match fitting.next().and_then(|item| item.split_whitespace().next()) {
        None | Some("off") => Ok(OFF),
        Some(address) => address
            .replace("localhost", "127.0.0.1")
            .parse()
            .with_context(|| format!("{name} must be of form: [off] | <ip>:<port>, not '{address}'")),
    }
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options {
        database: !without_database(),
        // Kong's own default is this container only.
        admin: listener("KONG_ADMIN_LISTEN", "127.0.0.1:8001", false)?,
        proxy: listener("KONG_PROXY_LISTEN", "0.0.0.0:8000, 0.0.0.0:8443 ssl", false)?,
        proxy_tls: listener("KONG_PROXY_LISTEN", "0.0.0.0:8000, 0.0.0.0:8443 ssl", true)?,
        status: listener("KONG_STATUS_LISTEN", "off", false)?,
        ..Options::default()
    };
    if options.database {
        options.propagation = propagation();
        // What is measured without a database of its own.
        if variable("VV_STAND_IN_KEEP").is_none_or(|keep| keep != "nothing") {
            options.keep = Arc::new(Postgres::from_env()?);
        }
    } else if let Some(path) = variable("KONG_DECLARATIVE_CONFIG") {
        let text = fs::read_to_string(&path)
            .with_context(|| format!("error parsing declarative config file {path}"))?;
        options.declarative = Some(text);
    }
    Ok(options)
}

/// A worker for each process, each learning of changes at its own time: as measured of Kong 3.4.2, 0.6 to 0.95 of
/// `worker_state_update_frequency`, whose default is 5 s; at once with strict consistency.
fn propagation() -> Vec<Duration> {
    let number = |name: &str| variable(name).and_then(|value| value.parse::<f64>().ok());
    let workers = number("KONG_NGINX_WORKER_PROCESSES").map_or(1, |workers| workers.clamp(1.0, 8.0) as u32);
    let frequency = number("KONG_WORKER_STATE_UPDATE_FREQUENCY").unwrap_or(5.0).clamp(0.001, 3600.0);
    let strict = variable("KONG_WORKER_CONSISTENCY").is_some_and(|how| how == "strict");
    let delay = |worker: u32| {
        let share = 0.95 - 0.35 * f64::from(worker) / f64::from(workers);
        Duration::from_secs_f64(if strict { 0.01 } else { frequency * share })
    };
    (0..workers).map(delay).collect()
}

/// `kong start`, in the foreground until SIGTERM or SIGQUIT.
async fn serve() -> anyhow::Result<()> {
    let options = options()?;
    let stopped = crate::stopped()?;
    let kong = Kong::start(options).map_err(|error| match variable("KONG_DECLARATIVE_CONFIG") {
        Some(path) if without_database() => {
            anyhow::anyhow!("error parsing declarative config file {path}:\n{error}")
        }
        _ => error,
    })?;
    let services = kong.gateway().state().all("services").count();
    complain(&format!("stands in for Kong, with {services} services"));
    stopped.await;
    Ok(())
}

/// `kong health`: fails where nothing answers.
async fn health() -> anyhow::Result<()> {
    let mut admin = listener("KONG_ADMIN_LISTEN", "127.0.0.1:8001", false)?;
    if admin.ip().is_unspecified() {
        admin.set_ip(OFF.ip());
    }
    let client = reqwest::Client::builder().no_proxy().build()?;
    let answer = client.get(format!("http://{admin}/status")).send().await;
    answer.and_then(reqwest::Response::error_for_status).context("Kong's stand-in is not running")?;
    Ok(())
}

/// `kong migrations …`
async fn migrate(what: &str, say: impl Fn(&str)) -> anyhow::Result<()> {
    anyhow::ensure!(!without_database(), "migrations are not supported in DB-less mode");
    let database = Postgres::from_env()?;
    match what {
        "bootstrap" if database.is_bootstrapped().await? => say("Database already bootstrapped"),
        "bootstrap" => {
            say("Bootstrapping database...");
            database.bootstrap().await?;
            say("Database is up-to-date");
        }
        "up" => {
            database.ready().await?;
            say("Database is already up-to-date");
        }
        "finish" => {
            database.ready().await?;
            say("No pending migrations to finish");
        }
        "list" => database.ready().await?,
        _ => anyhow::bail!("the stand-in doesn't know 'kong migrations {what}'"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_listener_with_or_without_tls() {
        let text = "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl";
        assert_eq!(listener("VV_UNSET", text, false).unwrap().to_string(), "0.0.0.0:8000");
        assert_eq!(listener("VV_UNSET", text, true).unwrap().to_string(), "0.0.0.0:8443");
        assert_eq!(listener("VV_UNSET", "off", false).unwrap(), OFF);
        assert!(listener("VV_UNSET", "everywhere", false).is_err());
    }
}
