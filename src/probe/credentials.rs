//! Who may log in, told by the stack's own declaration. Pure. Nothing in here is ever shown.

use std::fmt;

use super::listen::variable;
use crate::stack::Service;

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub user: String,
    /// Nothing where the stack doesn't say.
    pub password: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The login that PostgreSQL's images make, and the database.
pub(super) fn postgres(service: &Service) -> (Login, String) {
    let value = |names: &[&str]| names.iter().find_map(|name| given(service, name));
    let user = value(&["POSTGRES_USER", "POSTGRESQL_USERNAME"]).unwrap_or_else(|| "postgres".into());
    let password = value(&["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"]);
    let database = value(&["POSTGRES_DB", "POSTGRESQL_DATABASE"]).unwrap_or_else(|| user.clone());
    (Login { user, password }, database)
}

/// The login that RabbitMQ's images make, and the virtual host.
pub(super) fn rabbitmq(service: &Service) -> (Login, String) {
    let value = |names: &[&str]| names.iter().find_map(|name| given(service, name));
    let login = Login {
        user: value(&["RABBITMQ_DEFAULT_USER", "RABBITMQ_USERNAME"]).unwrap_or_else(|| "guest".into()),
        password: Some(
            value(&["RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD"]).unwrap_or_else(|| "guest".into()),
        ),
    };
    (login, value(&["RABBITMQ_DEFAULT_VHOST", "RABBITMQ_VHOST"]).unwrap_or_else(|| "/".into()))
}

/// The login that ClickHouse's images make, and the database.
pub(super) fn clickhouse(service: &Service) -> (Login, String) {
    let value = |names: &[&str]| names.iter().find_map(|name| given(service, name));
    let login = Login {
        user: value(&["CLICKHOUSE_USER", "CLICKHOUSE_ADMIN_USER"]).unwrap_or_else(|| "default".into()),
        password: value(&["CLICKHOUSE_PASSWORD", "CLICKHOUSE_ADMIN_PASSWORD"]),
    };
    (login, value(&["CLICKHOUSE_DB"]).unwrap_or_else(|| "default".into()))
}

/// The login that MySQL's and MariaDB's images make, and the database; `root` where they make no other.
pub(super) fn mysql(service: &Service) -> (Login, Option<String>) {
    let either = |name: &str| {
        given(service, &format!("MYSQL_{name}")).or_else(|| given(service, &format!("MARIADB_{name}")))
    };
    let login = match either("USER") {
        Some(user) => Login { user, password: either("PASSWORD") },
        None => Login { user: "root".into(), password: either("ROOT_PASSWORD") },
    };
    (login, either("DATABASE"))
}

/// The login that a NATS server's command asks for: `--user` and `--pass`, or a token.
pub(super) fn nats(service: &Service) -> Option<Login> {
    let words: Vec<&str> =
        service.entrypoint.iter().chain(&service.command).flatten().map(String::as_str).collect();
    let flag = |names: &[&str]| {
        words.iter().enumerate().find_map(|(index, word)| {
            let (name, value) =
                word.split_once('=').map_or((*word, None), |(name, value)| (name, Some(value)));
            let name = name.trim_start_matches('-');
            (word.starts_with('-') && names.contains(&name))
                .then(|| value.or_else(|| words.get(index + 1).copied()))
                .flatten()
                .map(str::to_owned)
        })
    };
    match (flag(&["user"]), flag(&["pass"])) {
        (Some(user), password) => Some(Login { user, password }),
        // A token has no user.
        _ => Some(Login { user: String::new(), password: Some(flag(&["auth"])?) }),
    }
}

/// Elasticsearch's and OpenSearch's first user.
pub(super) fn elasticsearch(service: &Service) -> Option<(String, String)> {
    if let Some(password) = given(service, "ELASTIC_PASSWORD") {
        return Some(("elastic".into(), password));
    }
    Some(("admin".into(), given(service, "OPENSEARCH_INITIAL_ADMIN_PASSWORD")?))
}

/// The password that Redis wants: of the command line, the environment, or a mounted `*.conf`.
pub(super) fn redis(service: &Service) -> Option<String> {
    let words = service.entrypoint.iter().chain(&service.command).flatten();
    required_password(service, &words.map(String::as_str).collect::<Vec<_>>())
        .or_else(|| required_password(service, &[variable(service, "REDIS_ARGS")?]))
        .or_else(|| given(service, "REDIS_PASSWORD"))
        .or_else(|| {
            let configured = service.files.iter().filter(|file| file.target.ends_with(".conf"));
            configured.filter_map(|file| std::str::from_utf8(&file.content).ok()).find_map(|text| {
                text.lines().rev().find_map(|line| line.trim().strip_prefix("requirepass ")).map(unquote)
            })
        })
}

/// What follows `--requirepass`, also inside a line for the shell, with a `$VARIABLE` looked up.
fn required_password(service: &Service, words: &[&str]) -> Option<String> {
    // A word that holds spaces is a line for the shell; a password with spaces is a word of its own.
    let mut rest = words.iter().enumerate();
    let word = loop {
        let (index, word) = rest.next()?;
        if let Some(value) = word.strip_prefix("--requirepass=") {
            break value.to_owned();
        }
        if *word == "--requirepass" {
            break (*words.get(index + 1)?).to_owned();
        }
        if let Some((_, after)) = word.split_once("--requirepass") {
            break shell_word(after.trim_start_matches([' ', '=']));
        }
    };
    let name =
        word.strip_prefix("${").and_then(|name| name.strip_suffix('}')).or_else(|| word.strip_prefix('$'));
    match name {
        Some(name) => given(service, name.split(':').next().unwrap_or(name)),
        None => Some(word).filter(|word| !word.is_empty()),
    }
}

/// The first word of a line for the shell.
fn shell_word(line: &str) -> String {
    match line.chars().next() {
        Some(quote @ ('"' | '\'')) => line[1..].split(quote).next().unwrap_or_default().to_owned(),
        _ => line.split_whitespace().next().unwrap_or_default().to_owned(),
    }
}

fn unquote(text: &str) -> String {
    let text = text.trim();
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(text).to_owned()
}

/// A variable's value, or the content of the file that its `_FILE` twin names when the stack mounts that file.
pub(super) fn given(service: &Service, name: &str) -> Option<String> {
    if let Some(value) = variable(service, name) {
        return Some(value.to_owned());
    }
    let path = variable(service, &format!("{name}_FILE"))?;
    let file = service.files.iter().find(|file| file.target == path)?;
    let text = std::str::from_utf8(&file.content).ok()?;
    Some(text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
