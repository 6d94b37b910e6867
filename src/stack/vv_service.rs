//! A service's `x-vv`.

use indexmap::IndexMap;

use super::context::Context;
use super::decode::{At, Keys};
use super::kind;
use super::vv::{Declared, Probe, Scale, ServiceVv, Stub, StubCall, StubLogs, StubRoute, Url};
use super::{command, vv_shapes};
use crate::failure::nearest;

const KEYS: Keys =
    Keys::strict(&["kind", "title", "group", "urls", "probe", "scale", "needs", "register", "stub"]);
const URL: Keys = Keys::strict(&["name", "port", "path", "scheme", "login", "page"]);
const PROBE: Keys = Keys::strict(&["http", "tcp", "grpc", "exec"]);
const SCALE: Keys = Keys::strict(&["min", "max", "by"]);
const STUB: Keys = Keys::strict(&["port", "health", "metrics", "docs", "service", "routes", "calls", "logs"]);
const ROUTE: Keys = Keys::strict(&["method", "path", "status", "body", "calls"]);
const CALL: Keys = Keys::strict(&["url", "method"]);

/// What vv knows of a service beyond Compose. The kind is still empty where the file doesn't name one.
pub fn read(at: &At<'_>, context: &Context<'_>) -> ServiceVv {
    let Some(fields) = at.fields(KEYS) else { return ServiceVv::default() };
    ServiceVv {
        kind: fields.get("kind").and_then(|at| known_kind(&at)),
        title: fields.get("title").and_then(|at| at.text()),
        group: fields.get("group").and_then(|at| at.text()),
        urls: fields.get("urls").map(|at| at.items()).unwrap_or_default().iter().filter_map(url).collect(),
        probe: fields.get("probe").and_then(|at| probe(&at)),
        scale: fields.get("scale").and_then(|at| scale(&at)),
        needs: fields.get("needs").map(|at| needs(&at)).unwrap_or_default(),
        register: fields.get("register").map(|at| register(&at)).unwrap_or_default(),
        stub: fields.get("stub").and_then(|at| stub(&at, context)),
    }
}

fn known_kind(at: &At<'_>) -> Option<String> {
    let text = at.text()?;
    if kind::names().any(|kind| kind == text) {
        return Some(text);
    }
    let hint = match nearest(&text, kind::names()) {
        Some(near) => format!("; did you mean '{near}'?"),
        None => format!(": vv knows {}", kind::names().collect::<Vec<_>>().join(", ")),
    };
    at.problem(format!("unknown kind '{text}'{hint}"));
    None
}

fn url(at: &At<'_>) -> Option<Url> {
    let fields = at.fields(URL)?;
    let name = fields.required("name").and_then(|at| at.text());
    let port = fields.required("port").and_then(|at| at.port());
    Some(Url {
        name: name?,
        port: port?,
        path: fields.get("path").and_then(|at| vv_shapes::path(&at)).unwrap_or_default(),
        scheme: fields.get("scheme").and_then(|at| at.text()).unwrap_or_else(|| "http".into()),
        login: fields.get("login").and_then(|at| at.text()),
        page: fields.get("page").and_then(|at| at.boolean()).unwrap_or(true),
    })
}

fn probe(at: &At<'_>) -> Option<Probe> {
    let fields = at.fields(PROBE)?;
    let [choice] = fields.which(PROBE.read)[..] else {
        at.problem("expected exactly one of 'http', 'tcp', 'grpc', 'exec'");
        return None;
    };
    let at = fields.get(choice)?;
    match choice {
        "exec" => {
            let words = if at.is_mapping() {
                at.fields(Keys::strict(&["command"]))?
                    .required("command")
                    .and_then(|at| command::read(&at))?
            } else {
                command::read(&at)?
            };
            if words.is_empty() {
                at.problem("the command is empty");
                return None;
            }
            Some(Probe::Exec { command: words })
        }
        "http" => {
            let fields = at.fields(Keys::strict(&["port", "path"]))?;
            let path = fields.get("path").and_then(|at| vv_shapes::path(&at)).unwrap_or_else(|| "/".into());
            Some(Probe::Http { port: fields.required("port")?.port()?, path })
        }
        "tcp" => Some(Probe::Tcp { port: at.fields(Keys::strict(&["port"]))?.required("port")?.port()? }),
        _ => {
            let fields = at.fields(Keys::strict(&["port", "service"]))?;
            let service = fields.string("service").unwrap_or_default();
            Some(Probe::Grpc { port: fields.required("port")?.port()?, service })
        }
    }
}

fn scale(at: &At<'_>) -> Option<Scale> {
    let fields = at.fields(SCALE)?;
    let min = fields.required("min").and_then(|at| at.integer());
    let max = fields.required("max").and_then(|at| at.integer());
    let by = fields.get("by").and_then(|at| {
        at.word(&[
            ("cpu", "cpu"),
            ("memory", "memory"),
            ("requests", "requests"),
            ("events", "events"),
            ("queue", "queue"),
        ])
    });
    let scale = Scale { min: min?, max: max?, by: by.map(str::to_owned) };
    if scale.min > scale.max {
        at.problem(format!("'min' ({}) is above 'max' ({})", scale.min, scale.max));
        return None;
    }
    Some(scale)
}

fn needs(at: &At<'_>) -> Vec<Declared> {
    let words = [Declared::Topics, Declared::Routes].map(|what| (what.name(), what));
    at.items().iter().filter_map(|at| at.word(&words)).collect()
}

fn register(at: &At<'_>) -> IndexMap<String, String> {
    let Some(fields) = at.fields(Keys::strict(&["consul"])) else { return IndexMap::new() };
    let owner = fields.get("consul").and_then(|at| at.word(&[("vv", "vv"), ("self", "self")]));
    owner.map(|owner| ("consul".to_owned(), owner.to_owned())).into_iter().collect()
}

fn stub(at: &At<'_>, context: &Context<'_>) -> Option<Stub> {
    // `stub: {}` stands in with the defaults; nothing at all after the colon doesn't.
    let fields = at.fields(STUB)?;
    let path = |key: &str| fields.get(key).and_then(|at| vv_shapes::path(&at));
    Some(Stub {
        port: fields.get("port").and_then(|at| at.port()),
        health: path("health"),
        metrics: path("metrics"),
        docs: fields.flag("docs"),
        service: fields.get("service").and_then(|at| at.text()),
        routes: fields
            .get("routes")
            .map(|at| at.items())
            .unwrap_or_default()
            .iter()
            .filter_map(|at| route(at, context))
            .collect(),
        calls: fields.get("calls").map(|at| calls(&at, context)).unwrap_or_default(),
        logs: fields.get("logs").and_then(|at| logs(&at)),
    })
}

fn route(at: &At<'_>, context: &Context<'_>) -> Option<StubRoute> {
    let fields = at.fields(ROUTE)?;
    let status = fields.get("status").map_or(Some(200), |at| vv_shapes::status(&at));
    let path = fields.required("path").and_then(|at| vv_shapes::path(&at));
    Some(StubRoute {
        method: fields.get("method").map_or(Some("GET".into()), |at| vv_shapes::method(&at))?,
        path: path?,
        status: status?,
        body: fields.get("body").map(|at| at.json()).unwrap_or_default(),
        calls: fields.get("calls").map(|at| calls(&at, context)).unwrap_or_default(),
    })
}

fn calls(at: &At<'_>, context: &Context<'_>) -> Vec<StubCall> {
    let call = |at: &At<'_>| {
        let fields = at.fields(CALL)?;
        let url_at = fields.required("url")?;
        let url = url_at.text()?;
        let Some(host) = host(&url) else {
            url_at.problem("expected a URL such as 'http://orders:8081/orders'");
            return None;
        };
        // A name with a dot is somewhere else.
        if !host.contains('.') && host != "localhost" {
            unknown_host(&url_at, host, context);
        }
        let method = fields.get("method").map_or(Some("GET".into()), |at| vv_shapes::method(&at))?;
        Some(StubCall { url, method })
    };
    at.items().iter().filter_map(call).collect()
}

/// A host may be an alias, too; but one that is nearly a service's name is most likely meant to be it.
fn unknown_host(at: &At<'_>, host: &str, context: &Context<'_>) {
    if !context.services.contains(host)
        && let Some(near) = nearest(host, context.services.iter().copied())
    {
        at.warn(format!("there is no service '{host}'; did you mean '{near}'?"));
    }
}

/// The host of an `http` or `https` URL.
fn host(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.split(':').next()?;
    (!host.is_empty()).then_some(host)
}

fn logs(at: &At<'_>) -> Option<StubLogs> {
    let at = at.fields(Keys::strict(&["logstash"]))?.required("logstash")?;
    let address = at.text()?;
    let valid =
        address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if !valid {
        at.problem(format!("expected HOST:PORT, found '{address}'"));
    }
    valid.then_some(StubLogs { logstash: address })
}
