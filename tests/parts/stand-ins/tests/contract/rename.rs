//! Renames all entities of a recording: names, keys, tags, host names, ids. The order of ids stays.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use fancy_regex::{Captures, Regex};
use serde_json::{Value, json};

use crate::recording::Exchange;

/// Fields whose text names an entity.
const NAMING: [&str; 9] =
    ["name", "username", "custom_id", "key", "group", "instance_name", "prefix", "tag", "client_id"];

/// What a rename knows.
pub struct Renamer {
    names: BTreeSet<String>,
    uuid: Regex,
    offset: Regex,
    quoted: Regex,
}

impl Renamer {
    /// For the names in a recording's requests.
    pub fn of(exchanges: &[Exchange]) -> Self {
        let mut renamer = Self {
            names: BTreeSet::new(),
            uuid: Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").unwrap(),
            offset: Regex::new(r"(?<=offset=)[A-Za-z0-9_-]{20,}").unwrap(),
            quoted: Regex::new(r#"(["'])([^"']+)\1"#).unwrap(),
        };
        for exchange in exchanges.iter().filter(|exchange| exchange.port != 8000) {
            renamer.learn(&exchange.body);
            let path = exchange.path.split('?').next().unwrap();
            let parts: Vec<&str> = path.split('/').skip(1).collect();
            // Collections and what is inside of them take turns.
            for name in parts.iter().skip(1).step_by(2).filter(|_| !is_fixed(&parts)) {
                renamer.add(name);
            }
        }
        renamer
    }

    fn add(&mut self, name: &str) {
        let valid = name.chars().all(|char| char.is_ascii_alphanumeric() || "-_.* :=".contains(char));
        // An address stays one, what is reserved stays reserved.
        let address = name.split([':', '.']).all(|part| part.parse::<u64>().is_ok());
        if valid
            && !address
            && !["env", "all", "healthy", "unhealthy", ""].contains(&name)
            && !self.uuid.is_match(name).unwrap()
        {
            self.names.insert(name.to_owned());
        }
    }

    fn learn(&mut self, body: &Value) {
        let Value::Object(map) = body else { return };
        let typed = is_typed(body);
        for (field, value) in map {
            match value {
                // A name with a blank is a wrong one.
                Value::String(text)
                    if NAMING.contains(&field.as_str())
                        && (field != "name" || !typed)
                        && !text.starts_with("-----")
                        && !text.contains(' ') =>
                {
                    self.add(text);
                }
                Value::Array(list) if field == "tags" || field == "snis" => {
                    list.iter().filter_map(Value::as_str).for_each(|text| self.add(text));
                }
                Value::Object(_) if field != "config" => self.learn(value),
                _ => {}
            }
        }
    }

    fn name(&self, name: &str) -> String {
        if self.names.contains(name) { self.known(name) } else { self.message(name) }
    }

    /// A name, or a text without one.
    fn known(&self, name: &str) -> String {
        if !self.names.contains(name) {
            return self.text(name);
        }
        match name.strip_prefix("*.") {
            Some(rest) => format!("*.n{rest}"),
            None => format!("n{name}"),
        }
    }

    /// Ids and offsets inside a text.
    fn text(&self, text: &str) -> String {
        let id = |found: &Captures<'_, str>| {
            let id = &found[0];
            let low = u64::from_str_radix(&id[24..], 16).unwrap();
            format!("{}{:012x}", &id[..24], (low + 0x5_0000) & 0xffff_ffff_ffff)
        };
        let ids = |text: &str| self.uuid.replace_all(text, id).into_owned();
        let offset = |found: &Captures<'_, str>| match BASE64.decode(&found[0]) {
            Ok(json) => BASE64.encode(ids(&String::from_utf8_lossy(&json))),
            Err(_) => found[0].to_owned(),
        };
        ids(&self.offset.replace_all(text, offset))
    }

    /// An exchange with everything renamed.
    pub fn exchange(&self, exchange: &Exchange) -> Exchange {
        Exchange {
            path: if exchange.port == 8000 { exchange.path.clone() } else { self.path(&exchange.path) },
            body: match &exchange.body {
                Value::String(form) if !form.starts_with('{') => json!(self.text(form)),
                body => self.value(body),
            },
            json: self.value(&exchange.json),
            ..exchange.clone()
        }
    }

    fn path(&self, path: &str) -> String {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let parts: Vec<&str> = path.split('/').collect();
        let fixed = is_fixed(&parts[1..]);
        let renamed: Vec<String> = parts
            .iter()
            .enumerate()
            .map(|(index, part)| match index % 2 == 0 && !fixed {
                true => self.name(part),
                false => self.text(part),
            })
            .collect();
        let mut out = renamed.join("/");
        if let Some(query) = query {
            let renamed: Vec<String> = query
                .split('&')
                .map(|pair| match pair.split_once('=') {
                    Some(("tags", tags)) => {
                        let encoded = tags.contains("%2C");
                        let tags = tags.replace("%2C", ",");
                        let each = tags.split_inclusive([',', '/']).map(|tag| {
                            let end = tag.len() - tag.ends_with([',', '/']) as usize;
                            format!("{}{}", self.name(&tag[..end]), &tag[end..])
                        });
                        let tags: String = each.collect();
                        format!("tags={}", if encoded { tags.replace(',', "%2C") } else { tags })
                    }
                    Some(("custom_id", id)) => format!("custom_id={}", self.name(id)),
                    _ => self.text(pair),
                })
                .collect();
            out = format!("{out}?{}", renamed.join("&"));
        }
        out
    }

    fn value(&self, value: &Value) -> Value {
        let typed = is_typed(value);
        match value {
            Value::Object(map) => map
                .iter()
                .map(|(field, value)| {
                    let renamed = match value {
                        Value::String(text) if field == "next" => json!(self.path(text)),
                        Value::String(text) if field == "offset" => {
                            let whole = self.text(&format!("offset={text}"));
                            json!(whole.trim_start_matches("offset="))
                        }
                        // The plugins and vaults themselves keep their names.
                        Value::String(text) if field == "name" && typed => json!(text),
                        Value::String(text) if NAMING.contains(&field.as_str()) => {
                            json!(self.name(text))
                        }
                        // An upstream's name, and not a certificate's that looks the same.
                        Value::String(text) if field == "host" && !text.contains('.') => {
                            json!(self.name(text))
                        }
                        Value::Array(list) if ["tags", "snis"].contains(&field.as_str()) => list
                            .iter()
                            .map(|one| {
                                one.as_str().map_or_else(|| one.clone(), |text| json!(self.name(text)))
                            })
                            .collect(),
                        Value::Object(_) if field == "config" => value.clone(),
                        value => self.value(value),
                    };
                    (field.clone(), renamed)
                })
                .collect(),
            Value::Array(list) => list.iter().map(|value| self.value(value)).collect(),
            Value::String(text) => json!(self.message(text)),
            value => value.clone(),
        }
    }

    /// A message: what it quotes.
    fn message(&self, text: &str) -> String {
        let quoted = |found: &Captures<'_, str>| {
            let quote = &found[1];
            let known = thing(&found[2]);
            // Ids follow below.
            let inner = match self.names.contains(&found[2]) && !known {
                true => self.known(&found[2]),
                false => found[2].to_owned(),
            };
            format!("{quote}{inner}{quote}")
        };
        if text.starts_with("No plugin named") || text.starts_with("No entity named") {
            return text.to_owned();
        }
        let text = self.quoted.replace_all(text, quoted).into_owned();
        // `NAME is duplicated`, `NAME already associated …`, `no healthchecker found for NAME`
        let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        for word in [0, words.len() - 1] {
            if (words.len() > 1 && words[word].contains(".test")) || text.starts_with("no healthchecker") {
                words[word] = self.known(&words[word]);
            }
        }
        let text = words.join(" ").replace("(snis: a.example.test", "(snis: na.example.test");
        self.text(&text.replace("(snis: d.example.test", "(snis: nd.example.test"))
    }
}

/// Paths whose parts aren't collections and names.
fn is_fixed(parts: &[&str]) -> bool {
    matches!(parts.first(), Some(&("schemas" | "plugins" | "status" | "debug" | "cache" | "clustering")))
        && !(parts.first() == Some(&"plugins")
            && parts.len() > 1
            && parts[1] != "enabled"
            && parts[1] != "schema")
}

/// Whether its `name` says what it is.
fn is_typed(value: &Value) -> bool {
    let plugin = value["name"].as_str().is_some_and(is_plugin);
    let error = value["code"].is_number();
    value.get("config").is_some() || error || (plugin && value.get("paths").is_none())
}

/// Plugins, vaults, and what the recorder asked for in vain.
fn is_plugin(name: &str) -> bool {
    let enabled = vv_stand_ins::kong::schema::enabled_plugins().as_array().unwrap();
    ["env", "hcv", "no-such-plugin", "no-such", "nope"].contains(&name) || enabled.contains(&json!(name))
}

/// Words in quotes that aren't names of entities.
fn thing(word: &str) -> bool {
    ["services", "routes", "plugins", "consumers", "upstreams", "certificates", "name", "tags", "paths"]
        .contains(&word)
        || is_plugin(word)
}

#[test]
fn everything_is_renamed_on_both_sides() {
    let exchanges = crate::recording::load("db-postgres", &[]);
    let renamer = Renamer::of(&exchanges);
    let renamed = |name: &str| {
        let found = exchanges.iter().find(|exchange| exchange.name.ends_with(name)).unwrap();
        renamer.exchange(found)
    };
    let put = renamed("service-put-create");
    assert_eq!((put.path.as_str(), &put.json["name"]), ("/services/norders", &json!("norders")));
    assert_eq!(put.json["tags"], json!(["nvv", "nvv-stack-demo"]));
    let taken = renamed("service-post-duplicate-409").json;
    assert_eq!(taken["fields"], json!({"name": "nbilling"}));
    assert_eq!(taken["message"], "UNIQUE violation detected on '{name=\"nbilling\"}'");
    assert_eq!(renamed("tags-and").path, "/services?tags=nseed,nodd");
    let (before, after) = (&exchanges[8].json["id"], &put.json["id"]);
    assert!(before != after && before.as_str().unwrap()[..20] == after.as_str().unwrap()[..20]);
}
