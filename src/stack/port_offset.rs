//! `--port-offset`: every published port moves, and with it what else is said of it.
//!
//! The ports themselves move in the model (`ports`), whether they are written as numbers or as variables. A stack may
//! also tell its clients of them: Kafka's advertised listener, Grafana's own address. There only a name can say which
//! number is meant, so in files that have `x-vv` at their top, and in those that they extend or include, a variable
//! named `*_PORT` through which a port is published is that port wherever it stands. One that is a container's port,
//! too (`"${APP_PORT}:${APP_PORT}"`), stays as it is outside of `ports`, and so does every variable of a file that
//! never heard of vv: `db:${DB_PORT}` means a port inside there.

use std::collections::BTreeSet;

use super::template::Substituted;

/// What moves, and by how much.
#[derive(Debug, Clone, Default)]
pub struct PortOffset {
    /// Added to every published port; 0 for none.
    pub add: u16,
    /// The variables that move with them.
    pub moved: BTreeSet<String>,
}

impl PortOffset {
    /// Whether the offset is to be added to this variable.
    pub fn moves(&self, name: &str) -> bool {
        self.add > 0 && self.moved.contains(name)
    }
}

/// What a load has come across of variables named `*_PORT`.
#[derive(Debug, Default)]
pub struct PortVariables {
    /// Those through which a port is published.
    published: BTreeSet<String>,
    /// Those that are a container's port.
    inside: BTreeSet<String>,
}

impl PortVariables {
    /// Notes the variables of the scalar at this path.
    pub fn note(&mut self, path: &[&str], filled: &Substituted) {
        for (name, place) in filled.used.iter().filter(|(name, _)| name.ends_with("_PORT")) {
            if filled.text[place.clone()].parse::<u16>().is_err() {
                continue;
            }
            let text = (&filled.text[..place.start], &filled.text[place.end..]);
            match role(path, text) {
                Some(Role::Published) => self.published.insert(name.clone()),
                Some(Role::Inside) => self.inside.insert(name.clone()),
                None => continue,
            };
        }
    }

    /// Those that move with the published ports.
    pub fn moved(&self) -> BTreeSet<String> {
        self.published.difference(&self.inside).cloned().collect()
    }
}

/// Whether a scalar says which port is published. The model adds the offset there.
pub fn is_published(path: &[&str]) -> bool {
    matches!(path, ["services", _, "ports", _] | ["services", _, "ports", _, "published"])
}

#[derive(Debug, PartialEq, Eq)]
enum Role {
    Published,
    Inside,
}

/// What a port means at this path, with this text before and after it.
fn role(path: &[&str], (before, after): (&str, &str)) -> Option<Role> {
    match path {
        ["services", _, "ports", _] => short(before, after),
        ["services", _, "ports", _, "published"] => Some(Role::Published),
        ["services", _, "ports", _, "target"] | ["services", _, "expose", _] => Some(Role::Inside),
        ["services", _, "x-vv", .., "port"] | ["x-vv", .., "port"] => Some(Role::Inside),
        _ => None,
    }
}

/// In `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`. A host's port that is one end of a range isn't all of what is published.
fn short(before: &str, after: &str) -> Option<Role> {
    let ports = after.split_once('/').map_or(after, |(ports, _)| ports);
    match ports.strip_prefix(':') {
        _ if !ports.contains(':') => Some(Role::Inside),
        Some(container) if !container.contains(':') => {
            (before.is_empty() || before.ends_with(':')).then_some(Role::Published)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_variable_means() {
        let short = ["services", "a", "ports", "[0]"];
        let cases: [(&[&str], &str, &str); 17] = [
            (&short, "_:80", "Published"),
            (&short, "127.0.0.1:_:80/tcp", "Published"),
            (&short, "[::1]:_:80", "Published"),
            (&short, "_:80-81", "Published"),
            (&short, "80:_", "Inside"),
            (&short, "80:_/udp", "Inside"),
            (&short, "_", "Inside"),
            (&short, "127.0.0.1:80:_", "Inside"),
            (&short, "_-9010:80", "-"),
            (&short, "9000-_:80", "-"),
            (&["services", "a", "ports", "[0]", "published"], "_", "Published"),
            (&["services", "a", "ports", "[0]", "target"], "_", "Inside"),
            (&["services", "a", "expose", "[0]"], "_", "Inside"),
            (&["services", "a", "x-vv", "urls", "[0]", "port"], "_", "Inside"),
            (&["x-vv", "checks", "[0]", "request", "port"], "_", "Inside"),
            (&["services", "a", "environment", "URL"], "localhost:_", "-"),
            (&["x-ports", "[0]"], "_:80", "-"),
        ];
        for (path, text, wanted) in cases {
            let found = role(path, text.split_once('_').unwrap());
            let found = found.map_or("-".into(), |role| format!("{role:?}"));
            assert_eq!(found, wanted, "{path:?}: {text}");
        }
    }
}
