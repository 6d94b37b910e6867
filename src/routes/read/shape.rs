//! What may stand in an entity, by its type: its fields, the lists of other entities in it, what it refers to.
//!
//! Kong's own schemas decide what an entity's fields mean. This table is for what must be known before a gateway is
//! asked: which lists hold entities of their own, which fields name another entity, and what a misspelt key was to be.

use crate::routes::kind::{KNOWN, Kind};

/// What may stand in an entity.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The type's name.
    pub kind: &'static str,
    /// Fields, as Kong 3.4 to 3.9 have them; others pass too.
    pub fields: &'static [&'static str],
    /// Lists of entities in it: the key, their type, and the field of theirs that refers to this one.
    pub nested: &'static [Nested],
    /// Fields that name another entity, and its type.
    pub foreign: &'static [(&'static str, &'static str)],
}

/// A list of entities in another one.
#[derive(Debug, Clone, Copy)]
pub struct Nested {
    /// The list's key.
    pub key: &'static str,
    /// The type of what is in it.
    pub kind: &'static str,
    /// The field that refers to what it stands in.
    pub back: &'static str,
}

const fn in_(key: &'static str, back: &'static str) -> Nested {
    Nested { key, kind: key, back }
}

/// The type for a consumer's being in a consumer group, which has no fields but what it refers to.
pub const MEMBERSHIP: &str = "consumer_group_consumers";

const OF_CONSUMER: &[(&str, &str)] = &[("consumer", "consumers")];

const SHAPES: &[Shape] = &[
    Shape {
        kind: "services",
        fields: &[
            "name",
            "retries",
            "protocol",
            "host",
            "port",
            "path",
            "url",
            "connect_timeout",
            "write_timeout",
            "read_timeout",
            "tls_verify",
            "tls_verify_depth",
            "ca_certificates",
            "enabled",
            "tls_sans",
        ],
        nested: &[in_("routes", "service"), in_("plugins", "service"), in_("filter_chains", "service")],
        foreign: &[("client_certificate", "certificates")],
    },
    Shape {
        kind: "routes",
        fields: &[
            "name",
            "protocols",
            "methods",
            "hosts",
            "paths",
            "headers",
            "https_redirect_status_code",
            "regex_priority",
            "strip_path",
            "path_handling",
            "preserve_host",
            "request_buffering",
            "response_buffering",
            "snis",
            "sources",
            "destinations",
            "expression",
            "priority",
        ],
        nested: &[in_("plugins", "route"), in_("filter_chains", "route")],
        foreign: &[("service", "services")],
    },
    Shape {
        kind: "upstreams",
        fields: &[
            "name",
            "algorithm",
            "hash_on",
            "hash_fallback",
            "hash_on_header",
            "hash_fallback_header",
            "hash_on_cookie",
            "hash_on_cookie_path",
            "hash_on_query_arg",
            "hash_fallback_query_arg",
            "hash_on_uri_capture",
            "hash_fallback_uri_capture",
            "slots",
            "healthchecks",
            "host_header",
            "use_srv_name",
            "sticky_sessions_cookie",
            "sticky_sessions_cookie_path",
        ],
        nested: &[in_("targets", "upstream")],
        foreign: &[("client_certificate", "certificates")],
    },
    Shape {
        kind: "targets",
        fields: &["target", "weight", "failover"],
        nested: &[],
        foreign: &[("upstream", "upstreams")],
    },
    Shape {
        kind: "consumers",
        fields: &["username", "custom_id", "groups"],
        nested: &[
            in_("keyauth_credentials", "consumer"),
            in_("jwt_secrets", "consumer"),
            in_("basicauth_credentials", "consumer"),
            in_("hmacauth_credentials", "consumer"),
            in_("acls", "consumer"),
            in_("oauth2_credentials", "consumer"),
            in_("mtls_auth_credentials", "consumer"),
            in_("plugins", "consumer"),
        ],
        foreign: &[],
    },
    Shape {
        kind: "consumer_groups",
        fields: &["name", "consumers"],
        nested: &[in_("plugins", "consumer_group")],
        foreign: &[],
    },
    Shape {
        kind: MEMBERSHIP,
        fields: &[],
        nested: &[],
        foreign: &[("consumer", "consumers"), ("consumer_group", "consumer_groups")],
    },
    Shape {
        kind: "plugins",
        fields: &[
            "name",
            "instance_name",
            "config",
            "protocols",
            "enabled",
            "ordering",
            "partials",
            "condition",
        ],
        nested: &[],
        foreign: &[
            ("service", "services"),
            ("route", "routes"),
            ("consumer", "consumers"),
            ("consumer_group", "consumer_groups"),
        ],
    },
    Shape {
        kind: "certificates",
        fields: &["cert", "key", "cert_alt", "key_alt"],
        nested: &[
            in_("snis", "certificate"),
            in_("services", "client_certificate"),
            in_("upstreams", "client_certificate"),
        ],
        foreign: &[],
    },
    Shape { kind: "ca_certificates", fields: &["cert", "cert_digest"], nested: &[], foreign: &[] },
    Shape { kind: "snis", fields: &["name"], nested: &[], foreign: &[("certificate", "certificates")] },
    Shape { kind: "vaults", fields: &["name", "prefix", "description", "config"], nested: &[], foreign: &[] },
    Shape { kind: "keyauth_credentials", fields: &["key", "ttl"], nested: &[], foreign: OF_CONSUMER },
    Shape {
        kind: "jwt_secrets",
        fields: &["key", "secret", "rsa_public_key", "algorithm"],
        nested: &[],
        foreign: OF_CONSUMER,
    },
    Shape {
        kind: "basicauth_credentials",
        fields: &["username", "password"],
        nested: &[],
        foreign: OF_CONSUMER,
    },
    Shape {
        kind: "hmacauth_credentials",
        fields: &["username", "secret"],
        nested: &[],
        foreign: OF_CONSUMER,
    },
    Shape { kind: "acls", fields: &["group"], nested: &[], foreign: OF_CONSUMER },
    Shape {
        kind: "oauth2_credentials",
        fields: &["name", "client_id", "client_secret", "hash_secret", "redirect_uris", "client_type"],
        nested: &[],
        foreign: OF_CONSUMER,
    },
    Shape {
        kind: "mtls_auth_credentials",
        fields: &["subject_name"],
        nested: &[],
        foreign: &[("consumer", "consumers"), ("ca_certificate", "ca_certificates")],
    },
    Shape {
        kind: "keys",
        fields: &["name", "kid", "jwk", "pem", "x5t"],
        nested: &[],
        foreign: &[("set", "key_sets")],
    },
    Shape { kind: "key_sets", fields: &["name"], nested: &[in_("keys", "set")], foreign: &[] },
    Shape {
        kind: "filter_chains",
        fields: &["name", "enabled", "filters"],
        nested: &[],
        foreign: &[("route", "routes"), ("service", "services")],
    },
];

/// Of a type that only the gateway knows.
const OTHER: Shape = Shape {
    kind: "",
    fields: &[],
    nested: &[],
    foreign: &[
        ("service", "services"),
        ("route", "routes"),
        ("consumer", "consumers"),
        ("consumer_group", "consumer_groups"),
        ("upstream", "upstreams"),
        ("certificate", "certificates"),
        ("client_certificate", "certificates"),
        ("ca_certificate", "ca_certificates"),
    ],
};

/// Fields that any entity may have. Kong makes up the times itself.
pub const COMMON: &[&str] = &["id", "tags", "created_at", "updated_at", "ws_id"];

impl Shape {
    /// That of a type.
    pub fn of(kind: &Kind) -> &'static Self {
        SHAPES.iter().find(|shape| shape.kind == kind.name()).unwrap_or(&OTHER)
    }

    /// Where one of this type stands that refers to another by this field: the list in that, if it has one. What only
    /// names a certificate doesn't belong to it.
    pub fn list_in(kind: &Kind, parent: &Kind, field: &str) -> Option<&'static str> {
        let of = |nested: &&Nested| {
            nested.kind == kind.name() && nested.back == field && field != "client_certificate"
        };
        Self::of(parent).nested.iter().find(of).map(|nested| nested.key)
    }

    /// Whether the table knows the type.
    pub fn is_known(&self) -> bool {
        !self.kind.is_empty()
    }

    /// Every key that it knows.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let nested = self.nested.iter().map(|nested| nested.key);
        let foreign = self.foreign.iter().map(|(field, _)| *field);
        self.fields.iter().copied().chain(nested).chain(foreign).chain(COMMON.iter().copied())
    }
}

/// The names of the types that the tables know.
pub fn collections() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().map(|shape| shape.kind)
}

/// One of the type, as fields that refer to it are called: `service`.
pub fn one_field(kind: &str) -> &str {
    let known = OTHER.foreign.iter().find(|(_, other)| *other == kind).map(|(field, _)| *field);
    known.unwrap_or_else(|| kind.strip_suffix('s').unwrap_or(kind))
}

/// The fields by which one of this type can be told from others, besides its id.
pub fn names_of(kind: &str) -> &'static [&'static str] {
    match KNOWN.iter().find(|facts| facts.name == kind) {
        Some(facts) => facts.named_by,
        None => &["name"],
    }
}

/// The known word that this one was to be: a letter or two away. Nearer than what suggestions elsewhere take, since
/// what isn't a typo is passed on to the gateway.
pub fn typo(word: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase().replace('-', "_");
    known
        .map(|name| (strsim::damerau_levenshtein(&lower, name), name))
        .filter(|(edits, name)| *edits <= if name.len() <= 4 { 1 } else { 2 } && *edits < name.len())
        .min()
        .map(|(_, name)| name)
}
