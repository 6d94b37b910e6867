//! Whether an answer is the recorded one, but for what varies from run to run.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// Ids that were recorded, and those that stand for them now.
#[derive(Debug, Default)]
pub struct Ids {
    now: HashMap<String, String>,
    /// In the order in which they were learned.
    learned: Vec<String>,
    /// Whether ids made from names must be the recorded ones.
    exact: bool,
}

static UUID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").expect("it is a valid regex")
});

/// OpenSSL's words behind Kong's.
static OPENSSL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("(invalid (?:certificate|key)): [^\"]*").expect("it is a valid regex"));

/// Whatever changes with time or is the machine's.
const VARIES: [&str; 12] = [
    "created_at",
    "updated_at",
    "memory",
    "server",
    "timers",
    "pids",
    "node_id",
    "hostname",
    "lua_version",
    // The stand-in says that it is one.
    "tagline",
    "configuration",
    "plugins_enabled",
];

impl Ids {
    /// None known yet.
    pub fn new(exact: bool) -> Self {
        Self { exact, ..Self::default() }
    }

    /// A text of a request with the ids of now.
    pub fn translate(&self, text: &str) -> String {
        UUID.replace_all(text, |found: &regex::Captures<'_>| {
            self.now.get(&found[0]).cloned().unwrap_or_else(|| found[0].to_owned())
        })
        .into_owned()
    }

    fn same_id(&mut self, recorded: &str, now: &str) -> bool {
        if let Some(known) = self.now.get(recorded) {
            return known == now;
        }
        let made_from_names = |id: &str| id.as_bytes().get(14) == Some(&b'5');
        let fits = match self.exact {
            true => recorded == now || !made_from_names(recorded),
            false => true,
        };
        if !fits || made_from_names(recorded) != made_from_names(now) {
            return false;
        }
        self.now.insert(recorded.to_owned(), now.to_owned());
        self.learned.push(recorded.to_owned());
        true
    }

    fn same_text(&mut self, recorded: &str, now: &str) -> bool {
        let recorded = OPENSSL.replace_all(recorded, "$1");
        let now = OPENSSL.replace_all(now, "$1");
        if recorded == now && !self.now.contains_key(recorded.as_ref()) {
            return true;
        }
        let without = |text: &str| UUID.replace_all(text, "ID").into_owned();
        if without(&recorded) != without(&now) {
            return false;
        }
        let pairs: Vec<(String, String)> = UUID
            .find_iter(&recorded)
            .zip(UUID.find_iter(&now))
            .map(|(a, b)| (a.as_str().to_owned(), b.as_str().to_owned()))
            .collect();
        pairs.iter().all(|(recorded, now)| self.same_id(recorded, now))
    }

    /// Tries, and forgets what was learned where it fails. Entities of other names aren't looked at for long.
    fn attempt(&mut self, recorded: &Value, now: &Value) -> Result<(), String> {
        for field in ["name", "username", "key", "target", "group"] {
            if recorded["id"].is_string() && recorded[field].is_string() && recorded[field] != now[field] {
                return Err(format!("{field}: recorded {}, now {}", recorded[field], now[field]));
            }
        }
        let before = self.learned.len();
        let result = self.same(recorded, now, "");
        if result.is_err() {
            for id in self.learned.drain(before..) {
                self.now.remove(&id);
            }
        }
        result
    }

    /// Where two values differ.
    pub fn same(&mut self, recorded: &Value, now: &Value, path: &str) -> Result<(), String> {
        let differ = || Err(format!("{path}: recorded {recorded}, now {now}"));
        match (recorded, now) {
            (Value::String(a), Value::String(b)) => {
                let documents = path.ends_with(".config").then(|| (yaml(a), yaml(b)));
                match documents {
                    Some((Some(a), Some(b))) => self.same(&a, &b, &format!("{path}(yaml)")),
                    _ if path.ends_with("configuration_hash") => {
                        let empty = |hash: &str| hash.chars().all(|char| char == '0');
                        if empty(a) == empty(b) { Ok(()) } else { differ() }
                    }
                    _ if ["secret", "key", "password"].iter().any(|name| path.ends_with(name))
                        && made(a, b) =>
                    {
                        Ok(())
                    }
                    _ if path.ends_with("body.body") && json(a).is_some() && json(a) == json(b) => Ok(()),
                    _ if self.same_text(a, b) => Ok(()),
                    _ => differ(),
                }
            }
            (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => Ok(()),
            // A list's order is that of ids, or a table's.
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() && a.iter().any(Value::is_object) => {
                let mut left: Vec<&Value> = b.iter().collect();
                for recorded in a {
                    let mut why = None;
                    let found = left.iter().position(|now| {
                        self.attempt(recorded, now)
                            .inspect_err(|error| why = why.take().or(Some(error.clone())))
                            .is_ok()
                    });
                    match found {
                        Some(found) => left.remove(found),
                        None => return Err(format!("{path}[]: {}", why.unwrap_or_default())),
                    };
                }
                Ok(())
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
                .iter()
                .zip(b)
                .enumerate()
                .try_for_each(|(index, (a, b))| self.same(a, b, &format!("{path}[{index}]"))),
            (Value::Object(a), Value::Object(b)) if a.len() == b.len() => self.same_map(a, b, path),
            (a, b) if a == b => Ok(()),
            _ => differ(),
        }
    }

    fn same_map(&mut self, a: &Map<String, Value>, b: &Map<String, Value>, path: &str) -> Result<(), String> {
        for (name, recorded) in a {
            if VARIES.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{path}.{name}");
            if !UUID.is_match(name) {
                let now = b.get(name).ok_or_else(|| format!("{path} is missing"))?;
                self.same(recorded, now, &path)?;
                continue;
            }
            // The same id, else any entity that fits.
            let known = self.now.get(name).unwrap_or(name);
            if let Some(now) = b.get(known) {
                self.same(recorded, now, &path)?;
                continue;
            }
            let fits =
                b.iter().any(|(id, now)| self.attempt(recorded, now).is_ok() && self.same_id(name, id));
            if !fits {
                return Err(format!("{path}: nothing fits in {b:?}"));
            }
        }
        Ok(())
    }
}

/// Kong completes a schema when it first uses it: two recordings of the same one differ in that.
pub fn without_first_use(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|name, value| name != "len_min" || *value != 1);
            if let Some(Value::Object(elements)) = map.get_mut("elements") {
                elements.remove("required");
            }
            map.values_mut().for_each(without_first_use);
        }
        Value::Array(list) => list.iter_mut().for_each(without_first_use),
        _ => {}
    }
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str::<Value>(text).ok()
}

/// Whether both are made by chance, or hashes.
fn made(a: &str, b: &str) -> bool {
    let long =
        |text: &str| matches!(text.len(), 32 | 40) && text.chars().all(|char| char.is_ascii_alphanumeric());
    long(a) && long(b)
}

fn yaml(text: &str) -> Option<Value> {
    serde_yaml::from_str::<Value>(text).ok().filter(Value::is_object)
}
