//! Takes the values of secrets out of what a bundle shows: of its texts as everywhere ([`Secrets`]), and of its
//! documents by the names of their fields too. Pure.

use serde_json::{Map, Value};

use crate::probe::Secrets;
use crate::stack::secret::{HIDDEN, is_secret_name};

/// Known values, and how they are taken out.
pub struct Mask(Secrets);

impl Mask {
    /// Of what these secrets are.
    pub fn of(secrets: Secrets) -> Self {
        Self(secrets)
    }

    /// A text without them.
    pub fn text(&self, text: &str) -> String {
        self.0.scrub(text)
    }

    /// Lines without them.
    pub fn lines(&self, lines: &[String]) -> Vec<String> {
        self.0.scrub_lines(lines)
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
                    Value::String(_) | Value::Number(_) if is_secret_name(&name) => HIDDEN.into(),
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
                    after_flag = word.starts_with('-') && !word.contains(['=', ' ']) && is_secret_name(word);
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
            Some((name, value)) if is_a_name(name) && is_secret_name(name) && !value.is_empty() => {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::stack::Service;

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
        Mask::of(Secrets::of_services([&service], &[inside]))
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
              "POSTGRES_PASSWORD_FILE=/run/secrets/pw",
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
