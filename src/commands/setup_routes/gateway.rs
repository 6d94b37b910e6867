//! How commands come to a gateway: its Admin API and its proxy, of a stack's Kong or of one that is named.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use url::Url;

use crate::backoff::Backoff;
use crate::commands::context::Context;
use crate::engine::Engine;
use crate::engine::platform::EnginePlatform;
use crate::failure::{Failure, Kind, Result};
use crate::platform::{Endpoint, Platform, PlatformError, Replica, ReplicaState};
use crate::probe::kong::{Doors, Listen};
use crate::probe::question::Scheme;
use crate::probe::tls;
use crate::routes::admin::{Admin, AdminError, ClientOptions};
use crate::routes::prove::{self, Proxy};
use crate::stack::vv::Declared;
use crate::stack::{Service, Stack};

/// The variable with the token of an Admin API that wants one (Kong's RBAC).
const TOKEN: &str = "VV_KONG_ADMIN_TOKEN";
/// The header that it is sent in.
const HEADER: &str = "Kong-Admin-Token";
/// How long one question may take, its repetitions included.
const QUESTION: Duration = Duration::from_secs(30);

/// The services' replicas, by the names that containers know them by.
pub type Replicas = BTreeMap<String, Vec<String>>;

/// A gateway, as it is reached from here.
pub struct Way {
    /// Its Admin API.
    pub admin: Arc<Admin>,
    /// Its proxy; else why it can't be asked.
    pub proxy: Result<Proxy, String>,
}

/// A gateway that needn't be the stack's.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Its Admin API; nothing: the stack's.
    pub admin: Option<Url>,
    /// Sent to its Admin API, and to no proxy.
    pub headers: Vec<(String, String)>,
    /// Its proxy; nothing: the stack's, or none where the Admin API is named.
    pub proxy: Option<Url>,
}

impl Named {
    /// From the command line.
    ///
    /// # Errors
    /// An address with parts that aren't used, or a header without a name; its value isn't said.
    pub fn read(admin: Option<Url>, headers: &[String], proxy: Option<Url>) -> Result<Self> {
        if let Some(url) = &admin
            && (url.query().is_some() || url.fragment().is_some())
        {
            return Err(Failure::usage("--admin-url: an Admin API's address has no '?' and no '#' in it"));
        }
        if let Some(url) = &proxy
            && (!matches!(url.path(), "" | "/") || url.query().is_some() || !url.username().is_empty())
        {
            return Err(Failure::usage("--proxy-url: expected http://HOST:PORT, and nothing else"));
        }
        let header = |text: &String| {
            let (name, value) = text.split_once(':')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        let headers = headers.iter().map(header).collect::<Option<Vec<_>>>();
        let headers = headers.ok_or_else(|| Failure::usage("--admin-header: expected NAME: VALUE"))?;
        Ok(Self { admin, headers, proxy })
    }

    /// The gateway whose Admin API is named; nothing where none is.
    pub fn way(&self) -> Result<Option<Way>> {
        let Some(url) = &self.admin else { return Ok(None) };
        let proxy = match &self.proxy {
            Some(url) => at(url).map_err(|why| Failure::usage(format!("--proxy-url: {why}"))).map(Ok)?,
            None => Err("where its proxy listens isn't known: --proxy-url says it".to_owned()),
        };
        Ok(Some(Way { admin: admin(url.clone(), &self.headers, true)?, proxy }))
    }
}

fn admin(url: Url, headers: &[(String, String)], verify: bool) -> Result<Arc<Admin>> {
    let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
    let token = token.map(|token| (HEADER.to_owned(), token));
    let headers = headers.iter().cloned().chain(token).collect();
    // In the clear no certificate is looked at, and to read the system's takes longer than all that is asked.
    let tls = match verify && url.scheme() == "https" {
        true => None,
        false => Some(tls::unverified().map_err(anyhow::Error::from)?),
    };
    let options = ClientOptions { headers, tls, patience: QUESTION };
    Admin::new(url, options).map(Arc::new).map_err(failure_of)
}

/// The proxy at an address.
fn at(url: &Url) -> Result<Proxy, String> {
    let host = url.host_str().ok_or("it names no host")?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().ok_or("it names no port")?;
    let endpoint = Some(prove::Endpoint { host, port });
    match url.scheme() {
        "http" => Ok(Proxy { http: endpoint, https: None }),
        "https" => Ok(Proxy { http: None, https: endpoint }),
        other => Err(format!("{other} is neither http nor https")),
    }
}

/// The services of a stack that are gateways.
pub fn gateways(stack: &Stack) -> Vec<&Service> {
    let services = stack.services.values();
    services.filter(|service| stack.holds(service, Declared::Routes)).collect()
}

/// The stack's gateway, as soon as a replica of it runs and says that it is ready.
pub async fn of_stack(
    context: &Context,
    engine: &Arc<dyn Engine>,
    stack: &Stack,
    named: &Named,
    end: Instant,
) -> Result<(Way, Arc<EnginePlatform>)> {
    let mut backoff = Backoff::default();
    loop {
        let platform = Arc::new(context.platform(Arc::clone(engine), stack).await?);
        match now(stack, &platform, named).await {
            Ok(way) => {
                let say =
                    |waits: &str| context.printer.say(format_args!("waiting until Kong is ready: {waits}"));
                way.admin.wait_ready(end, &say).await.map_err(failure_of)?;
                return Ok((way, platform));
            }
            // It is being started, or restarts.
            Err(Absent::NotYet(_)) if Instant::now() + Duration::from_millis(50) < end => {
                sleep(backoff.pause(Duration::ZERO)).await;
            }
            Err(absent) => return Err(absent.into()),
        }
    }
}

/// Why a stack's gateway can't be asked.
#[derive(Debug)]
pub enum Absent {
    /// It will be there soon, or something is wrong with it that its health tells.
    NotYet(String),
    /// Nobody started it, or somebody paused it.
    NotRunning {
        /// The service.
        service: String,
        /// `doesn't run`
        what: &'static str,
    },
    /// It can't be asked from here, or there is none.
    Never(String, Option<String>),
}

impl From<Absent> for Failure {
    fn from(absent: Absent) -> Self {
        match absent {
            Absent::NotYet(why) => Failure::new(Kind::NotReady, why).hint("vv status shows it"),
            Absent::NotRunning { service, what } => {
                Failure::new(Kind::NotReady, format!("{service} {what}")).hint(format!("vv start {service}"))
            }
            Absent::Never(why, hint) => hint.into_iter().fold(Failure::usage(why), Failure::hint),
        }
    }
}

/// The stack's gateway as it is now: the first replica that runs. No question is asked of it.
pub async fn now(stack: &Stack, platform: &EnginePlatform, named: &Named) -> Result<Way, Absent> {
    let gateways = gateways(stack);
    let Some(first) = gateways.first() else {
        let why = format!("no service of {} is known to be Kong", stack.name);
        return Err(Absent::Never(
            why,
            Some("x-vv.kind: kong says which is; --admin-url names another".to_owned()),
        ));
    };
    let mut restarting = None;
    let mut absent = Absent::NotRunning { service: first.name.clone(), what: "doesn't run" };
    for service in &gateways {
        for status in platform.listed_replicas(&service.name) {
            match status.state {
                ReplicaState::Running => return way(service, platform, &status.replica, named).await,
                ReplicaState::Restarting | ReplicaState::Created => restarting = Some(status.name),
                ReplicaState::Paused => {
                    absent = Absent::NotRunning { service: service.name.clone(), what: "is paused" };
                }
                _ => {}
            }
        }
    }
    Err(match restarting {
        Some(name) => Absent::NotYet(format!("{name} doesn't run yet")),
        None => absent,
    })
}

async fn way(
    service: &Service,
    platform: &EnginePlatform,
    replica: &Replica,
    named: &Named,
) -> Result<Way, Absent> {
    let doors = Doors::of(service);
    let Some(listen) = &doors.admin else {
        return Err(Absent::Never(
            format!("the Admin API of {} listens in its container only", service.name),
            Some("KONG_ADMIN_LISTEN: 0.0.0.0:8001 lets it be asked; keep the port unpublished, or on 127.0.0.1".to_owned()),
        ));
    };
    let endpoint = platform.reach(replica, listen.port).await.map_err(|error| match error {
        PlatformError::NotRunning(why) | PlatformError::CutOff(why) => Absent::NotYet(why),
        error => Absent::Never(format!("the Admin API of {} can't be reached: {error}", service.name), None),
    })?;
    let url = url(listen, endpoint).map_err(|why| Absent::Never(why, None))?;
    // Kong's own certificate is self-signed, and this is the stack's own container.
    let admin =
        admin(url, &named.headers, false).map_err(|failure| Absent::Never(failure.in_a_line(), None))?;
    let proxy = match &named.proxy {
        Some(url) => at(url),
        None => proxy(&doors, platform, replica).await,
    };
    Ok(Way { admin, proxy })
}

async fn proxy(doors: &Doors, platform: &EnginePlatform, replica: &Replica) -> Result<Proxy, String> {
    let reach = async |listen: &Option<Listen>| match listen {
        Some(listen) => {
            let address = platform.reach(replica, listen.port).await.ok()?.address;
            Some(prove::Endpoint { host: address.ip().to_string(), port: address.port() })
        }
        None => None,
    };
    let (plain, tls) = tokio::join!(reach(&doors.proxy), reach(&doors.proxy_tls));
    match (plain, tls) {
        (None, None) => Err("no port of its proxy can be reached from here".to_owned()),
        (plain, tls) => Ok(Proxy { http: plain, https: tls }),
    }
}

fn url(listen: &Listen, endpoint: Endpoint) -> Result<Url, String> {
    let scheme = match listen.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    Url::parse(&format!("{scheme}://{}", endpoint.address)).map_err(|error| error.to_string())
}

/// The containers' names of the replicas that run, of the stack's services.
pub fn replicas(stack: &Stack, platform: &EnginePlatform) -> Replicas {
    let names = |service: &Service| {
        let replicas = platform.listed_replicas(&service.name).into_iter();
        let running = replicas.filter(|status| status.state == ReplicaState::Running);
        (service.name.clone(), running.map(|status| status.name).collect())
    };
    stack.services.values().map(names).collect()
}

/// A gateway that can't be asked: it refuses, or isn't ready in time.
pub fn failure_of(error: AdminError) -> Failure {
    let failure = Failure::new(error.failure(), error.message);
    error.hint.into_iter().fold(failure, Failure::hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::testing::stack;

    #[test]
    fn a_job_of_kongs_image_is_no_gateway() {
        let stack = stack(
            "
services:
  migrate: {image: kong:3.4, command: kong migrations bootstrap}
  setup: {image: kong:3.4, x-vv: {kind: job}}
  gateway: {image: kong:3.4, depends_on: {migrate: {condition: service_completed_successfully}}}
  own: {image: example.test/edge, x-vv: {kind: kong}}
",
        );
        let names: Vec<&str> = gateways(&stack).iter().map(|service| service.name.as_str()).collect();
        assert_eq!(names, ["gateway", "own"]);
    }
}
