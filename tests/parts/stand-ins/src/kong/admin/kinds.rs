//! Which paths of the Admin API lead to which types of entities.

/// Top-level collections: path, type.
const TOP: [(&str, &str); 16] = [
    ("services", "services"),
    ("routes", "routes"),
    ("plugins", "plugins"),
    ("consumers", "consumers"),
    ("upstreams", "upstreams"),
    ("certificates", "certificates"),
    ("ca_certificates", "ca_certificates"),
    ("snis", "snis"),
    ("vaults", "vaults"),
    ("keys", "keys"),
    ("key-sets", "key_sets"),
    ("key-auths", "keyauth_credentials"),
    ("jwts", "jwt_secrets"),
    ("basic-auths", "basicauth_credentials"),
    ("hmac-auths", "hmacauth_credentials"),
    ("acls", "acls"),
];

/// `/oauth2` is the collection itself and its nested path.
const OAUTH2: (&str, &str) = ("oauth2", "oauth2_credentials");

/// Collections inside an entity: its type, path, their type, their field that refers to it.
const NESTED: [(&str, &str, &str, &str); 15] = [
    ("services", "routes", "routes", "service"),
    ("services", "plugins", "plugins", "service"),
    ("routes", "plugins", "plugins", "route"),
    ("consumers", "plugins", "plugins", "consumer"),
    ("consumers", "key-auth", "keyauth_credentials", "consumer"),
    ("consumers", "jwt", "jwt_secrets", "consumer"),
    ("consumers", "basic-auth", "basicauth_credentials", "consumer"),
    ("consumers", "hmac-auth", "hmacauth_credentials", "consumer"),
    ("consumers", "acls", "acls", "consumer"),
    ("consumers", "oauth2", "oauth2_credentials", "consumer"),
    ("upstreams", "targets", "targets", "upstream"),
    ("certificates", "snis", "snis", "certificate"),
    ("certificates", "services", "services", "client_certificate"),
    ("certificates", "upstreams", "upstreams", "client_certificate"),
    ("key_sets", "keys", "keys", "set"),
];

/// The type of a top-level collection.
pub fn top(path: &str) -> Option<&'static str> {
    TOP.iter().chain([&OAUTH2]).find(|(own, _)| *own == path).map(|(_, kind)| *kind)
}

/// The type of a collection inside an entity, and its field that refers to that.
pub fn nested(kind: &str, path: &str) -> Option<(&'static str, &'static str)> {
    let found = NESTED.iter().find(|(outer, own, ..)| *outer == kind && *own == path)?;
    Some((found.2, found.3))
}

/// The field by which an entity can be named in a path, beside its id.
pub fn key(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "plugins" => "instance_name",
        "consumers" | "basicauth_credentials" | "hmacauth_credentials" => "username",
        "vaults" => "prefix",
        "keyauth_credentials" | "jwt_secrets" => "key",
        "acls" => "group",
        "oauth2_credentials" => "client_id",
        "targets" => "target",
        "services" | "routes" | "upstreams" | "snis" | "keys" | "key_sets" => "name",
        _ => return None,
    })
}

/// What must be unique: lists of fields, in the order in which they are looked at.
pub fn unique(kind: &str) -> Vec<Vec<&'static str>> {
    let several: &[&[&'static str]] = match kind {
        "plugins" => &[&["consumer", "name", "route", "service"]],
        "targets" => &[&["target", "upstream"]],
        "acls" => &[&["consumer", "group"]],
        _ => &[],
    };
    let schema = super::schema::entity(kind).map(super::schema::fields).into_iter().flatten();
    let single = schema.filter(|(_, field)| field["unique"] == true).map(|(name, _)| vec![name]);
    several.iter().map(|fields| fields.to_vec()).chain(single).collect()
}
