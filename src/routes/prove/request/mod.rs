//! For each route one request that Kong's router gives to it. Pure.

mod draw;
mod losses;
mod pieces;

use serde::Serialize;

use super::router::{Request, Route, Router, Win};
pub use losses::{Taken, taken};
use pieces::{Combination, Pieces, Undrawable, product};

/// Methods that change nothing, in the order in which they are preferred.
const SAFE: &[&str] = &["GET", "HEAD", "OPTIONS"];
/// Others that a route without methods answers.
const UNSAFE: &[&str] = &["POST", "PUT", "PATCH", "DELETE"];
/// Kong answers 405 to them itself.
pub const NEVER: &[&str] = &["TRACE", "CONNECT"];

/// Where a proxy answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proxy {
    /// Its port in the clear.
    pub http: Option<Endpoint>,
    /// Its TLS port.
    pub https: Option<Endpoint>,
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address; one of IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// What can be asked of a route.
#[derive(Debug, Clone, PartialEq)]
pub enum Drawn {
    /// This, and it is the route that answers.
    Request(Request),
    /// Nothing, as other routes take all that it matches.
    Shadowed(Shadow),
    /// Nothing.
    Skipped(Skip),
}

/// A route that takes another one's requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shadow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub label: String,
    /// Why Kong takes it.
    pub why: String,
}

/// Why a route isn't asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "because", content = "of")]
pub enum Skip {
    /// It allows only methods that may change something.
    OnlyUnsafe(Vec<String>),
    /// GET, HEAD and OPTIONS go to another route.
    SafeTaken(Shadow),
    /// It isn't HTTP: `gRPC`, `TCP`.
    Protocol(String),
    /// Its service is disabled, of which this is the name.
    Disabled(String),
    /// A request can't be made of what it matches on: why.
    Undrawable(String),
    /// The proxy's address isn't known.
    NoAddress,
    /// The gateway doesn't hold it yet.
    Missing,
}

impl Endpoint {
    /// As a `Host` header has it: without the port that the scheme has anyway.
    fn in_header(&self, tls: bool) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let usual = if tls { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    /// The server name that a client sends that connects to it.
    fn sni(&self) -> Option<String> {
        let name = self.host.parse::<std::net::IpAddr>().is_err();
        name.then(|| self.host.clone())
    }
}

/// The request by which a route is proven, or why there is none. `unsafe_probes`: one that may change something is made
/// where there is no other.
pub fn draw(route: &Route, router: &Router, proxy: &Proxy, unsafe_probes: bool) -> Drawn {
    if let Some(skip) = unaskable(route) {
        return Drawn::Skipped(skip);
    }
    let ways = ways(route, proxy);
    if ways.is_empty() {
        return Drawn::Skipped(Skip::NoAddress);
    }
    let pieces = match Pieces::of(route, router.has(&route.id)) {
        Ok(pieces) => pieces,
        Err(Undrawable(why)) => return Drawn::Skipped(Skip::Undrawable(why)),
    };
    let allowed = |methods: &[&'static str]| -> Vec<String> {
        let all = route.methods.is_empty();
        let allowed = methods.iter().filter(|method| all || route.methods.iter().any(|own| own == *method));
        allowed.map(|method| (*method).to_owned()).collect()
    };
    let safe = allowed(SAFE);
    let others: Vec<String> = if route.methods.is_empty() {
        allowed(UNSAFE)
    } else {
        let others = route.methods.iter().filter(|method| ![SAFE, NEVER].concat().contains(&method.as_str()));
        others.cloned().collect()
    };
    let search = Search { route, router, proxy, ways, pieces: &pieces };
    let lost = match search.with(&safe) {
        Found::Won(request) => return Drawn::Request(request),
        Found::Lost(shadow) => shadow,
    };
    match (search.with(&others), lost) {
        (Found::Won(request), _) if unsafe_probes => Drawn::Request(request),
        (Found::Won(_), Some(shadow)) => Drawn::Skipped(Skip::SafeTaken(shadow)),
        (Found::Won(_), None) => Drawn::Skipped(Skip::OnlyUnsafe(route.methods.clone())),
        (Found::Lost(_), Some(shadow)) | (Found::Lost(Some(shadow)), None) => Drawn::Shadowed(shadow),
        (Found::Lost(None), None) if safe.is_empty() && others.is_empty() => {
            Drawn::Skipped(Skip::OnlyUnsafe(route.methods.clone()))
        }
        (Found::Lost(None), None) => {
            let of = route.paths.first().map_or("what it matches on", String::as_str);
            let why = format!("no path can be drawn from {of}: vv finds no text that it matches");
            Drawn::Skipped(Skip::Undrawable(why))
        }
    }
}

fn unaskable(route: &Route) -> Option<Skip> {
    let protocol = |name: &str| Some(Skip::Protocol(name.to_owned()));
    if route.expression {
        return Some(Skip::Undrawable("it is written as an expression".to_owned()));
    }
    if route.speaks(&["http", "https"]) {
        return None;
    }
    if route.speaks(&["grpc", "grpcs"]) {
        return protocol("gRPC");
    }
    protocol(
        &route
            .protocols
            .first()
            .map_or("no protocol".to_owned(), |first| first.to_uppercase().replace('_', " ")),
    )
}

/// Whether it is asked through TLS, the better way first. Where only the port in the clear is known, a route of `https`
/// answers there that it wants TLS, which proves it as well; a route of `http` answers through TLS, too, where in the
/// clear another one takes its requests.
fn ways(route: &Route, proxy: &Proxy) -> &'static [bool] {
    match (&proxy.http, &proxy.https) {
        (None, None) => &[],
        (Some(_), None) => &[false],
        (None, Some(_)) => &[true],
        (Some(_), Some(_)) if route.speaks(&["http"]) => &[false, true],
        (Some(_), Some(_)) => &[true],
    }
}

/// What is tried for a route.
struct Search<'a> {
    route: &'a Route,
    router: &'a Router,
    proxy: &'a Proxy,
    ways: &'static [bool],
    pieces: &'a Pieces,
}

enum Found {
    Won(Request),
    /// The route that took the first one, where there was one.
    Lost(Option<Shadow>),
}

impl Search<'_> {
    /// The first request with one of these methods that the route gets.
    fn with(&self, methods: &[String]) -> Found {
        let mut lost = None;
        // All of them by GET before the first by HEAD, whose answers have no body to tell by.
        for (method, tls) in methods.iter().flat_map(|method| self.ways.iter().map(move |tls| (method, *tls)))
        {
            for combination in product(self.pieces) {
                let Some(request) = self.request(method, tls, combination) else { continue };
                match self.router.winner(&request) {
                    Some(win) if win.route == self.route.id => return Found::Won(request),
                    // One that it doesn't even match says nothing of who takes what it does.
                    Some(win) => {
                        let own = self.router.place(&self.route.id, &request);
                        lost = lost.or_else(|| Some(shadow(&win, &own?)));
                    }
                    None => {}
                }
            }
        }
        Found::Lost(lost)
    }

    fn request(&self, method: &str, tls: bool, combination: Combination<'_>) -> Option<Request> {
        let (host, path, headers, sni) = combination;
        let endpoint = if tls { &self.proxy.https } else { &self.proxy.http }.as_ref()?;
        Some(Request {
            method: method.to_owned(),
            tls,
            host: host.cloned().unwrap_or_else(|| endpoint.in_header(tls)),
            path: path.to_owned(),
            headers: headers.to_vec(),
            sni: if tls { sni.cloned().or_else(|| endpoint.sni()) } else { None },
        })
    }
}

fn shadow(win: &Win<'_>, own: &Win<'_>) -> Shadow {
    Shadow { id: win.route.to_owned(), label: win.label.to_owned(), why: win.rank.why_before(own.rank) }
}
