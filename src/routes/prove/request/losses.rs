//! What of a route's requests goes to other routes, although it is live by others. Pure.

use std::collections::BTreeSet;

use super::super::router::{Route, Router};
use super::pieces::{Pieces, product};
use super::{Found, NEVER, Proxy, Search, Shadow, ways};

/// Methods that a route answers that names none. OPTIONS isn't looked at: a gateway's one route for all preflights
/// takes it from every other, and is meant to.
const ANY: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// How many pairs of a path and a host are looked at.
const MOST: usize = 200;

/// Requests that a route matches, and another one gets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Loss {
    path: Option<String>,
    host: Option<String>,
    methods: Vec<String>,
    by: Shadow,
}

/// What other routes take of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// `GET goes to route hijack (its path is longer)`.
    pub words: String,
    /// Hardly meant: somebody else's route takes it, or a path or host gets no request at all.
    pub is_warning: bool,
}

/// What other routes take of a route that gets some of its requests. `own`: the routes that are declared with it; one of
/// them that takes only some methods is there for that.
pub fn taken(route: &Route, router: &Router, proxy: &Proxy, own: &BTreeSet<&str>) -> Option<Taken> {
    let whole = Whole::of(route);
    let losses = losses(route, router, proxy, &whole);
    let grave = |loss: &&Loss| !own.contains(loss.by.id.as_str()) || whole.is_dead(loss, &losses);
    let first = losses.iter().find(grave);
    let told = first.or(losses.first())?;
    let (what, covered) = whole.named(told, &losses);
    let goes = if covered.is_plural { "go" } else { "goes" };
    let others = losses.iter().filter(grave).filter(|loss| !covered.has(loss)).count();
    let others = if others == 0 { String::new() } else { format!(", and {others} more to others") };
    Some(Taken {
        words: format!("{what} {goes} to {} ({}){others}", told.by.label, told.by.why),
        is_warning: first.is_some(),
    })
}

/// All that a route may be asked by.
struct Whole {
    paths: Vec<Option<String>>,
    hosts: Vec<Option<String>>,
    methods: Vec<String>,
}

/// What the words of a loss tell of, that of other losses too.
struct Covered<'a> {
    told: &'a Loss,
    /// All paths that share it.
    paths: Vec<&'a Option<String>>,
    any_host: bool,
    /// It is more than one.
    is_plural: bool,
}

impl Covered<'_> {
    fn has(&self, loss: &Loss) -> bool {
        alike(loss, self.told)
            && self.paths.contains(&&loss.path)
            && (self.any_host || loss.host == self.told.host)
    }
}

fn alike(one: &Loss, other: &Loss) -> bool {
    one.by.id == other.by.id && one.methods == other.methods
}

impl Whole {
    fn of(route: &Route) -> Self {
        let each = |list: &[String]| -> Vec<Option<String>> {
            if list.is_empty() { vec![None] } else { list.iter().cloned().map(Some).collect() }
        };
        let methods: Vec<String> = if route.methods.is_empty() {
            ANY.iter().map(|method| (*method).to_owned()).collect()
        } else {
            route.methods.iter().filter(|method| !NEVER.contains(&method.as_str())).cloned().collect()
        };
        Self { paths: each(&route.paths), hosts: each(&route.hosts), methods }
    }

    /// The path or the host of it, of which the route has others, gets no request by any method.
    fn is_dead(&self, loss: &Loss, losses: &[Loss]) -> bool {
        let lost = |path: &Option<String>, host: &Option<String>| {
            let methods = losses.iter().filter(|loss| loss.path == *path && loss.host == *host);
            methods.map(|loss| loss.methods.len()).sum::<usize>() == self.methods.len()
        };
        (self.paths.len() > 1 && self.hosts.iter().all(|host| lost(&loss.path, host)))
            || (self.hosts.len() > 1 && self.paths.iter().all(|path| lost(path, &loss.host)))
    }

    /// A loss in words: only what tells it from what the route keeps.
    fn named<'a>(&'a self, told: &'a Loss, losses: &[Loss]) -> (String, Covered<'a>) {
        let lost = |path: &Option<String>, host: &Option<String>| {
            losses.iter().any(|loss| loss.path == *path && loss.host == *host && alike(loss, told))
        };
        let any_host = self.hosts.iter().all(|host| lost(&told.path, host));
        let shares = |path: &&Option<String>| {
            if any_host { self.hosts.iter().all(|host| lost(path, host)) } else { lost(path, &told.host) }
        };
        let paths: Vec<&Option<String>> = self.paths.iter().filter(shares).collect();
        let named = if paths.len() == self.paths.len() { Vec::new() } else { few(&paths) };
        let host = told.host.as_ref().filter(|_| !any_host).map(|host| format!("host {host}"));
        let all_methods = told.methods.len() == self.methods.len() && !(named.is_empty() && host.is_none());
        let methods = if all_methods { &[][..] } else { &told.methods };
        let is_plural = if all_methods { named.len() > 1 } else { methods.len() > 1 || named.len() > 1 };
        let place = [named.join(", "), host.unwrap_or_default()];
        let place: Vec<&str> = place.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let what = [methods.join(", "), place.join(" of ")].join(" ");
        (what.trim().to_owned(), Covered { told, paths, any_host, is_plural })
    }
}

/// The first three.
fn few(paths: &[&Option<String>]) -> Vec<String> {
    let mut named: Vec<String> = paths.iter().copied().flatten().take(3).cloned().collect();
    if paths.len() > named.len() {
        named.push(format!("{} more paths", paths.len() - named.len()));
    }
    named
}

/// Each path with each host, and the methods by which none of their requests is the route's.
fn losses(route: &Route, router: &Router, proxy: &Proxy, whole: &Whole) -> Vec<Loss> {
    let pairs = whole.paths.iter().flat_map(|path| whole.hosts.iter().map(move |host| (path, host)));
    let mut losses: Vec<Loss> = Vec::new();
    for (path, host) in pairs.take(MOST) {
        let alone = Route {
            paths: path.iter().cloned().collect(),
            hosts: host.iter().cloned().collect(),
            ..route.clone()
        };
        let Ok(pieces) = Pieces::of(&alone, router.has(&route.id)) else { continue };
        let search = Search { route: &alone, router, proxy, ways: ways(route, proxy), pieces: &pieces };
        // Mostly there is nobody else.
        let first = whole.methods.first().zip(search.ways.first());
        let likeliest =
            first.and_then(|(method, tls)| search.request(method, *tls, product(&pieces).next()?));
        if likeliest.is_some_and(|request| router.is_undisputed(&route.id, &request)) {
            continue;
        }
        for method in &whole.methods {
            let Found::Lost(Some(by)) = search.with(std::slice::from_ref(method)) else { continue };
            let same = losses
                .iter_mut()
                .find(|loss| loss.path == *path && loss.host == *host && loss.by.id == by.id);
            match same {
                Some(loss) => loss.methods.push(method.clone()),
                None => losses.push(Loss {
                    path: path.clone(),
                    host: host.clone(),
                    methods: vec![method.clone()],
                    by,
                }),
            }
        }
    }
    losses
}
