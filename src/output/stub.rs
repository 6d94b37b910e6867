//! The stand-in's log: JSON lines on stdout, and to Logstash where it is told to.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::trace::SpanContext;

/// Lines that wait for Logstash at most; more are dropped.
const QUEUE: usize = 1024;

/// Writes log lines.
pub struct StubLog {
    service: String,
    logstash: Option<mpsc::Sender<String>>,
}

impl StubLog {
    /// `logstash` is `host:port` of its TCP input for JSON lines.
    pub fn new(service: &str, logstash: Option<String>) -> Self {
        let logstash = logstash.map(|address| {
            let (sender, lines) = mpsc::channel(QUEUE);
            tokio::spawn(ship(address, lines));
            sender
        });
        Self { service: service.to_owned(), logstash }
    }

    /// Writes a line with these further fields.
    pub fn line(&self, level: &str, message: &str, span: Option<SpanContext>, fields: Value) {
        let mut line = json!({
            "timestamp": jiff::Timestamp::now().to_string(),
            "level": level,
            "service": self.service,
            "message": message,
            "trace_id": span.map(|span| span.trace_id()),
        });
        if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
            line.extend(fields);
        }
        let line = line.to_string();
        // Nobody is left to be told that stdout is gone.
        let _ = writeln!(io::stdout().lock(), "{line}");
        if let Some(logstash) = &self.logstash {
            let _ = logstash.try_send(line);
        }
    }
}

/// Sends lines, reconnecting for as long as it takes; a line that couldn't be sent is sent first after that.
async fn ship(address: String, mut lines: mpsc::Receiver<String>) {
    let mut connection: Option<TcpStream> = None;
    while let Some(line) = lines.recv().await {
        loop {
            if connection.is_none() {
                connection = TcpStream::connect(&address).await.ok();
            }
            if let Some(stream) = &mut connection {
                if stream.write_all(format!("{line}\n").as_bytes()).await.is_ok() {
                    break;
                }
                connection = None;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
