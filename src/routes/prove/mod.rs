//! Whether each route answers: one request through the proxy, and what its answer proves.
//!
//! [`router`], [`request`] and [`answer`] are pure; [`prove`] asks, and [`barrier`] waits until what was written has
//! reached the proxy.

pub mod answer;
pub mod barrier;
mod client;
mod plugins;
mod proof;
pub mod request;
pub mod router;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::gateway::Entities;
use super::kind::Kind;
use answer::Asked;
use client::Client;
pub use client::Unanswered;
use plugins::{Login, Plugins};
pub use proof::{Level, Outcome, Proof};
use request::{Drawn, Skip, Taken};
pub use request::{Endpoint, Proxy};
use router::{Request, Route, Router};

/// How many routes are asked at the same time.
const AT_ONCE: usize = 16;
/// How long one answer may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A route that is to be proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its id.
    pub id: String,
    /// What it is called: `route orders`.
    pub label: String,
    /// The gateway doesn't hold it yet, although [`Known::entities`] does: they are as they will be. It isn't asked, as
    /// another route would answer.
    pub missing: bool,
}

/// What the gateway holds, and what else is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// All its services, routes and plugins, those of others too: they may take a route's requests.
    pub entities: &'a Entities,
    /// The health of targets by upstream's name, as `/upstreams/{name}/health` tells; for a service whose host is no
    /// upstream, by that host. It stands in for a route that isn't asked.
    pub health: &'a BTreeMap<String, Vec<Target>>,
    /// What must never be shown; a route may match on a header's secret value.
    pub secrets: &'a [String],
}

/// A target's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `10.0.0.2:80`.
    pub target: String,
    /// `HEALTHY`, `UNHEALTHY`, `DNS_ERROR`, `HEALTHCHECKS_OFF`.
    pub health: String,
}

/// How routes are proven.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Routes that allow only methods that change something are asked all the same, with an empty body.
    pub unsafe_probes: bool,
    /// How long one answer may take.
    pub patience: Duration,
    /// When everything must be over.
    pub until: Instant,
}

/// Proves routes, each by at most one request, in their order. No credentials are sent: a 401 proves a protected route.
pub async fn prove(wanted: &[Wanted], known: Known<'_>, proxy: &Proxy, options: Options) -> Vec<Proof> {
    let client = Client::new(proxy, client::Keep::Connections);
    let questions = questions(wanted, known, proxy, options.unsafe_probes);
    let heard = questions
        .into_iter()
        .enumerate()
        .map(async |(place, question)| (place, heard(question, &client, options).await));
    // One that hangs must not keep those behind it waiting: in any order, and then in theirs.
    let mut heard: Vec<(usize, Heard)> = stream::iter(heard).buffer_unordered(AT_ONCE).collect().await;
    heard.sort_by_key(|(place, _)| *place);
    // Not each answer of Kong's tells that it is one, but where none does, there may be no Kong at all.
    let by_kong = heard.iter().any(|(_, heard)| heard.of_kong);
    let proofs = heard.into_iter().map(|(_, Heard { wanted, context, request, outcome, .. })| {
        let proof = Proof::new(wanted, request.as_ref(), outcome, &context);
        if by_kong { proof } else { proof.by_anybody() }.without(known.secrets)
    });
    proofs.collect()
}

/// What is to be done for one route.
struct Question {
    wanted: Wanted,
    context: Context,
    drawn: Drawn,
}

/// What of the gateway a proof's words need.
#[derive(Debug, Clone, Default)]
struct Context {
    /// The plugins that act on the route.
    plugins: Vec<String>,
    /// Those of them that nobody passes without a login.
    logins: Vec<Login>,
    /// Where its service is: `orders:8000`.
    place: String,
    /// How long Kong waits for it, in milliseconds.
    read_timeout: Option<u64>,
    wants_tls: bool,
    targets: Vec<Target>,
    /// How many paths the route matches on.
    paths: usize,
    /// … and hosts.
    hosts: usize,
    /// What of it other routes take.
    taken: Option<Taken>,
}

fn questions(wanted: &[Wanted], known: Known<'_>, proxy: &Proxy, unsafe_probes: bool) -> Vec<Question> {
    // What isn't there takes nothing from those that are.
    let missing: BTreeSet<&str> =
        wanted.iter().filter(|wanted| wanted.missing).map(|wanted| wanted.id.as_str()).collect();
    let router = Router::new(known.entities).without(&missing);
    let routes = by_id(known.entities, "routes");
    let services = by_id(known.entities, "services");
    let plugins = Plugins::of(known.entities);
    let own: BTreeSet<&str> = wanted.iter().map(|wanted| wanted.id.as_str()).collect();
    let mut seen = BTreeSet::new();
    let once = wanted.iter().filter(|wanted| seen.insert(wanted.id.as_str()));
    once.map(|wanted| {
        if missing.contains(wanted.id.as_str()) {
            let drawn = Drawn::Skipped(Skip::Missing);
            return Question { wanted: wanted.clone(), context: Context::default(), drawn };
        }
        let Some(fields) = routes.get(wanted.id.as_str()) else {
            let why = "the gateway doesn't hold it".to_owned();
            let drawn = Drawn::Skipped(Skip::Undrawable(why));
            return Question { wanted: wanted.clone(), context: Context::default(), drawn };
        };
        let route = Route::of(fields);
        let service = route.service.as_ref().and_then(|id| services.get(id.as_str()).copied());
        let mut context = Context::of(&route, service, &plugins, known.health);
        let drawn = match service {
            Some(service) if service.get("enabled") == Some(&Value::Bool(false)) => {
                let name = service.get("name").and_then(Value::as_str).unwrap_or(&context.place);
                Drawn::Skipped(Skip::Disabled(name.to_owned()))
            }
            _ => request::draw(&route, &router, proxy, unsafe_probes),
        };
        if matches!(drawn, Drawn::Request(_) | Drawn::Skipped(Skip::OnlyUnsafe(_))) {
            context.taken = request::taken(&route, &router, proxy, &own);
        }
        Question { wanted: wanted.clone(), context, drawn }
    })
    .collect()
}

fn by_id<'a>(entities: &'a Entities, kind: &str) -> BTreeMap<&'a str, &'a Map<String, Value>> {
    let list = entities.get(&Kind::of(kind)).into_iter().flatten();
    list.filter_map(|entity| Some((entity.get("id")?.as_str()?, entity))).collect()
}

impl Context {
    /// Whom that plugin refuses would come to the service otherwise; one that answers in its place refuses nobody.
    fn is_refused_before_service(&self, plugin: &Option<String>) -> bool {
        !self.place.is_empty() && plugin.as_deref() != Some("request-termination")
    }

    fn of(
        route: &Route,
        service: Option<&Map<String, Value>>,
        plugins: &Plugins<'_>,
        health: &BTreeMap<String, Vec<Target>>,
    ) -> Self {
        let field = |name: &str| service.and_then(|service| service.get(name));
        let host = field("host").and_then(Value::as_str).unwrap_or_default();
        let port = field("port").and_then(Value::as_u64);
        let acting = plugins.acting_on(route);
        Self {
            plugins: acting.keys().map(|name| (*name).to_owned()).collect(),
            logins: acting.iter().filter_map(|(name, plugin)| Login::of(name, plugin)).collect(),
            place: port.map_or(host.to_owned(), |port| format!("{host}:{port}")),
            read_timeout: field("read_timeout").and_then(Value::as_u64),
            wants_tls: !route.speaks(&["http"]),
            paths: route.paths.len(),
            hosts: route.hosts.len(),
            taken: None,
            targets: health.get(host).cloned().unwrap_or_default(),
        }
    }
}

/// What came of a question.
struct Heard {
    wanted: Wanted,
    context: Context,
    request: Option<Request>,
    outcome: Outcome,
    /// There was an answer, and something in it comes from Kong.
    of_kong: bool,
}

async fn heard(question: Question, client: &Client, options: Options) -> Heard {
    let Question { wanted, context, drawn } = question;
    let (request, (outcome, of_kong)) = match drawn {
        Drawn::Skipped(skip) => (None, (Outcome::Skipped(skip), false)),
        Drawn::Shadowed(shadow) => (None, (Outcome::Shadowed(shadow), false)),
        Drawn::Request(request) => {
            let outcome = ask(&request, &context, client, options).await;
            (Some(request), outcome)
        }
    };
    Heard { wanted, context, request, outcome, of_kong }
}

/// What came of it, and whether something in the answer comes from Kong.
async fn ask(request: &Request, context: &Context, client: &Client, options: Options) -> (Outcome, bool) {
    let left = options.until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return (Outcome::Unanswered(Unanswered::NotAsked), false);
    }
    match client.ask(request, options.patience.min(left)).await {
        Err(unanswered) => (Outcome::Unanswered(unanswered), false),
        Ok(answer) => {
            let asked = Asked {
                plugins: &context.plugins,
                head: request.method == "HEAD",
                wants_tls: context.wants_tls && !request.tls,
            };
            (Outcome::Answered(answer::class(&answer, asked)), answer.is_of_kong())
        }
    }
}
