//! The recordings, with what a replay must put in the place of what can't be the same.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

/// One recorded exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub name: String,
    pub method: String,
    pub port: u16,
    /// Path and query.
    pub path: String,
    pub content_type: String,
    /// An object where JSON was sent, otherwise a text.
    pub body: Value,
    pub status: u16,
    pub json: Value,
    pub text: String,
}

/// The exchanges of a folder. `ports` are the upstreams' in the replay; private keys and their certificates are replaced
/// by pairs made for it.
pub fn load(folder: &str, ports: &[(&str, u16)]) -> Vec<Exchange> {
    let path = format!("{}/../../fixtures/kong-3.4.2/{folder}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let mut text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    for (recorded, port) in ports {
        let whole = fancy_regex::Regex::new(&format!(r"\b{recorded}\b")).unwrap();
        text = whole.replace_all(&text, port.to_string()).into_owned();
    }
    for (recorded, made) in pairs(&text) {
        text = text.replace(&escaped(&recorded), &escaped(&made));
    }
    text.lines().map(|line| exchange(&serde_json::from_str(line).unwrap())).collect()
}

fn escaped(text: &str) -> String {
    serde_json::to_string(text).unwrap().trim_matches('"').to_owned()
}

/// Certificates and keys to replace: the first certificate that comes with a key belongs to it.
fn pairs(text: &str) -> Vec<(String, String)> {
    let mut certificates: BTreeMap<String, String> = BTreeMap::new();
    for line in text.lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        if let (Some(cert), Some(key)) = (exchange["body"]["cert"].as_str(), exchange["body"]["key"].as_str())
            && key.starts_with("<test private key")
            && cert.len() > 200
        {
            certificates.entry(key.to_owned()).or_insert_with(|| cert.to_owned());
        }
    }
    let mut pairs = Vec::new();
    for (key, cert) in certificates {
        let made = rcgen::generate_simple_self_signed(["made.example.test".to_owned()]).unwrap();
        pairs.push((cert, made.cert.pem()));
        pairs.push((key, made.signing_key.serialize_pem()));
    }
    pairs
}

fn exchange(line: &Value) -> Exchange {
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let url = text("url");
    let (authority, path) = url.split_once("://").unwrap().1.split_once('/').unwrap();
    let content_type = line["headers"]["Content-Type"].as_str().unwrap_or("application/json");
    Exchange {
        name: text("name"),
        method: text("method"),
        port: authority.rsplit_once(':').unwrap().1.parse().unwrap(),
        path: format!("/{path}"),
        content_type: content_type.to_owned(),
        body: line["body"].clone(),
        status: u16::try_from(line["status"].as_u64().unwrap()).unwrap(),
        json: line["json"].clone(),
        text: text("text"),
    }
}
