//! Kong's routes: the shipped platforms' gateways and `vv setup-routes`, as a user types it, proven through the proxy.

mod adopting;
mod applying;
mod dbless;
mod dumping;
mod gateway;
mod interrupted;
pub mod mes;
mod mes_platform;
mod proving;
mod refusals;
mod scaling;
mod secrets;
mod stacks;
mod valueverse;

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// An answer as `curl` tells it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Asks by `curl`, with these options besides.
#[track_caller]
pub fn ask(url: &str, options: &[&str]) -> Answer {
    let output = Command::new("curl")
        .args(["-sSik", "--http1.1", "--noproxy", "*", "--max-time", "20"])
        .args(options)
        .arg(url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(':'));
    Answer {
        status: status.unwrap_or_else(|| panic!("{url}: {text}")),
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect(),
        body: body.to_owned(),
    }
}

/// Sends JSON to an Admin API, which must take it; what it answers.
#[track_caller]
pub fn send(method: &str, url: &str, body: &Value) -> Value {
    let body = body.to_string();
    let answer = ask(url, &["-X", method, "-H", "Content-Type: application/json", "--data", &body]);
    assert!((200..300).contains(&answer.status), "{method} {url} {body}: {answer:?}");
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

/// The statuses of this many requests to the same address, one after another.
#[track_caller]
pub fn statuses(url: &str, count: usize, options: &[&str]) -> Vec<u16> {
    let output = Command::new("curl")
        .args(["-sS", "--noproxy", "*", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code}\n"])
        .args(options)
        .arg(format!("{url}?n=[1-{count}]"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// A token (RFC 7519) by HS256, good for these many seconds from now.
pub fn token(issuer: &str, secret: &str, seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"iss": issuer, "sub": "user-1", "exp": i64::try_from(now).unwrap() + seconds});
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(&claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Waits for the next minute where this one is nearly over: limits count per minute of the clock.
pub fn early_in_a_minute() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    if now % 60 > 40 {
        std::thread::sleep(std::time::Duration::from_secs(61 - now % 60));
    }
}
