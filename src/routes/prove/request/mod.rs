//! For each route one request that Kong's router gives to it. Pure.

mod draw;
mod pieces;

use serde::Serialize;

use super::router::{Request, Route, Router, Win};
use pieces::{Pieces, Undrawable, product};

/// Methods that change nothing, in the order in which they are preferred.
const SAFE: &[&str] = &["GET", "HEAD", "OPTIONS"];
/// Others that a route without methods answers.
const UNSAFE: &[&str] = &["POST", "PUT", "PATCH", "DELETE"];
/// Kong answers 405 to them itself.
const NEVER: &[&str] = &["TRACE", "CONNECT"];

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
    let Some(tls) = through_tls(route, proxy) else { return Drawn::Skipped(Skip::NoAddress) };
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
    let search = Search { route, router, proxy, tls, pieces: &pieces };
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
            Drawn::Skipped(Skip::Undrawable("no request could be made that it matches".to_owned()))
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
    protocol(&route.protocols.first().map_or("no protocol".to_owned(), |first| first.to_uppercase().replace('_', " ")))
}

/// Whether it is asked through TLS; nothing where it can't be asked. In the clear a route of `https` answers that it
/// wants TLS, which proves it as well.
fn through_tls(route: &Route, proxy: &Proxy) -> Option<bool> {
    let wants_tls = !route.speaks(&["http"]);
    match (&proxy.http, &proxy.https) {
        (None, None) => None,
        (Some(_), None) => Some(false),
        (None, Some(_)) => Some(true),
        (Some(_), Some(_)) => Some(wants_tls),
    }
}

/// What is tried for a route.
struct Search<'a> {
    route: &'a Route,
    router: &'a Router,
    proxy: &'a Proxy,
    tls: bool,
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
        for (host, path, headers, sni) in product(self.pieces) {
            for method in methods {
                let Some(request) = self.request(method, host, path, headers, sni) else { continue };
                match self.router.winner(&request) {
                    Some(win) if win.route == self.route.id => return Found::Won(request),
                    Some(win) => {
                        // One that it doesn't even match says nothing about who takes what it does.
                        let own = self.router.place(&self.route.id, &request);
                        lost = lost.or_else(|| Some(shadow(&win, &own?)));
                    }
                    None => {}
                }
            }
        }
        Found::Lost(lost)
    }

    fn request(
        &self,
        method: &str,
        host: Option<&String>,
        path: &str,
        headers: &[(String, String)],
        sni: Option<&String>,
    ) -> Option<Request> {
        let endpoint = if self.tls { &self.proxy.https } else { &self.proxy.http }.as_ref()?;
        Some(Request {
            method: method.to_owned(),
            tls: self.tls,
            host: host.cloned().unwrap_or_else(|| endpoint.in_header(self.tls)),
            path: path.to_owned(),
            headers: headers.to_vec(),
            sni: if self.tls { sni.cloned().or_else(|| endpoint.sni()) } else { None },
        })
    }
}

fn shadow(win: &Win<'_>, own: &Win<'_>) -> Shadow {
    Shadow { id: win.route.to_owned(), label: win.label.to_owned(), why: win.rank.why_before(own.rank) }
}
