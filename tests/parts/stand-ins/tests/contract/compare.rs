//! Compares an answer with the recorded one, apart from what varies from run to run.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fancy_regex::Regex;
use serde_json::{Map, Value, json};

/// What differs each time: times, the node, the machine.
const VARIES: [&str; 12] = [
    "created_at",
    "updated_at",
    "node_id",
    "hostname",
    "pids",
    "timers",
    "memory",
    "server",
    "tagline",
    "lua_version",
    "configuration_hash",
    "workers_lua_vms",
];

/// What of `configuration` is read by those who ask: the rest is the installation's.
const CONFIGURATION: [&str; 5] =
    ["database", "role", "router_flavor", "worker_consistency", "loaded_plugins"];

/// Values that Kong made up: the recorded ones, and those of the replay that stand for them.
#[derive(Debug, Default)]
pub struct Bound {
    live: BTreeMap<String, String>,
}

impl Bound {
    /// A request with the replay's values in place of the recorded ones.
    pub fn apply(&self, text: &str) -> String {
        self.live.iter().fold(text.to_owned(), |text, (recorded, live)| text.replace(recorded, live))
    }

    /// Whether a value is the recorded one, or stands for it from now on.
    fn same(&mut self, field: &str, recorded: &str, live: &str) -> bool {
        if recorded == live {
            return true;
        }
        if let Some(bound) = self.live.get(recorded) {
            return bound == live;
        }
        let generated =
            |text: &str| text.len() == 32 && text.chars().all(|char| char.is_ascii_alphanumeric());
        let uuid = |text: &str| text.len() == 36 && uuid::Uuid::try_parse(text).is_ok();
        let made_up = match field {
            "id" | "entity_id" => uuid(recorded) && uuid(live),
            "key" | "secret" | "client_id" | "client_secret" => generated(recorded) && generated(live),
            _ => false,
        };
        if made_up {
            self.live.insert(recorded.to_owned(), live.to_owned());
        }
        made_up
    }
}

/// How exact to be.
pub struct Comparison<'a> {
    pub bound: &'a mut Bound,
    /// Hashes of renamed entities can't be the recorded ones.
    pub renamed: bool,
    /// A list whose order is what it is about.
    pub ordered: bool,
}

impl Comparison<'_> {
    /// What differs, if anything.
    pub fn differs(&mut self, recorded: &Value, live: &Value) -> Option<String> {
        self.value("", "", recorded, live).err()
    }

    fn value(&mut self, at: &str, field: &str, recorded: &Value, live: &Value) -> Result<(), String> {
        let wrong = || Err(format!("{at}: {} instead of {}", short(live), short(recorded)));
        match (recorded, live) {
            (Value::Object(recorded), Value::Object(live)) => self.object(at, field, recorded, live),
            (Value::Array(recorded), Value::Array(live)) => self.list(at, field, recorded, live),
            (Value::String(recorded), Value::String(live)) => {
                let hash = field == "password" && self.renamed && live.len() == 40;
                let (left, right) = (plain(recorded), plain(live));
                let left =
                    if self.bound.live.is_empty() { left } else { self.bound.apply_unless(field, &left) };
                if hash || left == right || self.bound.same(field, &left, &right) { Ok(()) } else { wrong() }
            }
            // Kong counts down.
            (Value::Number(_), Value::Number(_)) if field == "ttl" => Ok(()),
            (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => Ok(()),
            _ if recorded == live => Ok(()),
            _ => wrong(),
        }
    }

    fn object(
        &mut self,
        at: &str,
        field: &str,
        recorded: &Map<String, Value>,
        live: &Map<String, Value>,
    ) -> Result<(), String> {
        let matters = |name: &str| match field {
            "configuration" => CONFIGURATION.contains(&name),
            _ => !VARIES.contains(&name),
        };
        for (name, value) in recorded.iter().filter(|(name, _)| matters(name)) {
            let Some(live) = live.get(name) else { return Err(format!("{at}: no '{name}'")) };
            // Of plugins it is told which there are.
            if field == "available_on_server" {
                continue;
            }
            self.value(&format!("{at}.{name}"), name, value, live)?;
        }
        match live.keys().find(|name| matters(name) && !recorded.contains_key(*name)) {
            Some(name) => Err(format!("{at}: '{name}' isn't in the recorded answer")),
            None => Ok(()),
        }
    }

    fn list(&mut self, at: &str, field: &str, recorded: &[Value], live: &[Value]) -> Result<(), String> {
        if recorded.len() != live.len() {
            return Err(format!(
                "{at}: {} instead of {} elements: {}",
                live.len(),
                recorded.len(),
                short(&json!(live))
            ));
        }
        let as_set =
            ["enabled_plugins", "enabled_in_cluster"].contains(&field) || (field == "data" && !self.ordered);
        if !as_set {
            let mut pairs = recorded.iter().zip(live).enumerate();
            return pairs.try_for_each(|(index, (recorded, live))| {
                self.value(&format!("{at}[{index}]"), field, recorded, live)
            });
        }
        let mut rest: Vec<&Value> = live.iter().collect();
        for value in recorded {
            let found = rest.iter().position(|live| {
                let before = self.bound.live.clone();
                let same = self.value(at, "", value, live).is_ok();
                if !same {
                    self.bound.live = before;
                }
                same
            });
            match found {
                Some(index) => drop(rest.remove(index)),
                None => {
                    return Err(format!("{at}: nothing like {} among {}", short(value), short(&json!(rest))));
                }
            }
        }
        Ok(())
    }
}

impl Bound {
    fn apply_unless(&self, field: &str, text: &str) -> String {
        if matches!(field, "id" | "entity_id" | "key" | "secret") {
            text.to_owned()
        } else {
            self.apply(text)
        }
    }
}

/// A text without what varies: OpenSSL's words, the order inside the braces of a unique violation.
fn plain(text: &str) -> String {
    static OPENSSL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(invalid (?:certificate|key): )[^;)]*").unwrap());
    let text = OPENSSL.replace_all(text, "$1…").into_owned();
    let Some(inner) =
        text.strip_prefix("UNIQUE violation detected on '{").and_then(|text| text.strip_suffix("}'"))
    else {
        return text;
    };
    let mut parts: Vec<&str> = inner.split(',').collect();
    parts.sort_unstable();
    format!("UNIQUE violation: {}", parts.join(","))
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(700).collect()
}

#[test]
fn what_differs_is_noticed() {
    let recorded =
        json!({"id": "aaaaaaaa-0000-4000-8000-000000000001", "name": "a", "retries": 5, "created_at": 1});
    let mut bound = Bound::default();
    let mut differs = |live: Value| {
        Comparison { bound: &mut bound, renamed: false, ordered: false }.differs(&recorded, &live).is_some()
    };
    let id = "bbbbbbbb-0000-4000-8000-000000000001";
    assert!(!differs(json!({"id": id, "name": "a", "retries": 5, "created_at": 2})));
    for wrong in [
        json!({"id": id, "name": "b", "retries": 5, "created_at": 1}),
        json!({"id": id, "name": "a", "retries": 6, "created_at": 1}),
        json!({"id": id, "name": "a", "created_at": 1}),
        json!({"id": id, "name": "a", "retries": 5, "created_at": 1, "more": null}),
        // Once it stands for the recorded one, no other does.
        json!({"id": "cccccccc-0000-4000-8000-000000000001", "name": "a", "retries": 5, "created_at": 1}),
    ] {
        assert!(differs(wrong.clone()), "{wrong}");
    }
}
