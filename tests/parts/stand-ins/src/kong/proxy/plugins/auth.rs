//! Who asks: jwt, key-auth, basic-auth, and acl after them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::WWW_AUTHENTICATE;
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use super::{Exchange, jwt};
use crate::kong::proxy::reply::{Reply, text};
use crate::kong::proxy::snapshot::Plugin;
use crate::kong::state::Entity;

/// A client that proved who it is.
pub struct Proven {
    pub consumer: Entity,
    /// The credential's id.
    pub credential: Option<String>,
    /// What the service is told in X-Credential-Identifier.
    pub identifier: String,
}

/// One of the three authentications.
pub fn access(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Option<Reply> {
    let preflight =
        exchange.method == "OPTIONS" && plugin.config.get("run_on_preflight") == Some(&Value::Bool(false));
    if preflight || (plugin.text("anonymous").is_some() && exchange.credential.is_some()) {
        return None;
    }
    let result = match plugin.name.as_str() {
        "jwt" => jwt::prove(exchange, plugin),
        "key-auth" => key(exchange, plugin),
        _ => basic(exchange, plugin),
    };
    match (result, plugin.text("anonymous")) {
        (Ok(proven), _) => {
            introduce(exchange, Some(&proven));
            exchange.credential = proven.credential;
            exchange.consumer = Some(proven.consumer);
            None
        }
        (Err(_), Some(anonymous)) => {
            let snapshot = exchange.snapshot;
            let consumer = snapshot
                .state
                .get("consumers", anonymous)
                .or_else(|| snapshot.by("consumers", "username", anonymous));
            exchange.consumer = consumer.cloned();
            introduce(exchange, None);
            None
        }
        (Err(reply), None) => Some(*reply),
    }
}

/// Tells the service who asks, and nothing that the client says of itself.
fn introduce(exchange: &mut Exchange<'_>, proven: Option<&Proven>) {
    let consumer = proven.map(|proven| proven.consumer.clone()).or_else(|| exchange.consumer.clone());
    let field = |name: &str| Some(consumer.as_ref()?.get(name)?.as_str()?.to_owned());
    exchange.tell("x-consumer-id", field("id").as_deref());
    exchange.tell("x-consumer-custom-id", field("custom_id").as_deref());
    exchange.tell("x-consumer-username", field("username").as_deref());
    exchange.tell("x-credential-identifier", proven.map(|proven| proven.identifier.as_str()));
    exchange.tell("x-anonymous-consumer", proven.is_none().then_some("true"));
}

/// The consumer to whom a credential belongs.
pub fn owner(exchange: &Exchange<'_>, credential: &Entity) -> Option<Entity> {
    exchange.snapshot.state.referred(credential, "consumer", "consumers").cloned()
}

fn key(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Result<Proven, Box<Reply>> {
    let challenge = |reply: Reply| reply.with(WWW_AUTHENTICATE, "Key realm=\"kong\"");
    let names = plugin.texts("key_names");
    let mut given = None;
    for name in &names {
        if given.is_none() && plugin.is("key_in_header") {
            given = text(&exchange.headers, name).map(str::to_owned);
            if given.is_some() && plugin.is("hide_credentials") {
                exchange.headers.remove(name);
            }
        }
        if given.is_none() && plugin.is("key_in_query") {
            given = exchange.query.all(name).next().map(str::to_owned);
            if given.is_some() && plugin.is("hide_credentials") {
                exchange.query.remove(name);
            }
        }
    }
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Err(challenge(exchange.error(401, "No API key found in request")).into());
    };
    let found = exchange.snapshot.by("keyauth_credentials", "key", &given);
    let proven = found.and_then(|credential| {
        let id = credential.get("id")?.as_str()?.to_owned();
        let consumer = owner(exchange, credential)?;
        Some(Proven { consumer, identifier: id.clone(), credential: Some(id) })
    });
    proven.ok_or_else(|| exchange.error(401, "Invalid authentication credentials").into())
}

fn basic(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Result<Proven, Box<Reply>> {
    let header = text(&exchange.headers, "authorization").unwrap_or_default().to_owned();
    let given = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
    let Some((_, given)) = given else {
        return Err(exchange
            .error(401, "Unauthorized")
            .with(WWW_AUTHENTICATE, "Basic realm=\"kong\"")
            .into());
    };
    let decoded = STANDARD.decode(given.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|decoded| decoded.split_once(':'));
    if plugin.is("hide_credentials") {
        exchange.headers.remove("authorization");
    }
    let proven = pair.and_then(|(username, password)| {
        let credential = exchange.snapshot.by("basicauth_credentials", "username", username)?;
        let consumer = owner(exchange, credential)?;
        // Kong keeps the password as a hash that is salted with the consumer's id.
        let salted = format!("{password}{}", consumer.get("id")?.as_str()?);
        let hash: String = Sha1::digest(salted).iter().map(|byte| format!("{byte:02x}")).collect();
        let kept = credential.get("password")?.as_str()?;
        let id = credential.get("id")?.as_str()?.to_owned();
        (kept == hash).then(|| Proven { consumer, credential: Some(id), identifier: username.to_owned() })
    });
    proven.ok_or_else(|| exchange.error(401, "Invalid authentication credentials").into())
}

/// acl: which groups may ask.
pub fn acl(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Option<Reply> {
    let Some(consumer) = exchange.consumer_text("id") else {
        return Some(exchange.error(401, "Unauthorized"));
    };
    let belongs =
        |acl: &&Entity| acl.get("consumer").and_then(|owner| owner["id"].as_str()) == Some(consumer);
    let acls = exchange.snapshot.state.all("acls").filter(belongs);
    let groups: Vec<String> = acls.filter_map(|acl| Some(acl.get("group")?.as_str()?.to_owned())).collect();
    let (allow, deny) = (plugin.texts("allow"), plugin.texts("deny"));
    let in_any = |listed: &[String]| groups.iter().any(|group| listed.contains(group));
    if in_any(&deny) || (!allow.is_empty() && !in_any(&allow)) {
        return Some(exchange.error(403, "You cannot consume this service"));
    }
    if !plugin.is("hide_groups_header") && !groups.is_empty() {
        exchange.tell("x-consumer-groups", Some(&groups.join(", ")));
    }
    None
}
