//! Answers in tests for Kong, Konga, Grafana and Kafka UI, whose real images can't be had there: test code, which says
//! what it is in its Server header and its pages, and never passes for the real thing.

pub mod kafka_ui;
mod kafka_wire;
pub mod kong;
pub mod pages;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// What every answer's Server header says.
pub const SERVER: &str = "vv-stand-in";

/// Serves on a port of all addresses until SIGTERM or SIGQUIT.
///
/// # Errors
/// The port is taken.
pub async fn serve(port: u16, router: axum::Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    let router = router.layer(axum::middleware::map_response(own_up));
    Ok(axum::serve(listener, router).with_graceful_shutdown(stopped()?).await?)
}

/// Ends with SIGTERM or SIGQUIT, by which Kong's image is stopped.
///
/// # Errors
/// The signals can't be had.
pub fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminated, mut quit) = (signal(SignalKind::terminate())?, signal(SignalKind::quit())?);
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = quit.recv() => {}
        }
    })
}

/// Says who answers.
async fn own_up(mut response: Response) -> Response {
    response.headers_mut().insert(header::SERVER, HeaderValue::from_static(SERVER));
    response.headers_mut().insert(HeaderName::from_static("x-stand-in"), HeaderValue::from_static("vv"));
    response
}

/// A line on stderr: the log.
#[expect(clippy::print_stderr, reason = "it is this program's log")]
pub fn complain(text: &str) {
    eprintln!("{SERVER}: {text}");
}
