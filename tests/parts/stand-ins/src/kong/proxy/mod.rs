//! The proxy: requests in, through the router, the plugins and the service behind. HTTP/1.1 with bodies held in memory;
//! no HTTP/2, no gRPC, no WebSockets.

mod balancer;
mod forward;
mod path;
mod plugins;
mod reply;
mod router;
mod snapshot;
mod tls;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, DATE, HOST, HeaderMap, HeaderName, LOCATION, SERVER, UPGRADE, VIA};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use self::balancer::Balancer;
use self::forward::Failure;
pub use self::plugins::priority;
use self::plugins::{Exchange, Memory};
use self::reply::{Reply, set, text};
use self::router::{Asked, split_port};
use self::snapshot::Snapshot;
pub use self::tls::trusting;
use self::worker::Workers;
use super::Gateway;
use super::state::Entity;

const UPSTREAM_LATENCY: HeaderName = HeaderName::from_static("x-kong-upstream-latency");
const PROXY_LATENCY: HeaderName = HeaderName::from_static("x-kong-proxy-latency");
const RESPONSE_LATENCY: HeaderName = HeaderName::from_static("x-kong-response-latency");

/// Starts to serve, with the state as it is now; changes reach it after the delays of the options.
///
/// # Errors
/// The certificate can't be made.
pub async fn start(http: TcpListener, https: TcpListener, gateway: Arc<Gateway>) -> anyhow::Result<()> {
    let workers = Workers::new(Arc::clone(&gateway));
    let certificates = tls::Certificates::new(workers.first())?.config()?;
    let proxy =
        Arc::new(Proxy { gateway, workers, balancer: Balancer::default(), memory: Memory::default() });
    tokio::spawn(listen(http, Arc::clone(&proxy), None));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(certificates));
    tokio::spawn(listen(https, proxy, Some(acceptor)));
    Ok(())
}

struct Proxy {
    gateway: Arc<Gateway>,
    workers: Workers,
    balancer: Balancer,
    memory: Memory,
}

/// What all requests of a connection have in common.
#[derive(Debug)]
struct Connection {
    client: SocketAddr,
    port: u16,
    https: bool,
    sni: Option<String>,
    worker: usize,
}

async fn listen(listener: TcpListener, proxy: Arc<Proxy>, acceptor: Option<tokio_rustls::TlsAcceptor>) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    loop {
        let Ok((stream, client)) = listener.accept().await else { continue };
        // Small answers go out at once.
        let _ = stream.set_nodelay(true);
        let (proxy, acceptor) = (Arc::clone(&proxy), acceptor.clone());
        tokio::spawn(async move {
            let worker = proxy.workers.next();
            let plain = Connection { client, port, https: false, sni: None, worker };
            match acceptor {
                None => serve(stream, proxy, plain).await,
                Some(acceptor) => {
                    // The view by which the certificate is chosen is renewed when it is asked for.
                    proxy.workers.view(0);
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let sni = stream.get_ref().1.server_name().map(str::to_owned);
                    serve(stream, proxy, Connection { https: true, sni, ..plain }).await;
                }
            }
        });
    }
}

async fn serve<S>(stream: S, proxy: Arc<Proxy>, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let connection = Arc::new(connection);
    let service = service_fn(move |request| {
        let (proxy, connection) = (Arc::clone(&proxy), Arc::clone(&connection));
        async move { proxy.answer(&connection, request).await }
    });
    // Fails where the peer left.
    let _ = hyper::server::conn::http1::Builder::new()
        // A plugin may take it away.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Proxy {
    async fn answer(
        &self,
        connection: &Connection,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let begun = Instant::now();
        self.gateway.requests.fetch_add(1, Ordering::Relaxed);
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let snapshot = self.workers.view(connection.worker);
        let mut response = self.route(&snapshot, connection, parts, body, begun).await;
        response.headers_mut().insert("x-stand-in", hyper::header::HeaderValue::from_static("vv"));
        Ok(response)
    }

    async fn route(
        &self,
        snapshot: &Snapshot,
        connection: &Connection,
        mut parts: Parts,
        body: Bytes,
        begun: Instant,
    ) -> Response<Full<Bytes>> {
        let accept = text(&parts.headers, "accept").map(str::to_owned);
        let error = |status, message: &str| self.own(Reply::error(accept.as_deref(), status, message), begun);
        if parts.method == "TRACE" {
            return error(405, "Method not allowed");
        }
        let authority = text(&parts.headers, "host").unwrap_or_default().to_owned();
        let (host, port) = split_port(&authority);
        let path = path::normalize(parts.uri.path());
        let asked = Asked {
            method: parts.method.as_str(),
            host,
            port: port.unwrap_or(connection.port),
            path: &path,
            sni: connection.sni.as_deref(),
            https: connection.https,
            headers: &parts.headers,
        };
        let Some(found) = snapshot.router.find(&asked) else {
            return error(404, "no Route matched with those values");
        };
        let route = found.route;
        let strip = route.get("strip_path") == Some(&Value::Bool(true));
        let prefix = strip.then_some(found.prefix);
        if !connection.https && router::texts(route, "protocols") == ["https"] {
            return self.own(upgrade(route, accept.as_deref(), host, &parts), begun);
        }
        let service = snapshot.state.referred(route, "service", "services");
        forwarded(&mut parts.headers, connection, host, parts.uri.path(), prefix.as_deref());
        let id = |entity: &Entity| entity.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (route_id, service_id) = (id(route), service.map(id));
        let mut exchange = Exchange::new(
            &self.memory,
            snapshot,
            &route_id,
            service_id.as_deref(),
            if connection.https { "https" } else { "http" },
            connection.client.ip(),
            parts,
            body,
        );
        let reply = exchange.access();
        let (Some(service), None) = (service, &reply) else {
            let missing = || exchange.error(503, "no Service found with those values");
            let mut reply = reply.unwrap_or_else(missing);
            exchange.answered(&mut reply.headers);
            return self.own(reply, begun);
        };
        let base = service.get("path").and_then(Value::as_str).unwrap_or("/");
        let target = path::upstream(base, &path, prefix.as_deref());
        let preserve = route.get("preserve_host") == Some(&Value::Bool(true));
        let asked = forward::Asked {
            method: exchange.method.clone(),
            path: format!("{target}{}", exchange.query.sent()),
            headers: exchange.headers.clone(),
            host: preserve.then(|| authority.clone()),
            body: exchange.body.clone(),
        };
        let before = begun.elapsed();
        let answered = forward::send(&self.gateway, &self.balancer, snapshot, service, &asked).await;
        let waited = begun.elapsed().saturating_sub(before);
        let (mut reply, proxied) = match answered {
            Ok(answered) => {
                let reply = Reply { status: answered.status, headers: answered.headers, body: answered.body };
                (reply, true)
            }
            Err(Failure::Broken) => {
                (exchange.error(502, "An invalid response was received from the upstream server"), true)
            }
            Err(Failure::Late) => (exchange.error(504, "The upstream server is timing out"), true),
            Err(Failure::Name) => (exchange.error(503, "name resolution failed"), false),
            Err(Failure::NoPeer) => {
                (exchange.error(503, "failure to get a peer from the ring-balancer"), false)
            }
        };
        exchange.answered(&mut reply.headers);
        if !proxied {
            return self.own(reply, begun);
        }
        set(&mut reply.headers, UPSTREAM_LATENCY, &waited.as_millis().to_string());
        set(&mut reply.headers, PROXY_LATENCY, &before.as_millis().to_string());
        set(&mut reply.headers, VIA, &self.name());
        respond(reply)
    }

    /// An answer that no service had a part in.
    fn own(&self, mut reply: Reply, begun: Instant) -> Response<Full<Bytes>> {
        set(&mut reply.headers, RESPONSE_LATENCY, &begun.elapsed().as_millis().to_string());
        set(&mut reply.headers, SERVER, &self.name());
        set(&mut reply.headers, DATE, &httpdate::fmt_http_date(SystemTime::now()));
        respond(reply)
    }

    fn name(&self) -> String {
        format!("kong/{}", self.gateway.options.version)
    }
}

/// A route that wants HTTPS, asked for by HTTP. The Location has no port, as Kong's hasn't.
fn upgrade(route: &Entity, accept: Option<&str>, host: &str, parts: &Parts) -> Reply {
    let status = route.get("https_redirect_status_code").and_then(Value::as_u64).unwrap_or(426) as u16;
    if status == 426 {
        let reply = Reply::error(accept, 426, "Please use HTTPS protocol");
        return reply.with(CONNECTION, "Upgrade").with(UPGRADE, "TLS/1.2, HTTP/1.1");
    }
    let name = match status {
        301 => "301 Moved Permanently",
        302 => "302 Found",
        307 => "307 Temporary Redirect",
        _ => "308 Permanent Redirect",
    };
    let body = format!(
        "<html>\n<head><title>{name}</title></head>\n<body>\n<center><h1>{name}</h1></center>\n</body>\n</html>\n"
    );
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    Reply::body(status, "text/html", body).with(LOCATION, &format!("https://{host}{path}"))
}

/// What a service is told of the client. Whatever the client says of itself isn't trusted, but for the addresses.
fn forwarded(headers: &mut HeaderMap, connection: &Connection, host: &str, path: &str, prefix: Option<&str>) {
    let client = connection.client.ip().to_string();
    let chain = match text(headers, "x-forwarded-for") {
        Some(given) => format!("{given}, {client}"),
        None => client.clone(),
    };
    let mut tell = |name: &'static str, value: &str| set(headers, HeaderName::from_static(name), value);
    tell("x-forwarded-for", &chain);
    tell("x-forwarded-proto", if connection.https { "https" } else { "http" });
    tell("x-forwarded-host", host);
    tell("x-forwarded-port", &connection.port.to_string());
    tell("x-forwarded-path", path);
    tell("x-real-ip", &client);
    headers.remove("x-forwarded-prefix");
    if let Some(prefix) = prefix.filter(|prefix| !prefix.is_empty()) {
        set(headers, HeaderName::from_static("x-forwarded-prefix"), prefix);
    }
    for name in [HOST, CONNECTION] {
        headers.remove(name);
    }
}

fn respond(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = hyper::StatusCode::from_u16(reply.status).unwrap_or_default();
    *response.headers_mut() = reply.headers;
    response
}
