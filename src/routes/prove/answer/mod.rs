//! What an answer of the proxy proves: whether the service answered, Kong itself, or nobody. Pure.
//!
//! Kong tells by its headers; which of them there are depends on its version and on its `headers` setting, so the texts
//! of its own errors count as well. As recorded of 3.4.2: `X-Kong-Upstream-Latency` and `Via` where a service was asked,
//! also where it didn't answer (502, 504); `X-Kong-Response-Latency` where Kong answered itself (404, 401, 503, …).

mod answerer;

use serde::Serialize;
use serde_json::Value;

pub use answerer::answerer;

/// What the proxy answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers; names are small.
    pub headers: Vec<(String, String)>,
    /// How its body begins.
    pub body: String,
}

/// What an answer proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "class")]
pub enum Class {
    /// The service answered.
    Proxied {
        /// Its status.
        status: u16,
    },
    /// Kong answered itself, as the route tells it to.
    Kong {
        /// Its status.
        status: u16,
        /// What of it: `key-auth`; nothing where that can't be told.
        by: Option<String>,
    },
    /// No route took the request.
    NoRoute,
    /// The route has no service, and no plugin that answers in its place.
    NoService,
    /// The service couldn't be asked.
    UpstreamDown {
        /// Kong's status.
        status: u16,
        /// Why.
        cause: Down,
    },
    /// Kong failed.
    KongFailed {
        /// Its status.
        status: u16,
    },
    /// It isn't a proxy that answered, but a Kong's Admin API.
    AdminApi {
        /// Its status.
        status: u16,
    },
    /// By the service or by Kong, which can't be told.
    Unclear {
        /// The status.
        status: u16,
    },
}

impl Class {
    /// The answer's status, where it isn't settled by the class.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Proxied { status }
            | Self::Kong { status, .. }
            | Self::UpstreamDown { status, .. }
            | Self::KongFailed { status }
            | Self::AdminApi { status }
            | Self::Unclear { status } => Some(*status),
            Self::NoRoute | Self::NoService => None,
        }
    }
}

/// Why a service couldn't be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Down {
    /// Its name isn't known.
    Unresolved,
    /// Its upstream has no target that may be asked.
    NoTarget,
    /// It refused, or what it said isn't HTTP.
    BadAnswer,
    /// It didn't answer in time.
    TimedOut,
    /// It can't be asked now.
    Unavailable,
}

/// What is known of the question.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The plugins that act on the route and are enabled.
    pub plugins: &'a [String],
    /// It was a HEAD: there is no body to tell by.
    pub head: bool,
    /// It was in the clear, and the route wants TLS.
    pub wants_tls: bool,
}

/// Whom the headers name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A service was asked.
    Upstream,
    Kong,
    /// They don't tell.
    Unknown,
}

/// The texts of Kong's errors, each with the status that it comes with. Before them and after them there may be anything:
/// they come as JSON, HTML or plain text, since 3.5 with a request's id.
const NO_ROUTE: (u16, &str) = (404, "no Route matched with those values");
const NO_SERVICE: (u16, &str) = (503, "no Service found with those values");
/// What Kong says to those who send no login, and to those it keeps out: the `message` of a JSON object that has nothing
/// else but, since 3.5, a request's id. Services refuse with objects of their own, or with more in them.
const REFUSALS: &[(u16, &str)] = &[
    (401, "Unauthorized"),
    (401, "No API key found in request"),
    (403, "You cannot consume this service"),
    (403, "IP address not allowed: "),
    (403, "Forbidden"),
    (426, "Please use HTTPS protocol"),
    (429, "API rate limit exceeded"),
];
/// … and of oauth2, by the error's description.
const NO_TOKEN: (u16, &str) = (401, "The access token is missing");
const FAILED: (u16, &str) = (500, "An unexpected error occurred");
const DOWN: &[(u16, &str, Down)] = &[
    (503, "name resolution failed", Down::Unresolved),
    (500, "name resolution failed", Down::Unresolved),
    (503, "failure to get a peer from the ring-balancer", Down::NoTarget),
    (500, "failure to get a peer from the ring-balancer", Down::NoTarget),
    (502, "An invalid response was received from the upstream server", Down::BadAnswer),
    (503, "The upstream server is currently unavailable", Down::Unavailable),
    (504, "The upstream server is timing out", Down::TimedOut),
];

impl Answer {
    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(own, _)| own == name)
    }

    fn says(&self, (status, text): (u16, &str)) -> bool {
        self.status == status && self.body.contains(text)
    }

    /// Something in it comes from a Kong's proxy, and hardly from anything else.
    pub fn is_of_kong(&self) -> bool {
        let errors = [NO_ROUTE, NO_SERVICE, FAILED].into_iter();
        self.source() != Source::Unknown
            || self.headers.iter().any(|(name, _)| name.starts_with("x-kong-"))
            || errors
                .chain(DOWN.iter().map(|(status, text, _)| (*status, *text)))
                .any(|error| self.says(error))
            || self.refuses()
    }

    /// Its body is one by which Kong refuses.
    fn refuses(&self) -> bool {
        let Ok(Value::Object(body)) = serde_json::from_str(&self.body) else { return false };
        let only =
            |names: &[&str]| body.keys().all(|key| key == "request_id" || names.contains(&key.as_str()));
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let refusal = |(status, message): &(u16, &str)| {
            let said = text("message");
            self.status == *status
                && if message.ends_with(' ') { said.starts_with(message) } else { said == *message }
        };
        (only(&["message"]) && REFUSALS.iter().any(refusal))
            || (only(&["error", "error_description"])
                && (self.status, text("error_description")) == NO_TOKEN
                && text("error") == "invalid_request")
    }

    fn source(&self) -> Source {
        // `kong/3.4.2`, and `1.1 kong/3.8.0` since 3.8. What a service that is a Kong itself adds comes before.
        let via = self.header("via");
        if self.has("x-kong-upstream-latency") || self.has("x-kong-proxy-latency") || via.contains("kong/") {
            return Source::Upstream;
        }
        if self.has("x-kong-response-latency") || self.header("server").starts_with("kong/") {
            return Source::Kong;
        }
        Source::Unknown
    }
}

/// What an answer proves.
pub fn class(answer: &Answer, asked: Asked<'_>) -> Class {
    let source = answer.source();
    let status = answer.status;
    if source == Source::Upstream {
        return down(answer, asked).unwrap_or(Class::Proxied { status });
    }
    // Only where it wasn't a proxied one: there are gateways that have their own Admin API as a service.
    if answer.has("x-kong-admin-latency") {
        return Class::AdminApi { status };
    }
    if answer.says(NO_ROUTE) {
        return Class::NoRoute;
    }
    if answer.says(NO_SERVICE) {
        return Class::NoService;
    }
    if let Some(down) = down(answer, Asked { head: false, ..asked }) {
        return down;
    }
    let by = answerer(answer, asked);
    let terminated = || asked.plugins.iter().any(|plugin| plugin == "request-termination");
    match (source, status) {
        (_, 404) if asked.head && answer.body.is_empty() && !terminated() => {
            if source == Source::Kong {
                Class::NoRoute
            } else {
                Class::Unclear { status }
            }
        }
        (_, 500) if answer.says(FAILED) => Class::KongFailed { status },
        (Source::Kong, 500) if by.is_none() => Class::KongFailed { status },
        (Source::Kong, _) => Class::Kong { status, by },
        // Any server refuses like that; it takes Kong's words.
        (Source::Unknown, 401 | 403 | 429) if by.is_some() && !answer.refuses() => Class::Unclear { status },
        // Without its headers, what Kong itself says is known by its plugins only.
        (Source::Unknown, _) if by.is_some() => Class::Kong { status, by },
        _ => Class::Proxied { status },
    }
}

/// The service wasn't reached. Kong 3.4.2 gives its own 502 and 504 the headers of a proxied answer, so the text tells;
/// where there is no body, nobody can.
fn down(answer: &Answer, asked: Asked<'_>) -> Option<Class> {
    let status = answer.status;
    let said = DOWN.iter().find(|(code, text, _)| answer.says((*code, text))).map(|(_, _, cause)| *cause);
    let silent = match status {
        502 if asked.head => Some(Down::BadAnswer),
        504 if asked.head => Some(Down::TimedOut),
        _ => None,
    };
    said.or(silent).map(|cause| Class::UpstreamDown { status, cause })
}
