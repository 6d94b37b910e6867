//! Waits until what was written through the Admin API has reached the proxy.
//!
//! With a database, each worker of Kong takes up changes at its own moment, seconds later (2.9–4.8 s by default). After
//! all other writes a route that nobody else has is made, the sentinel; the worker that answers on it has everything
//! that was written before. Requests over fresh connections reach different workers, so that one answer isn't enough.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::client::{Client, Keep, Unanswered};
use super::request::Proxy;
use super::router::Request;
use crate::routes::host_tag;

/// The tag of what vv makes for its own probing; leftovers of a killed run are found by it.
pub const TAG: &str = crate::routes::PROBE;
/// With how many answers in a row it has passed.
const IN_A_ROW: u32 = 10;
/// How sure it shall be of every worker: in one of so many runs one may be missed.
const SURE: f64 = 1000.0;
/// Between two questions while it isn't there yet.
const PAUSE: Duration = Duration::from_millis(20);
/// How long its deletion may take.
const DELETION: Duration = Duration::from_secs(5);
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The Admin API, as far as the barrier needs it.
#[async_trait]
pub trait Sentinel: Send + Sync {
    /// Makes the route and then its plugin: `POST` of each. Both have their ids and tags.
    async fn put(&self, route: Value, plugin: Option<Value>) -> anyhow::Result<()>;

    /// Deletes the route of this id, and with it its plugin; it may be gone already.
    async fn remove(&self, route: &str) -> anyhow::Result<()>;
}

/// Why it didn't pass.
#[derive(Debug, thiserror::Error)]
pub enum Blocked {
    /// The Admin API didn't take the sentinel.
    #[error("the probe's route can't be made")]
    Admin(#[source] anyhow::Error),
    /// Nobody knows where the proxy answers.
    #[error("the proxy's address isn't known")]
    NoAddress,
    /// The time was up.
    #[error("the changes haven't reached the proxy within {after:.1?} ({last})")]
    NotInTime {
        /// How long it was waited.
        after: Duration,
        /// What the proxy answered last.
        last: String,
    },
}

/// Waits until all workers of the proxy have what was written before. `owner_tag`: the stack's, and `host`: the name of this
/// host, by both of which the next run knows what a killed one left. `workers`: how many there are, where that is known.
/// Not needed without a database, and where nothing was written. What it made is deleted in the end, also when this is
/// given up (then without waiting for it).
///
/// # Errors
/// It can't be told until the end time, or the Admin API doesn't take the sentinel.
pub async fn pass(
    admin: Arc<dyn Sentinel>,
    owner_tag: &str,
    host: &str,
    proxy: &Proxy,
    workers: Option<u32>,
    until: Instant,
) -> Result<(), Blocked> {
    if *proxy == Proxy::default() {
        return Err(Blocked::NoAddress);
    }
    let started = Instant::now();
    let client = Client::new(proxy, Keep::Nothing);
    let needed = in_a_row(workers);
    // An answer by a global plugin (key-auth, rate-limiting, …) hides a sentinel that is a plugin's own answer; one that
    // sends to TLS is heard before all plugins, but says nothing of them.
    let mut form = Form::Termination;
    loop {
        let mark = Mark::new(form, owner_tag, host, proxy);
        let late =
            |_| Blocked::NotInTime { after: started.elapsed(), last: "the Admin API is slow".to_owned() };
        let put = tokio::time::timeout_at(until, Guard::put(&admin, &mark)).await.map_err(late)?;
        let guard = match put {
            Ok(guard) => guard,
            // It may be the plugin: gateways needn't have it.
            Err(_) if form == Form::Termination && proxy.http.is_some() => {
                form = Form::Redirect;
                continue;
            }
            Err(error) => return Err(Blocked::Admin(error)),
        };
        let watched = watch(&client, &mark, needed, started, until).await;
        guard.remove().await;
        match watched {
            Ok(Seen::Own) => return Ok(()),
            Ok(Seen::Hidden) => form = Form::Redirect,
            Err(blocked) => return Err(blocked),
        }
    }
}

/// So many answers in a row that none of the workers is likely to have been missed.
fn in_a_row(workers: Option<u32>) -> u32 {
    match workers {
        Some(workers) if workers > 1 => {
            let others = 1.0 - 1.0 / f64::from(workers);
            // At most some hundreds, for any count of processors.
            let enough = ((SURE * f64::from(workers)).ln() / -others.ln()).ceil().min(1000.0) as u32;
            enough.max(IN_A_ROW)
        }
        _ => IN_A_ROW,
    }
}

/// How the sentinel answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// By request-termination, with the nonce as its body.
    Termination,
    /// As a route of `https` does in the clear: it sends to TLS, to the nonce's host.
    Redirect,
}

/// A sentinel.
struct Mark {
    form: Form,
    id: String,
    name: String,
    tags: Value,
    request: Request,
}

/// What became of watching.
enum Seen {
    /// It answered as often as needed.
    Own,
    /// Kong answers in its place.
    Hidden,
}

/// One answer.
enum Heard {
    Own,
    Hidden,
    Other(String),
}

impl Mark {
    fn new(form: Form, owner_tag: &str, host: &str, proxy: &Proxy) -> Self {
        let id = Uuid::new_v4();
        let name = format!("{TAG}-{}", id.simple());
        let tls = form == Form::Termination && proxy.http.is_none();
        let request = Request {
            method: "GET".to_owned(),
            tls,
            host: format!("{name}.invalid"),
            path: format!("/{name}"),
            headers: Vec::new(),
            sni: proxy
                .https
                .as_ref()
                .filter(|own| tls && own.host.parse::<std::net::IpAddr>().is_err())
                .map(|own| own.host.clone()),
        };
        Self { form, id: id.to_string(), name, tags: json!([TAG, owner_tag, host_tag(host)]), request }
    }

    /// A host, a path and a method: no route of others that lacks its host matches on more of this request.
    fn route(&self) -> Value {
        let (protocols, status) = match self.form {
            Form::Termination => (json!(["http", "https"]), 426),
            Form::Redirect => (json!(["https"]), 302),
        };
        json!({
            "id": self.id,
            "name": self.name,
            "hosts": [self.request.host],
            "paths": [self.request.path],
            "methods": [self.request.method],
            "protocols": protocols,
            "https_redirect_status_code": status,
            "tags": self.tags,
        })
    }

    fn plugin(&self) -> Option<Value> {
        (self.form == Form::Termination).then(|| {
            json!({
                "id": Uuid::new_v4().to_string(),
                "name": "request-termination",
                "route": {"id": self.id},
                "config": {"status_code": 200, "content_type": "text/plain", "body": self.name},
                "tags": self.tags,
            })
        })
    }

    async fn heard(&self, client: &Client) -> Heard {
        let answer = match client.ask(&self.request, PATIENCE).await {
            Ok(answer) => answer,
            Err(Unanswered::Refused) => return Heard::Other("it refuses connections".to_owned()),
            Err(_) => return Heard::Other("it doesn't answer".to_owned()),
        };
        let own = match self.form {
            Form::Termination => answer.body.contains(&self.name),
            Form::Redirect => answer.status == 302 && answer.header("location").contains(&self.name),
        };
        let by_kong = !answer.header("x-kong-response-latency").is_empty() || answer.header("via").is_empty();
        match answer.status {
            _ if own => Heard::Own,
            // What plugins answer before request-termination gets to it.
            400 | 401 | 403 | 413 | 429 if by_kong && self.form == Form::Termination => {
                // Through TLS alone there is nothing better to hear.
                if client.speaks_http() { Heard::Hidden } else { Heard::Own }
            }
            status => Heard::Other(format!("it answers {status}")),
        }
    }
}

async fn watch(
    client: &Client,
    mark: &Mark,
    needed: u32,
    started: Instant,
    until: Instant,
) -> Result<Seen, Blocked> {
    let mut own = 0;
    let mut last = "it doesn't answer".to_owned();
    loop {
        match tokio::time::timeout_at(until, mark.heard(client)).await {
            Ok(Heard::Own) => {
                own += 1;
                if own >= needed {
                    return Ok(Seen::Own);
                }
                continue;
            }
            Ok(Heard::Hidden) => return Ok(Seen::Hidden),
            Ok(Heard::Other(heard)) => last = heard,
            Err(_) => {}
        }
        own = 0;
        if Instant::now() + PAUSE >= until {
            return Err(Blocked::NotInTime { after: started.elapsed(), last });
        }
        sleep(PAUSE).await;
    }
}

/// A sentinel that is there, and is deleted when this goes.
struct Guard {
    admin: Arc<dyn Sentinel>,
    route: Option<String>,
}

impl Guard {
    async fn put(admin: &Arc<dyn Sentinel>, mark: &Mark) -> anyhow::Result<Self> {
        // Held before it is asked for: it may have been made although nobody said so.
        let guard = Self { admin: admin.clone(), route: Some(mark.id.clone()) };
        match admin.put(mark.route(), mark.plugin()).await {
            Ok(()) => Ok(guard),
            Err(error) => {
                guard.remove().await;
                Err(error)
            }
        }
    }

    /// What can't be deleted has its tag, by which the next run finds it.
    async fn remove(mut self) {
        if let Some(route) = &self.route {
            let _ = tokio::time::timeout(DELETION, self.admin.remove(route)).await;
        }
        self.route = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (Some(route), Ok(runtime)) = (self.route.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let admin = self.admin.clone();
        runtime.spawn(async move {
            let _ = admin.remove(&route).await;
        });
    }
}
