//! What came of a route, in words.

use serde::Serialize;

use super::answer::{Class, Down};
use super::client::Unanswered;
use super::plugins::Login;
use super::request::{NEVER, Shadow, Skip};
use super::router::Request;
use super::{Context, Target, Wanted};
use crate::stack::secret::HIDDEN;

/// What came of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// The proxy answered.
    Answered(Class),
    /// The proxy didn't answer.
    Unanswered(Unanswered),
    /// Another route takes what it matches.
    Shadowed(Shadow),
    /// It wasn't asked.
    Skipped(Skip),
}

/// How good that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The route is live.
    Ok,
    /// It wasn't asked, and nothing speaks against it.
    Skipped,
    /// It is live, and something isn't as it should be.
    Warn,
    /// It isn't live.
    Fail,
}

/// What is known of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub label: String,
    /// What was asked: `GET /orders (Host a.example.test)`.
    pub request: Option<String>,
    /// How good it is.
    pub level: Level,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// That in words, one line.
    pub detail: String,
    /// What to do, one line.
    pub hint: Option<String>,
}

/// A level, and the words for it.
type Said = (Level, String, Option<String>);

impl Proof {
    /// The route isn't live.
    pub fn is_failure(&self) -> bool {
        self.level == Level::Fail
    }

    pub(super) fn new(
        wanted: Wanted,
        request: Option<&Request>,
        outcome: Outcome,
        context: &Context,
    ) -> Self {
        let said = match &outcome {
            Outcome::Answered(class) => answered(class, request, context),
            Outcome::Unanswered(unanswered) => unanswered_words(unanswered, context),
            Outcome::Shadowed(shadow) => (
                Level::Fail,
                format!("{} takes its requests: {}", shadow.label, shadow.why),
                Some("no request can reach it: change what one of them matches on".to_owned()),
            ),
            Outcome::Skipped(skip) => skipped(skip, &context.targets),
        };
        let asked = matches!(outcome, Outcome::Answered(_));
        let (level, detail, hint) = and_the_rest(said, asked, context);
        Self {
            id: wanted.id,
            label: wanted.label,
            request: request.map(|request| shown(request, context.hosts > 0)),
            level,
            outcome,
            detail,
            hint,
        }
    }

    /// No answer of the whole run shows that Kong gave it: this one proves that something listens, and no more.
    pub(super) fn by_anybody(self) -> Self {
        let Outcome::Answered(class) = &self.outcome else { return self };
        let (status, Level::Ok | Level::Warn) = (class.status(), self.level) else { return self };
        let status = status.map_or(String::new(), |status| format!("{status}: "));
        Self {
            level: Level::Warn,
            detail: format!("{status}nothing in the answer shows that Kong gave it"),
            hint: Some(
                "is this Kong's proxy? --proxy-url says where it is; `headers = off` hides it".to_owned(),
            ),
            ..self
        }
    }

    /// Without these texts.
    pub(super) fn without(self, secrets: &[String]) -> Self {
        let hide = |text: &str| hidden(text, secrets);
        let outcome = match self.outcome {
            Outcome::Skipped(Skip::Undrawable(why)) => Outcome::Skipped(Skip::Undrawable(hide(&why))),
            outcome => outcome,
        };
        Self {
            label: hide(&self.label),
            request: self.request.as_deref().map(hide),
            detail: hide(&self.detail),
            hint: self.hint.as_deref().map(hide),
            outcome,
            ..self
        }
    }
}

/// A text without secrets; a short one may be found in any word, and isn't looked for.
fn hidden(text: &str, secrets: &[String]) -> String {
    let secrets = secrets.iter().filter(|secret| secret.len() > 3);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), HIDDEN))
}

/// A request on one line.
fn shown(request: &Request, has_hosts: bool) -> String {
    let mut more = Vec::new();
    if request.tls {
        more.push("TLS".to_owned());
    }
    if has_hosts {
        more.push(format!("Host {}", request.host));
    }
    if let Some(sni) = request.sni.as_ref().filter(|sni| !request.host.starts_with(sni.as_str())) {
        more.push(format!("SNI {sni}"));
    }
    more.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
    format!("{} {}{more}", request.method, request.path)
}

/// How much of a route was asked, and what of it other routes take. Of one that isn't live that is idle.
fn and_the_rest(said: Said, asked: bool, context: &Context) -> Said {
    let (mut level, mut detail, mut hint) = said;
    if level == Level::Fail {
        return (level, detail, hint);
    }
    let several =
        [(context.paths, "paths"), (context.hosts, "hosts")].into_iter().filter(|(all, _)| *all > 1);
    let several: Vec<String> = several.map(|(all, what)| format!("1 of {all} {what}")).collect();
    if asked && !several.is_empty() {
        detail += &format!("; {} asked", several.join(", "));
    }
    if let Some(taken) = &context.taken {
        detail += &format!("; {}", taken.words);
        if taken.is_warning {
            level = level.max(Level::Warn);
            hint = hint.or_else(|| Some("change what one of the two routes matches on".to_owned()));
        }
    }
    (level, detail, hint)
}

fn answered(class: &Class, request: Option<&Request>, context: &Context) -> Said {
    let stops = |login: &&Login| request.is_some_and(|request| login.stops(request));
    if let (Class::Proxied { status }, Some(login)) = (class, context.logins.iter().find(stops)) {
        return (
            Level::Warn,
            format!("the service answered ({status}) although {} acts on the route", login.plugin),
            Some("another route answered, or nobody is asked for a login".to_owned()),
        );
    }
    let place = &context.place;
    let hint = |hint: &str| Some(hint.to_owned());
    match class {
        Class::Proxied { status: 404 } => {
            (Level::Ok, "the service answers 404: it has no such page".to_owned(), None)
        }
        Class::Proxied { status } if *status >= 500 => (
            Level::Warn,
            format!("the service answers {status}"),
            Some(format!("the route is live, and the service at {place} fails: see its log")),
        ),
        Class::Proxied { status } => (Level::Ok, format!("the service answers {status}"), None),
        Class::Kong { status: status @ (401 | 403 | 429), by } if context.is_refused_before_service(by) => {
            let by = by.as_deref().map_or(String::new(), |by| format!(": {by}"));
            unreached(format!("answered by Kong{by} ({status})"), &context.targets)
        }
        Class::Kong { status, by: Some(by) } => {
            (Level::Ok, format!("answered by Kong: {by} ({status})"), None)
        }
        Class::Kong { status, by: None } => (Level::Ok, format!("answered by Kong ({status})"), None),
        Class::NoRoute => (
            Level::Fail,
            "Kong knows no route for it (404)".to_owned(),
            hint("is this the proxy of the gateway that was set up, and is it up to date?"),
        ),
        Class::NoService => (
            Level::Fail,
            "it has no service, and no plugin answers in its place (503)".to_owned(),
            hint("give the route a service, or a plugin such as request-termination"),
        ),
        Class::KongFailed { status } => (
            Level::Fail,
            format!("Kong itself fails ({status})"),
            hint("a plugin may have failed: see Kong's log"),
        ),
        Class::AdminApi { status } => (
            Level::Fail,
            format!("a Kong's Admin API answers, and not its proxy ({status})"),
            hint("--proxy-url says where the proxy is"),
        ),
        Class::Unclear { status } => (
            Level::Warn,
            format!("{status}, by the service or by Kong: nothing in the answer tells"),
            hint("Kong's headers are off (`headers = off`), and no body tells either"),
        ),
        Class::UpstreamDown { status, cause } => down(*status, *cause, context),
    }
}

/// Kong kept the request from the service: what is known of its targets stands in. Where nothing is, the route is live as
/// far as it can be told.
fn unreached(detail: String, targets: &[Target]) -> Said {
    let detail = if targets.is_empty() { format!("{detail}; its service wasn't reached") } else { detail };
    let (level, detail, hint) = standing_in(detail, None, targets);
    (if level == Level::Skipped { Level::Ok } else { level }, detail, hint)
}

fn down(status: u16, cause: Down, context: &Context) -> Said {
    let place = &context.place;
    let (detail, hint) = match cause {
        Down::Unresolved => (
            format!("Kong can't resolve the name of {place}"),
            "is there a service of that name in a network of Kong's?".to_owned(),
        ),
        Down::NoTarget => (
            format!("the upstream {place} has no healthy target{}", unhealthy(&context.targets)),
            "add targets to the upstream, or see why their health checks fail".to_owned(),
        ),
        Down::BadAnswer => (
            format!("nothing answers Kong at {place} as it should"),
            "is the service up, on that port, and in the protocol that Kong's service has?".to_owned(),
        ),
        Down::TimedOut => {
            let within = context.read_timeout.map_or(String::new(), |limit| format!(" within {limit} ms"));
            let hint = "is the service overloaded? Kong waits for its read_timeout".to_owned();
            (format!("{place} doesn't answer Kong{within}"), hint)
        }
        Down::Unavailable => (
            format!("{place} can't be asked by Kong now"),
            "is the service up, and are Kong's health checks of it right?".to_owned(),
        ),
    };
    (Level::Fail, format!("{detail} ({status})"), Some(hint))
}

fn unanswered_words(unanswered: &Unanswered, context: &Context) -> Said {
    let proxy = Some("is Kong up, and is this the port of its proxy?".to_owned());
    let (detail, hint) = match unanswered {
        Unanswered::Refused => ("the proxy refuses connections".to_owned(), proxy),
        Unanswered::TimedOut(limit) => (
            format!("no answer within {:.1} s", *limit as f64 / 1000.0),
            match context.place.as_str() {
                "" => proxy,
                place => Some(format!("Kong may be waiting for {place}: does it answer?")),
            },
        ),
        Unanswered::Closed => ("the proxy closed the connection without an answer".to_owned(), proxy),
        Unanswered::Unresolved(why) => (format!("the proxy's name isn't known: {why}"), proxy),
        Unanswered::Broken(why) => (format!("no answer: {why}"), proxy),
        Unanswered::NotAsked => {
            ("not asked: the time was up".to_owned(), Some("give it more by --timeout".to_owned()))
        }
    };
    (Level::Fail, detail, hint)
}

fn skipped(skip: &Skip, targets: &[Target]) -> Said {
    let (detail, hint) = match skip {
        Skip::OnlyUnsafe(methods) => {
            let askable = methods.iter().any(|method| !NEVER.contains(&method.as_str()));
            let hint = askable.then(|| "--unsafe-probes asks with an empty body".to_owned());
            (format!("only {}", methods.join(", ")), hint)
        }
        Skip::SafeTaken(shadow) => (
            format!("GET, HEAD and OPTIONS go to {}: {}", shadow.label, shadow.why),
            Some("--unsafe-probes asks by POST, with an empty body".to_owned()),
        ),
        Skip::Protocol(protocol) => (format!("{protocol}, which vv doesn't ask"), None),
        Skip::Disabled(service) => {
            return (
                Level::Skipped,
                format!("its service {service} is disabled"),
                Some("enabled: true of the service lets it answer".to_owned()),
            );
        }
        Skip::Undrawable(why) => (why.clone(), None),
        Skip::Missing => ("not there yet".to_owned(), None),
        Skip::NoAddress => {
            ("the proxy's address isn't known".to_owned(), Some("publish Kong's proxy port".to_owned()))
        }
    };
    standing_in(detail, hint, targets)
}

/// What the health of its targets says in a route's place.
fn standing_in(detail: String, hint: Option<String>, targets: &[Target]) -> Said {
    let up = targets.iter().filter(|target| target.health == "HEALTHY").count();
    let unchecked = targets.iter().filter(|target| target.health == "HEALTHCHECKS_OFF").count();
    match targets.len() {
        0 => (Level::Skipped, detail, hint),
        all if up + unchecked == 0 => (
            Level::Fail,
            format!("{detail}; 0 of {all} targets healthy{}", unhealthy(targets)),
            Some("see why their health checks fail".to_owned()),
        ),
        _ if unchecked > 0 && up == 0 => {
            (Level::Skipped, format!("{detail}; its targets aren't checked"), hint)
        }
        all => (Level::Skipped, format!("{detail}; {} of {all} targets healthy", up + unchecked), hint),
    }
}

/// The first few that aren't well.
fn unhealthy(targets: &[Target]) -> String {
    let bad =
        targets.iter().filter(|target| !["HEALTHY", "HEALTHCHECKS_OFF"].contains(&target.health.as_str()));
    let bad: Vec<String> = bad.map(|target| format!("{} {}", target.target, target.health)).collect();
    match bad.as_slice() {
        [] => String::new(),
        [first] => format!(": {first}"),
        [first, rest @ ..] => format!(": {first} and {} more", rest.len()),
    }
}
