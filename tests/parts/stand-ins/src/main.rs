//! Answers in tests for Kong, Konga, Grafana and Kafka UI, whose real images can't be had there.
//!
//! Which one it answers for is the name it is called by, else the first argument, else `VV_STAND_IN`. It says what
//! it is in its Server header and its pages, and never passes for the real thing.

mod kafka_ui;
mod kafka_wire;
mod kong;
mod pages;
mod proxy;

use std::process::ExitCode;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// What every answer's Server header says.
pub const SERVER: &str = "vv-stand-in";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Only a second call fails.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut words = std::env::args();
    let called = words.next().unwrap_or_default();
    let mut arguments: Vec<String> = words.collect();
    let mut name = called.rsplit('/').next().unwrap_or_default().to_owned();
    if !["kong", "konga", "grafana", "grafana-server", "run.sh"].contains(&name.as_str()) {
        let first = arguments.first().cloned();
        name = match first.filter(|first| ["kong", "konga", "grafana", "kafka-ui"].contains(&first.as_str()))
        {
            Some(first) => {
                arguments.remove(0);
                first
            }
            None => std::env::var("VV_STAND_IN").unwrap_or_default(),
        };
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match (name.as_str(), arguments.as_slice()) {
        ("kong", ["health", ..]) => kong::health().await,
        // There is no database to prepare.
        ("kong", ["migrations", ..]) => Ok(()),
        ("kong", ["version", ..]) => {
            say("vv stand-in for Kong Gateway 3.4");
            Ok(())
        }
        ("kong", [] | ["docker-start" | "start", ..]) => kong::serve().await,
        ("konga", _) => pages::konga().await,
        ("kafka-ui", _) => kafka_ui::serve_ui().await,
        ("grafana" | "grafana-server" | "run.sh", _) => pages::grafana().await,
        (name, arguments) => {
            Err(anyhow::anyhow!("the stand-in doesn't know '{name} {}'", arguments.join(" ")))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Serves on a port of all addresses until SIGTERM or SIGQUIT.
pub async fn serve(port: u16, router: axum::Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    // Kong's image is stopped by SIGQUIT.
    let (mut terminated, mut quit) = (signal(SignalKind::terminate())?, signal(SignalKind::quit())?);
    let stopped = async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = quit.recv() => {}
        }
    };
    let router = router.layer(axum::middleware::map_response(own_up));
    Ok(axum::serve(listener, router).with_graceful_shutdown(stopped).await?)
}

/// Says who answers.
async fn own_up(mut response: Response) -> Response {
    response.headers_mut().insert(header::SERVER, HeaderValue::from_static(SERVER));
    response.headers_mut().insert(HeaderName::from_static("x-stand-in"), HeaderValue::from_static("vv"));
    response
}

#[expect(clippy::print_stdout, reason = "it is this program's output")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "it is this program's log")]
/// A line on stderr: this program's log.
pub fn complain(text: &str) {
    eprintln!("{SERVER}: {text}");
}
