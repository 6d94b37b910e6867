//! The same exchanges with every entity named otherwise, so that nothing that was learned by heart can hold.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use regex::Regex;
use serde_json::{Map, Value, json};

use super::Exchange;

/// Fields whose text names an entity.
const NAMES: [&str; 9] =
    ["name", "username", "group", "key", "entity_name", "service", "route", "consumer", "upstream"];

/// The words of a document as it is written in YAML.
static YAML: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\b((?:name|username|group|key|service|route|consumer|upstream|host): "?)([\w-]+)"#)
        .expect("it is a valid regex")
});

static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"eyJ[\w-]+\.[\w-]+\.[\w-]*").expect("it is a valid regex"));

/// New names for old ones.
#[derive(Debug, Default)]
pub struct Renaming {
    names: BTreeSet<String>,
    /// What JWTs of these recordings are signed with.
    secret: Option<String>,
}

impl Renaming {
    /// For all that requests name, but for plugins, vaults and what `but` lists.
    pub fn of(exchanges: &[Exchange], but: &[&str]) -> Self {
        let mut renaming = Self::default();
        for exchange in exchanges {
            let text = exchange.body["config"].as_str().or(exchange.body.as_str());
            let parsed = text.and_then(|text| serde_yaml::from_str(text).ok());
            // `PUT /services/NAME`, `PUT /services/NAME/routes/NAME`
            let path = exchange.path();
            let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            renaming.collect(parsed.as_ref().unwrap_or(&exchange.body), within(&exchange.url));
            if exchange.method == "PUT" && !parts.contains(&"plugins") && !parts.contains(&"vaults") {
                renaming.names.extend(parts.iter().skip(1).step_by(2).map(|name| (*name).to_owned()));
            }
            if let Some(secret) = exchange.body["secret"].as_str() {
                renaming.secret.get_or_insert_with(|| secret.to_owned());
            }
        }
        let kept =
            |name: &String| name.is_empty() || name.contains([':', ' ']) || but.contains(&name.as_str());
        renaming.names.retain(|name| !kept(name));
        renaming
    }

    fn collect(&mut self, value: &Value, within: &str) {
        match value {
            Value::Object(map) => {
                let plugin = matches!(within, "plugins" | "vaults");
                for (field, value) in map {
                    match value.as_str() {
                        Some(text) if NAMES.contains(&field.as_str()) && !(plugin && field == "name") => {
                            self.names.insert(text.to_owned());
                        }
                        _ => self.collect(value, field),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|value| self.collect(value, within)),
            _ => {}
        }
    }

    /// What something is called now.
    pub fn name(&self, old: &str) -> String {
        if self.names.contains(old) { format!("renamed-{old}") } else { old.to_owned() }
    }

    /// An exchange with new names.
    pub fn exchange(&self, exchange: &Exchange, admin: bool) -> Exchange {
        let mut new = exchange.clone();
        let (address, query) =
            exchange.url.split_once('?').map_or((exchange.url.as_str(), None), |(a, b)| (a, Some(b)));
        let parts = address.split('/').enumerate();
        let parts: Vec<String> =
            parts.map(|(at, part)| if admin && at > 3 { self.name(part) } else { part.to_owned() }).collect();
        let query = query.map(|query| self.query(query));
        new.url =
            format!("{}{}", parts.join("/"), query.map(|query| format!("?{query}")).unwrap_or_default());
        new.headers = self.headers(&exchange.headers);
        new.response_headers = self.headers(&exchange.response_headers);
        new.body = match exchange.body.as_str() {
            Some(text) => json!(self.document(text)),
            None => self.value(&exchange.body, "", within(&exchange.url)),
        };
        new.json = self.value(&exchange.json, "", within(&exchange.url));
        new
    }

    fn query(&self, query: &str) -> String {
        let pairs = query.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = self.token(value).unwrap_or_else(|| self.name(value));
            format!("{name}={value}")
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    fn headers(&self, headers: &Map<String, Value>) -> Map<String, Value> {
        let new =
            headers.iter().map(|(name, value)| (name.clone(), json!(self.header(value.as_str().unwrap()))));
        new.collect()
    }

    fn header(&self, value: &str) -> String {
        if let Some(token) = self.token(value) {
            return token;
        }
        if let Some(pair) = value.strip_prefix("Basic ").and_then(|pair| STANDARD.decode(pair).ok()) {
            let pair = String::from_utf8(pair).unwrap();
            let (user, password) = pair.split_once(':').unwrap();
            return format!("Basic {}", STANDARD.encode(format!("{}:{password}", self.name(user))));
        }
        self.name(value)
    }

    /// With its JWTs signed anew: rightly if they were.
    fn token(&self, text: &str) -> Option<String> {
        let signed = |message: &str, secret: &str| {
            let key = EncodingKey::from_secret(secret.as_bytes());
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap()
        };
        let secret = self.secret.as_deref()?;
        TOKEN.is_match(text).then(|| {
            TOKEN
                .replace_all(text, |found: &regex::Captures<'_>| {
                    let parts: Vec<&str> = found[0].split('.').collect();
                    let claims = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
                    let mut claims: Value = serde_json::from_slice(&claims).unwrap();
                    let Some(issuer) = claims["iss"].as_str().filter(|issuer| self.names.contains(*issuer))
                    else {
                        return found[0].to_owned();
                    };
                    claims["iss"] = json!(self.name(issuer));
                    let message = format!("{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()));
                    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
                    let right = signed(&format!("{}.{}", parts[0], parts[1]), secret) == parts[2];
                    let signature = match (header.contains("HS256"), right) {
                        (true, true) => signed(&message, secret),
                        (true, false) => signed(&message, "another"),
                        // Looked at only after the algorithm.
                        (false, _) => parts[2].to_owned(),
                    };
                    format!("{message}.{signature}")
                })
                .into_owned()
        })
    }

    /// A document as text: JSON or YAML, in a form or not.
    fn document(&self, text: &str) -> String {
        if let Ok(document @ Value::Object(_)) = serde_json::from_str::<Value>(text) {
            return self.value(&document, "", "").to_string();
        }
        let encoded = text.starts_with("config=");
        let plain = match encoded {
            true => percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned(),
            false => text.to_owned(),
        };
        let new = YAML.replace_all(&plain, |found: &regex::Captures<'_>| {
            format!("{}{}", &found[1], self.name(&found[2]))
        });
        match (encoded, new.strip_prefix("config=")) {
            (true, Some(document)) => {
                let all = percent_encoding::NON_ALPHANUMERIC;
                format!("config={}", percent_encoding::utf8_percent_encode(document, all))
            }
            _ => new.into_owned(),
        }
    }

    fn value(&self, value: &Value, field: &str, within: &str) -> Value {
        match value {
            Value::String(text) if field == "config" => json!(self.document(text)),
            Value::String(text) if matches!(within, "plugins" | "vaults" | "plugin") && field == "name" => {
                json!(text)
            }
            Value::String(text) if field == "url" => {
                let host = text
                    .split("://")
                    .nth(1)
                    .and_then(|rest| rest.split(['/', ':']).next())
                    .unwrap_or_default();
                json!(text.replacen(host, &self.name(host), 1))
            }
            Value::String(text) if matches!(field, "allow" | "deny") => json!(self.name(text)),
            Value::String(text) if field == "host" || NAMES.contains(&field) || within == "headers" => {
                match self.names.contains(text) {
                    true => json!(self.name(text)),
                    false => json!(self.header(&self.message(text))),
                }
            }
            Value::String(text) => json!(self.token(text).unwrap_or_else(|| self.message(text))),
            Value::Array(list) => list.iter().map(|value| self.value(value, field, within)).collect(),
            Value::Object(map) => {
                // What a flattened error is about tells what its name is.
                let plugin = map.get("entity_type").and_then(Value::as_str) == Some("plugin");
                let reference = map.len() == 1 && map.values().all(Value::is_array);
                let new = map.iter().map(|(name, value)| {
                    let inside = if plugin {
                        "plugin"
                    } else if field.is_empty() {
                        within
                    } else {
                        field
                    };
                    let new = match (plugin, name.as_str()) {
                        (true, "entity_name") => value.clone(),
                        (true, "entity") => self.value(value, "plugin", "plugin"),
                        _ => self.value(value, name, if is_id(field) { within } else { inside }),
                    };
                    let renamed = reference && within == "fields";
                    (if renamed { self.name(name) } else { name.clone() }, new)
                });
                Value::Object(new.collect())
            }
            other => other.clone(),
        }
    }

    /// A message's names, which stand in quotes or behind a colon.
    fn message(&self, text: &str) -> String {
        let mut new = text.to_owned();
        if !["'", "={", "=\"", "invalid value: ", "found for "].iter().any(|mark| text.contains(mark)) {
            return new;
        }
        for name in self.names.iter().filter(|name| text.contains(name.as_str())) {
            let renamed = self.name(name);
            new = new.replace(&format!("set to '{name}'"), &format!("set to '{renamed}'"));
            new = new.replace(&format!("('{name}')"), &format!("('{renamed}')"));
            new = new.replace(&format!("={{{name}={{"), &format!("={{[\"{renamed}\"]={{"));
            new = new.replace(&format!("=\"{name}\""), &format!("=\"{renamed}\""));
            if let Some(start) = new.strip_suffix(&format!("found for {name}")) {
                new = format!("{start}found for {renamed}");
            }
            for field in ["service", "upstream"] {
                new = new.replace(&format!("'{field}: {name}'"), &format!("'{field}: {renamed}'"));
            }
            new = match new.strip_suffix(&format!("invalid value: {name}")) {
                Some(start) => format!("{start}invalid value: {renamed}"),
                None => {
                    new.replace(&format!("invalid value: {name}\""), &format!("invalid value: {renamed}\""))
                }
            };
        }
        new
    }
}

/// What a request is about, as far as it matters: plugins' and vaults' names are no entity's.
fn within(url: &str) -> &'static str {
    let path = url.split('?').next().unwrap_or_default();
    match path.split('/').rev().find(|part| ["plugins", "vaults"].contains(part)) {
        Some("plugins") => "plugins",
        Some(_) => "vaults",
        None => "",
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.matches('-').count() == 4
}
