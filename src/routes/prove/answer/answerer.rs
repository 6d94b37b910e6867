//! Which of a route's plugins made an answer.

use super::{Answer, Asked};

/// A plugin's answers: their status, what in them names it, and the plugins that give such ones.
struct Trait {
    status: u16,
    /// A header, small.
    header: Option<&'static str>,
    /// A text in the header's value, or in the body where there is no header.
    text: &'static str,
    plugins: &'static [&'static str],
}

const fn body(status: u16, text: &'static str, plugins: &'static [&'static str]) -> Trait {
    Trait { status, header: None, text, plugins }
}

const fn header(
    status: u16,
    header: &'static str,
    text: &'static str,
    plugins: &'static [&'static str],
) -> Trait {
    Trait { status, header: Some(header), text, plugins }
}

/// As Kong 3.4.2 answers; the most telling first. An empty text is one that says nothing: any plugin of the route that is
/// named may be it.
const TRAITS: &[Trait] = &[
    header(401, "www-authenticate", "Key", &["key-auth", "key-auth-enc"]),
    header(401, "www-authenticate", "Basic", &["basic-auth"]),
    header(401, "www-authenticate", "hmac", &["hmac-auth"]),
    header(401, "www-authenticate", "LDAP", &["ldap-auth", "ldap-auth-advanced"]),
    body(401, "No API key found in request", &["key-auth", "key-auth-enc"]),
    body(
        401,
        "",
        &["jwt", "key-auth", "basic-auth", "hmac-auth", "oauth2", "ldap-auth", "session", "openid-connect"],
    ),
    body(403, "You cannot consume this service", &["acl"]),
    body(403, "IP address not allowed", &["ip-restriction"]),
    body(403, "", &["ip-restriction", "bot-detection", "acl", "hmac-auth", "opa"]),
    body(400, "", &["request-validator", "oauth2", "grpc-web", "grpc-gateway", "request-size-limiting"]),
    header(429, "ratelimit-limit", "", &["rate-limiting", "rate-limiting-advanced"]),
    body(429, "", &["rate-limiting", "rate-limiting-advanced", "response-ratelimiting"]),
    body(413, "", &["request-size-limiting"]),
    body(411, "", &["request-size-limiting"]),
    header(200, "access-control-allow-methods", "", &["cors"]),
    header(204, "access-control-allow-methods", "", &["cors"]),
];
/// Plugins that answer in a service's place, with any status.
const TERMINATING: &[&str] = &[
    "request-termination",
    "aws-lambda",
    "azure-functions",
    "proxy-cache",
    "mocking",
    "pre-function",
    "acme",
];

/// What of Kong answered: one of the plugins, or the route's wish for TLS. Only what acts on the route is named.
pub fn answerer(answer: &Answer, asked: Asked<'_>) -> Option<String> {
    if asked.wants_tls && matches!(answer.status, 426 | 301 | 302 | 307 | 308) {
        return Some("the route wants TLS".to_owned());
    }
    let acting = |plugins: &[&'static str]| {
        plugins.iter().find(|name| asked.plugins.iter().any(|own| own == *name)).copied()
    };
    let by_trait = TRAITS.iter().filter(|its| its.fits(answer)).find_map(|its| acting(its.plugins));
    // Without Kong's headers a success may be the service's own: only what answers always is taken for the plugin's.
    let certain = answer.has("x-kong-response-latency") || answer.header("server").starts_with("kong/");
    let terminating = || if certain { acting(TERMINATING) } else { acting(&TERMINATING[..1]) };
    by_trait.or_else(terminating).map(str::to_owned)
}

impl Trait {
    fn fits(&self, answer: &Answer) -> bool {
        self.status == answer.status
            && match self.header {
                Some(name) => answer.has(name) && answer.header(name).contains(self.text),
                None => answer.body.contains(self.text),
            }
    }
}
