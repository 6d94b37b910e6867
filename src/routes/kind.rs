//! The types of Kong's entities, by what declarative files call them. What vv knows of one beforehand stands here; of
//! one that it has never heard of, the gateway's `/schemas` tell enough.

use std::borrow::Cow;
use std::fmt;

/// A type of entity by its name in declarative files and in `/schemas`: `services`, `keyauth_credentials`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(Cow<'static, str>);

/// What vv knows of a type of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Its name in declarative files.
    pub name: &'static str,
    /// One of them, for messages: `key-auth credential`.
    pub one: &'static str,
    /// Its collection in the Admin API, without the slash: `key-auths`. Targets have none of their own.
    pub path: &'static str,
    /// The fields that tell one from another in its scope; the first is what it is named by. Without one (plugins,
    /// certificates) it is told apart as [`super::plan`] says.
    pub named_by: &'static [&'static str],
    /// The field whose entity it belongs to, where it always belongs to one, and the type of that.
    pub owner: Option<(&'static str, &'static str)>,
    /// What names it is a secret.
    pub secret_name: bool,
}

/// In the order in which they are applied: what is referred to comes first.
pub const KNOWN: &[Facts] = &[
    facts("vaults", "vault", "vaults", &["prefix"]),
    facts("ca_certificates", "CA certificate", "ca_certificates", &[]),
    facts("certificates", "certificate", "certificates", &[]),
    facts("consumer_groups", "consumer group", "consumer_groups", &["name"]),
    facts("upstreams", "upstream", "upstreams", &["name"]),
    facts("consumers", "consumer", "consumers", &["username", "custom_id"]),
    Facts { owner: Some(("certificate", "certificates")), ..facts("snis", "SNI", "snis", &["name"]) },
    facts("services", "service", "services", &["name"]),
    Facts { owner: Some(("upstream", "upstreams")), ..facts("targets", "target", "targets", &["target"]) },
    Facts {
        secret_name: true,
        ..credential("keyauth_credentials", "key-auth credential", "key-auths", &["key"])
    },
    credential("jwt_secrets", "JWT credential", "jwts", &["key"]),
    credential("basicauth_credentials", "basic-auth credential", "basic-auths", &["username"]),
    credential("hmacauth_credentials", "HMAC credential", "hmac-auths", &["username"]),
    credential("acls", "ACL group", "acls", &["group"]),
    credential("oauth2_credentials", "OAuth2 application", "oauth2", &["client_id"]),
    facts("routes", "route", "routes", &["name"]),
    facts("plugins", "plugin", "plugins", &[]),
];

const fn facts(
    name: &'static str,
    one: &'static str,
    path: &'static str,
    named_by: &'static [&'static str],
) -> Facts {
    Facts { name, one, path, named_by, owner: None, secret_name: false }
}

const fn credential(
    name: &'static str,
    one: &'static str,
    path: &'static str,
    named_by: &'static [&'static str],
) -> Facts {
    Facts { owner: Some(("consumer", "consumers")), ..facts(name, one, path, named_by) }
}

impl Kind {
    /// The type that declarative files call this.
    pub fn of(name: &str) -> Self {
        match KNOWN.iter().find(|facts| facts.name == name) {
            Some(facts) => Self(Cow::Borrowed(facts.name)),
            None => Self(Cow::Owned(name.to_owned())),
        }
    }

    /// Its name in declarative files.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// What vv knows of it; nothing for a type that only the gateway's schemas tell of.
    pub fn facts(&self) -> Option<&'static Facts> {
        KNOWN.iter().find(|facts| facts.name == self.0)
    }

    /// Its collection in the Admin API, without the slash. Of a type that vv doesn't know it is called as the type is;
    /// Kong 3.4.2 itself has two that aren't, and `/schemas` don't tell.
    pub fn path(&self) -> &str {
        match (self.facts(), &*self.0) {
            (Some(facts), _) => facts.path,
            (None, "key_sets") => "key-sets",
            (None, "filter_chains") => "filter-chains",
            (None, name) => name,
        }
    }

    /// One of them, for messages: `route`.
    pub fn one(&self) -> &str {
        self.facts().map_or(&self.0, |facts| facts.one)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
