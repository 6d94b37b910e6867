//! Which route a request belongs to: Kong 3.4's router in its default flavour, `traditional_compatible`.
//!
//! It takes the highest ranking route of those that match; protocols decide nothing (a route of `http` answers on the
//! TLS port, one of `https` only tells a request in the clear to come back with TLS).

mod path;
mod pattern;
mod rank;
mod route;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::super::gateway::Entities;
use super::super::kind::Kind;
pub use path::{encode, normalise};
pub use pattern::Pattern;
pub use rank::Rank;
pub use route::{Route, texts};

/// Under which Kong makes the ids of the groups of a route's paths, which settle a tie.
const GROUPS: Uuid = Uuid::from_u128(0x7f14_5bf9_0dce_4f91_98eb_debb_ce4b_9f6b);
/// Protocols that don't reach the router of requests.
const STREAM: &[&str] = &["tcp", "tls", "udp", "tls_passthrough"];

/// A request, of what the router looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// It comes through TLS.
    pub tls: bool,
    /// Its `Host` header, with a port where it has one.
    pub host: String,
    /// Its path as it is sent, without a query.
    pub path: String,
    /// Other headers.
    pub headers: Vec<(String, String)>,
    /// The server name in its TLS.
    pub sni: Option<String>,
}

/// The routes of a gateway, in the order in which it tries them.
#[derive(Debug, Default)]
pub struct Router {
    groups: Vec<Group>,
}

/// Paths of a route that share a rank.
#[derive(Debug)]
struct Group {
    /// The route's id.
    route: String,
    label: String,
    /// Of the route, or of the group where the route has several paths.
    id: Uuid,
    rank: Rank,
    methods: Vec<String>,
    hosts: Vec<Host>,
    paths: Paths,
    /// By name as the router keeps it: small, with underscores.
    headers: Vec<(String, Vec<Value>)>,
    snis: Vec<String>,
}

#[derive(Debug)]
enum Paths {
    Any,
    Prefixes(Vec<Vec<u8>>),
    Regexes(Vec<Pattern>),
}

#[derive(Debug)]
struct Host {
    name: Name,
    port: Option<u16>,
}

#[derive(Debug)]
enum Name {
    Whole(String),
    EndsWith(String),
    StartsWith(String),
}

#[derive(Debug)]
enum Value {
    Exactly(String),
    Like(Pattern),
}

/// The route that a request goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Win<'a> {
    /// Its id.
    pub route: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// Its rank.
    pub rank: &'a Rank,
}

impl Router {
    /// The router of a gateway that holds these. Routes of disabled services aren't in it, nor are such with a regex that
    /// it doesn't understand.
    pub fn new(entities: &Entities) -> Self {
        let list = |kind| entities.get(&Kind::of(kind)).into_iter().flatten();
        let disabled: BTreeSet<&str> = list("services")
            .filter(|service| service.get("enabled") == Some(&serde_json::Value::Bool(false)))
            .filter_map(|service| service.get("id")?.as_str())
            .collect();
        let routes = list("routes").map(Route::of).filter(|route| {
            !route.speaks(STREAM)
                && !route.expression
                && route.service.as_deref().is_none_or(|service| !disabled.contains(service))
        });
        Self::of(routes)
    }

    /// The router of these routes.
    pub fn of(routes: impl IntoIterator<Item = Route>) -> Self {
        let mut groups: Vec<Group> = routes.into_iter().flat_map(|route| groups(&route)).collect();
        groups.sort_by_cached_key(|group| Reverse((group.rank.priority(), group.id)));
        Self { groups }
    }

    /// The same without routes of these ids.
    pub fn without(mut self, ids: &BTreeSet<&str>) -> Self {
        self.groups.retain(|group| !ids.contains(group.route.as_str()));
        self
    }

    /// The route that a request goes to.
    pub fn winner(&self, request: &Request) -> Option<Win<'_>> {
        let seen = Seen::of(request);
        self.groups.iter().find(|group| group.matches(&seen)).map(Group::win)
    }

    /// The place of a route for a request that it matches, although another one may take it.
    pub fn place(&self, route: &str, request: &Request) -> Option<Win<'_>> {
        let seen = Seen::of(request);
        self.groups.iter().find(|group| group.route == route && group.matches(&seen)).map(Group::win)
    }

    /// A route gets this request, and would by whatever method it came that the route allows.
    pub fn is_undisputed(&self, route: &str, request: &Request) -> bool {
        let seen = Seen::of(request);
        self.groups
            .iter()
            .find(|group| group.matches_but_method(&seen))
            .is_some_and(|group| group.route == route)
    }

    /// The router has a route of this id.
    pub fn has(&self, route: &str) -> bool {
        self.groups.iter().any(|group| group.route == route)
    }
}

/// A route once for all its regexes, and once for its prefixes of each length.
fn groups(route: &Route) -> Vec<Group> {
    let mut by_length: BTreeMap<Option<usize>, Vec<&str>> = BTreeMap::new();
    for path in &route.paths {
        by_length.entry((!path.starts_with('~')).then_some(path.len())).or_default().push(path);
    }
    if by_length.is_empty() {
        by_length.insert(None, Vec::new());
    }
    let own = Uuid::parse_str(&route.id).unwrap_or_default();
    let id = |length: Option<usize>| {
        if route.paths.len() < 2 {
            return own;
        }
        let group = length.map_or("true".to_owned(), |length| length.to_string());
        Uuid::new_v5(&GROUPS, format!("{}#{group}", route.id).as_bytes())
    };
    by_length.into_iter().filter_map(|(length, paths)| group(route, id(length), &paths)).collect()
}

fn group(route: &Route, id: Uuid, paths: &[&str]) -> Option<Group> {
    let regexes = paths.iter().any(|path| path.starts_with('~'));
    Some(Group {
        route: route.id.clone(),
        label: route.label(),
        id,
        rank: Rank::of(route, paths),
        methods: route.methods.clone(),
        hosts: route.hosts.iter().map(|host| Host::of(host)).collect(),
        paths: if paths.is_empty() {
            Paths::Any
        } else if regexes {
            let regexes = paths.iter().map(|path| Pattern::of_path(path.strip_prefix('~').unwrap_or(path)));
            Paths::Regexes(regexes.collect::<Result<_, _>>().ok()?)
        } else {
            Paths::Prefixes(paths.iter().map(|path| path.as_bytes().to_vec()).collect())
        },
        headers: route
            .headers
            .iter()
            .map(|(name, values)| {
                Some((header_name(name), values.iter().map(|value| Value::of(value)).collect::<Option<_>>()?))
            })
            .collect::<Option<_>>()?,
        snis: route.snis.iter().map(|sni| sni.strip_suffix('.').unwrap_or(sni).to_owned()).collect(),
    })
}

/// A request, taken apart once for all routes.
struct Seen<'a> {
    request: &'a Request,
    host: &'a str,
    port: Option<u16>,
    path: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl<'a> Seen<'a> {
    fn of(request: &'a Request) -> Self {
        let (host, port) = host_and_port(&request.host);
        let small = |(name, value): &(String, String)| (header_name(name), value.to_lowercase());
        Self {
            request,
            host,
            port,
            path: normalise(&request.path),
            headers: request.headers.iter().map(small).collect(),
        }
    }
}

impl Group {
    fn win(&self) -> Win<'_> {
        Win { route: &self.route, label: &self.label, rank: &self.rank }
    }

    fn matches(&self, seen: &Seen<'_>) -> bool {
        let request = seen.request;
        (self.methods.is_empty() || self.methods.contains(&request.method)) && self.matches_but_method(seen)
    }

    fn matches_but_method(&self, seen: &Seen<'_>) -> bool {
        let request = seen.request;
        let empty_or = |empty: bool, holds: &dyn Fn() -> bool| empty || holds();
        empty_or(self.hosts.is_empty(), &|| self.hosts.iter().any(|host| host.matches(seen)))
            && self.paths.matches(&seen.path)
            && self.headers.iter().all(|(name, values)| {
                let mut given = seen.headers.iter().filter(|(given, _)| given == name);
                given.any(|(_, given)| values.iter().any(|value| value.matches(given)))
            })
            // Where there is no TLS, server names decide nothing.
            && empty_or(self.snis.is_empty() || !request.tls, &|| {
                request.sni.as_ref().is_some_and(|sni| self.snis.contains(sni))
            })
    }
}

impl Paths {
    fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Any => true,
            // No boundary of segments: `/prefix` takes `/prefixed`.
            Self::Prefixes(prefixes) => prefixes.iter().any(|prefix| path.starts_with(prefix)),
            Self::Regexes(regexes) => regexes.iter().any(|regex| regex.is_match(path)),
        }
    }
}

impl Host {
    fn of(declared: &str) -> Self {
        let (host, port) = host_and_port(declared);
        let name = if let Some(end) = host.strip_prefix('*') {
            Name::EndsWith(end.to_owned())
        } else if let Some(start) = host.strip_suffix('*') {
            Name::StartsWith(start.to_owned())
        } else {
            Name::Whole(host.to_owned())
        };
        Self { name, port }
    }

    /// Case counts: Kong 3.4.2 answers 404 to `H.Example.Test` where `h.example.test` is declared.
    fn matches(&self, seen: &Seen<'_>) -> bool {
        let name = match &self.name {
            Name::Whole(name) => seen.host == name,
            Name::EndsWith(end) => seen.host.ends_with(end.as_str()),
            Name::StartsWith(start) => seen.host.starts_with(start.as_str()),
        };
        name && self.port.is_none_or(|port| seen.port == Some(port))
    }
}

impl Value {
    fn of(declared: &str) -> Option<Self> {
        match declared.strip_prefix("~*") {
            Some(regex) => Pattern::of_header(regex).ok().map(Self::Like),
            None => Some(Self::Exactly(declared.to_lowercase())),
        }
    }

    fn matches(&self, given: &str) -> bool {
        match self {
            Self::Exactly(value) => value == given,
            Self::Like(regex) => regex.is_match(given.as_bytes()),
        }
    }
}

/// Apart at the first colon, as Kong does it; `[::1]:80` stays whole.
fn host_and_port(host: &str) -> (&str, Option<u16>) {
    match host.split_once(':') {
        Some((name, port)) => port.parse().map_or((host, None), |port| (name, Some(port))),
        None => (host, None),
    }
}

fn header_name(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}
