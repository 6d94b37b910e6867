//! Which of several matching routes Kong takes.

use super::route::Route;

/// What a route's place among others follows from, the weightiest first. All paths of one rank are regexes, or prefixes
/// of the same length: Kong (3.3 and later) sorts in a route of several once for each such group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rank {
    /// The attributes that it matches on.
    pub attributes: Vec<&'static str>,
    /// It has hosts, and none has a wildcard.
    pub plain_hosts: bool,
    /// How many headers it matches on.
    pub headers: usize,
    /// The group is of regexes.
    pub regex: bool,
    /// The route's, where the group is of regexes.
    pub regex_priority: i64,
    /// Of the prefixes in the group, in bytes.
    pub length: usize,
}

impl Rank {
    /// Of a route with these paths of it.
    pub fn of(route: &Route, paths: &[&str]) -> Self {
        let has = |name, there| if there { Some(name) } else { None };
        let regex = paths.iter().any(|path| path.starts_with('~'));
        Self {
            attributes: [
                has("methods", !route.methods.is_empty()),
                has("hosts", !route.hosts.is_empty()),
                has("paths", !paths.is_empty()),
                has("headers", !route.headers.is_empty()),
                has("SNIs", !route.snis.is_empty()),
            ]
            .into_iter()
            .flatten()
            .collect(),
            plain_hosts: !route.hosts.is_empty() && !route.hosts.iter().any(|host| host.contains('*')),
            headers: route.headers.len(),
            regex,
            regex_priority: if regex { route.regex_priority } else { 0 },
            length: if regex { 0 } else { paths.iter().map(|path| path.len()).max().unwrap_or_default() },
        }
    }

    /// The number that Kong 3.4's `traditional_compatible` router sorts by, laid out as there: 3 bits for the attributes,
    /// 1 for plain hosts, 8 for headers, 1 for a regex, 32 for its priority, 19 for the length. A negative regex_priority
    /// fills all bits above it, so that the route goes before any other.
    pub fn priority(&self) -> u64 {
        (self.attributes.len() as u64) << 61
            | u64::from(self.plain_hosts) << 60
            | (self.headers.min(255) as u64) << 52
            | u64::from(self.regex) << 51
            | self.regex_priority.cast_unsigned() << 19
            | (self.length as u64) & 0x7_FFFF
    }

    /// Why this one goes before that one.
    pub fn why_before(&self, that: &Self) -> String {
        if self.regex_priority < 0 && that.regex_priority >= 0 {
            return format!("its regex_priority {} is negative, which Kong puts first", self.regex_priority);
        }
        if self.attributes.len() != that.attributes.len() {
            return format!("it matches on more: {}", self.attributes.join(", "));
        }
        if self.plain_hosts != that.plain_hosts {
            return "its hosts have no wildcard".to_owned();
        }
        if self.headers != that.headers {
            return "it matches on more headers".to_owned();
        }
        if self.regex != that.regex {
            return "its path is a regex, which goes before a prefix".to_owned();
        }
        if self.regex_priority != that.regex_priority {
            return format!("its regex_priority {} is above {}", self.regex_priority, that.regex_priority);
        }
        if self.length != that.length {
            return "its path is longer".to_owned();
        }
        "both match on as much, and Kong takes the one with the higher id".to_owned()
    }
}
