//! Answers in tests for Kong, Konga, Grafana and Kafka UI, whose real images can't be had there.
//!
//! Which one it answers for is the name it is called by, else the first argument, else `VV_STAND_IN`. It says what
//! it is in its Server header and its pages, and never passes for the real thing.

use std::process::ExitCode;

use vv_stand_ins::{complain, kafka_ui, kong, pages};

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
        ("kong", arguments) => kong::command::run(arguments, say).await,
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

#[expect(clippy::print_stdout, reason = "it is this program's output")]
fn say(text: &str) {
    println!("{text}");
}
