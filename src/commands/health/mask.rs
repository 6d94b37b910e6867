//! Takes the values of secrets out of what a bundle shows. Pure.
//!
//! Three nets, one behind the other: what a name says is a secret (`DB_PASSWORD`), what the stack and its containers
//! are known to keep secret, wherever it turns up (a log line, a command), and what looks like one (`password=…`, a
//! login in a URL).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::plan::secret::is_secret_name;
use crate::probe::Secrets;
use crate::stack::Service;

/// What stands in a secret's place.
const HIDDEN: &str = "•••";

/// Known values, and how they are taken out.
pub struct Mask {
    /// The longest first: one may hold another.
    known: Vec<String>,
}

/// A pattern of this file.
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("proof: the patterns of this file are compiled in its tests")
}

/// `://user:password@`, `://token@`
static LOGIN: LazyLock<[Regex; 2]> =
    LazyLock::new(|| [pattern(r#"(://[^/\s:@"']*:)[^@\s"']+@"#), pattern(r#"(://)[^/\s:@"'•]+@"#)]);

/// `password=…`, `"api_key": "…"`, `Authorization: Bearer …`
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"((?i-u:password|passwd|passphrase|pwd|secret|token|api[_-]?key|private[_-]?key|credential|authorization)",
        r#"[A-Za-z0-9_.-]*\\?["']?\s*[:=]\s*\\?["']?)(?:(?i-u:bearer|basic)\s+)?[^\s"',;&}\\]+"#
    ))
});

/// `--requirepass …`, `--db-password …`
static FLAG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(--?[A-Za-z0-9_-]*(?i-u:pass|password|secret|token|masterauth|api-?key)[ =]+["']?)[^\s"']+"#)
});

impl Mask {
    /// Of what these services keep secret, and of what is in these environments of containers.
    pub fn of<'a>(
        services: impl IntoIterator<Item = &'a Service> + Clone,
        environments: &[BTreeMap<String, String>],
    ) -> Self {
        let mut open = BTreeSet::from(["admin", "root", "true", "false"].map(str::to_owned));
        open.extend(services.clone().into_iter().map(|service| service.name.clone()));
        let declared = services.clone().into_iter().flat_map(|service| {
            service.environment.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
        });
        let variables: Vec<(String, String)> = declared
            .chain(environments.iter().flatten().map(|(name, value)| (name.clone(), value.clone())))
            .collect();
        for (name, value) in &variables {
            let name = name.to_ascii_uppercase();
            // A password that is also the user's name (`postgres/postgres`) would blot out half of every line.
            if ["USER", "DB", "DATABASE", "HOST"].iter().any(|word| name.ends_with(word)) {
                open.insert(value.clone());
            }
        }
        let mut known: Vec<String> =
            services.into_iter().flat_map(|service| Secrets::of(service).into_values()).collect();
        known.extend(
            variables
                .into_iter()
                .filter(|(name, value)| kept_secret(name, value))
                .map(|(_, value)| value.trim().to_owned()),
        );
        // A file's content is logged line by line.
        let lines: Vec<String> =
            known.iter().flat_map(|text| text.lines().skip(1).map(|line| line.trim().to_owned())).collect();
        known.extend(lines.into_iter().filter(|line| line.len() >= 8));
        known.retain(|value| value.len() >= 4 && !open.contains(value));
        known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.dedup();
        Self { known }
    }

    /// A text without them.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.known {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), HIDDEN);
            }
        }
        let text = LOGIN[0].replace_all(&text, format!("${{1}}{HIDDEN}@"));
        let text = LOGIN[1].replace_all(&text, format!("${{1}}{HIDDEN}@"));
        let text = FLAG.replace_all(&text, format!("${{1}}{HIDDEN}"));
        ASSIGNED.replace_all(&text, format!("${{1}}{HIDDEN}")).into_owned()
    }

    /// A document without them.
    pub fn document(&self, document: Value) -> Value {
        match document {
            Value::Object(map) => Value::Object(self.map(map)),
            Value::Array(items) => Value::Array(self.items(items)),
            Value::String(text) => Value::String(self.entry(&text)),
            other => other,
        }
    }

    fn map(&self, map: Map<String, Value>) -> Map<String, Value> {
        map.into_iter()
            .map(|(name, value)| {
                let value = match value {
                    // What a secret of the stack holds; where it comes from is no secret.
                    Value::Object(secrets) if name == "secrets" => Value::Object(
                        secrets
                            .into_iter()
                            .map(|(name, value)| (name, self.without_content(value)))
                            .collect(),
                    ),
                    Value::String(_) | Value::Number(_) if names_a_secret(&name) => HIDDEN.into(),
                    // A user and a password.
                    Value::String(_) if name == "login" => HIDDEN.into(),
                    other => self.document(other),
                };
                (self.text(&name), value)
            })
            .collect()
    }

    fn without_content(&self, secret: Value) -> Value {
        match self.document(secret) {
            Value::Object(mut fields) => {
                if let Some(content) = fields.get_mut("content") {
                    *content = HIDDEN.into();
                }
                Value::Object(fields)
            }
            other => other,
        }
    }

    /// A list; what follows a flag such as `--requirepass` is the flag's value.
    fn items(&self, items: Vec<Value>) -> Vec<Value> {
        let mut after_flag = false;
        items
            .into_iter()
            .map(|item| {
                let hide = std::mem::take(&mut after_flag);
                if let Value::String(word) = &item {
                    let upper = word.to_ascii_uppercase();
                    after_flag = word.starts_with('-')
                        && !word.contains(['=', ' '])
                        && (names_a_secret(word) || upper.ends_with("PASS"));
                    if hide {
                        return HIDDEN.into();
                    }
                }
                self.document(item)
            })
            .collect()
    }

    /// A text that may be a variable with its value.
    fn entry(&self, text: &str) -> String {
        match text.split_once('=') {
            Some((name, value)) if is_a_name(name) && names_a_secret(name) && !value.is_empty() => {
                format!("{name}={HIDDEN}")
            }
            _ => self.text(text),
        }
    }
}

fn is_a_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.')
}

/// Whether a value under this name is a secret. A path to one isn't.
fn names_a_secret(name: &str) -> bool {
    is_secret_name(name) && !name.to_ascii_uppercase().ends_with("_FILE")
}

/// Whether a variable's value is to be hidden wherever it turns up. A name such as `SORT_KEY` alone says too little to
/// blot a short, common word out of everything.
fn kept_secret(name: &str, value: &str) -> bool {
    let strong = ["PASS", "SECRET", "TOKEN", "CREDENTIAL"];
    let value = value.trim();
    names_a_secret(name)
        && (strong.iter().any(|word| name.to_ascii_uppercase().contains(word))
            || value.len() >= 8 && !value.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mask() -> Mask {
        let mut service = Service { name: "api".into(), ..Service::default() };
        let variables = [
            ("DB_PASSWORD", "hunter22"),
            ("DB_USER", "shopkeeper"),
            ("OTHER_PASSWORD", "shopkeeper"),
            ("DATABASE_URL", "postgres://app:s3cret-in-url@db/shop"),
            ("SORT_KEY", "name"),
            ("LOG_LEVEL", "info"),
        ];
        service.environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect();
        let inside = BTreeMap::from([("JWT_KEY".to_owned(), "only-in-the-container".to_owned())]);
        Mask::of([&service], &[inside])
    }

    #[test]
    fn texts() {
        let mask = mask();
        let lines = [
            "login of shopkeeper with hunter22 at info level, sorted by name",
            "dial postgres://app:s3cret-in-url@db/shop and redis://:zzz@cache and https://tok3n@git/x",
            "signed by only-in-the-container",
            r#"{"password":"qqq","user":"app","nested":"{\"token\":\"rrr\"}"}"#,
            "GET / Authorization: Bearer abc.def.ghi",
            "api_key=kkk&page=2; client-secret: sss",
            "redis-server --requirepass rrr --port 6379 --db-password=ddd",
            "password authentication failed for user \"app\"",
            "FATAL: no secret here, the token expired",
        ];
        let told: Vec<String> = lines.iter().map(|line| mask.text(line)).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        login of shopkeeper with ••• at info level, sorted by name
        dial postgres://app:•••@db/shop and redis://:•••@cache and https://•••@git/x
        signed by •••
        {"password":"•••","user":"app","nested":"{\"token\":\"•••\"}"}
        GET / Authorization: •••
        api_key=•••&page=2; client-secret: •••
        redis-server --requirepass ••• --port 6379 --db-password=•••
        password authentication failed for user "app"
        FATAL: no secret here, the token expired
        "#);
    }

    #[test]
    fn documents() {
        let document = json!({
            "Config": {
                "Env": ["DB_PASSWORD=hunter22", "PLAIN=x", "POSTGRES_PASSWORD_FILE=/run/secrets/pw", "API_TOKEN=", "URL=amqp://a:bbb@mq"],
                "Cmd": ["redis-server", "--requirepass", "zzzz", "--port", "6379"],
                "Labels": {"traefik.auth.users": "admin:$apr1$x", "org.title": "Shop", "app.password": 12345},
            },
            "Args": ["-c", "login --token=abc hunter22"],
            "environment": {"DB_PASSWORD": "hunter22", "JWT_KEY": null, "MODE": "fast"},
            "secrets": {"db": {"content": "cccc", "name": "shop_db"}},
            "x-vv": {"urls": [{"login": "admin/admin", "port": 80}]},
            "State": {"Running": true, "Health": {"Log": [{"Output": "no entry for hunter22"}]}},
        });
        insta::assert_json_snapshot!(mask().document(document), @r#"
        {
          "Args": [
            "-c",
            "login --token=••• •••"
          ],
          "Config": {
            "Cmd": [
              "redis-server",
              "--requirepass",
              "•••",
              "--port",
              "6379"
            ],
            "Env": [
              "DB_PASSWORD=•••",
              "PLAIN=x",
              "POSTGRES_PASSWORD_FILE=•••",
              "API_TOKEN=",
              "URL=amqp://a:•••@mq"
            ],
            "Labels": {
              "app.password": "•••",
              "org.title": "Shop",
              "traefik.auth.users": "•••"
            }
          },
          "State": {
            "Health": {
              "Log": [
                {
                  "Output": "no entry for •••"
                }
              ]
            },
            "Running": true
          },
          "environment": {
            "DB_PASSWORD": "•••",
            "JWT_KEY": null,
            "MODE": "fast"
          },
          "secrets": {
            "db": {
              "content": "•••",
              "name": "shop_db"
            }
          },
          "x-vv": {
            "urls": [
              {
                "login": "•••",
                "port": 80
              }
            ]
          }
        }
        "#);
    }
}
