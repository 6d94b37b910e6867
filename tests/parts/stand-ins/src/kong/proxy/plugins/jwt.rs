//! jwt: a signed token names its issuer, whose key checks it.

use std::str::FromStr as _;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::Exchange;
use super::auth::{Proven, owner};
use crate::kong::proxy::reply::Reply;
use crate::kong::proxy::snapshot::Plugin;
use crate::kong::state::Entity;

/// A token's parts, read and not yet believed.
struct Token<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    algorithm: Algorithm,
    signed: &'a str,
    signature: &'a str,
}

/// Who signed the request's token, in the order of Kong's checks.
pub fn prove(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Result<Proven, Box<Reply>> {
    let refuse = |message: &str| Box::new(Reply::message(401, message));
    let tokens = tokens(exchange, plugin);
    let text = match tokens.as_slice() {
        [] => return Err(refuse("Unauthorized")),
        [token] => token,
        _ => return Err(refuse("Multiple tokens provided")),
    };
    let token = read(text).map_err(|wrong| refuse(&format!("Bad token; {wrong}")))?;
    let claim = plugin.text("key_claim_name").unwrap_or("iss");
    let key = token.claims.get(claim).or_else(|| token.header.get(claim));
    let Some(key) = key.and_then(Value::as_str) else {
        return Err(refuse(&format!("No mandatory '{claim}' in claims")));
    };
    if key.is_empty() {
        return Err(refuse(&format!("Invalid '{claim}' in claims")));
    }
    let Some(credential) = exchange.snapshot.by("jwt_secrets", "key", key) else {
        return Err(refuse(&format!("No credentials found for given '{claim}'")));
    };
    let wanted = credential.get("algorithm").and_then(Value::as_str).unwrap_or("HS256");
    if token.header.get("alg").and_then(Value::as_str) != Some(wanted) {
        return Err(refuse("Invalid algorithm"));
    }
    let secret = decoding_key(credential, token.algorithm, plugin.is("secret_is_base64"));
    let Some(secret) = secret else { return Err(refuse("Invalid key/secret")) };
    let signed = token.signed.as_bytes();
    let valid = jsonwebtoken::crypto::verify(token.signature, signed, &secret, token.algorithm);
    if !valid.unwrap_or(false) {
        return Err(refuse("Invalid signature"));
    }
    let wrong = wrong_claims(&token.claims, &plugin.texts("claims_to_verify"));
    if !wrong.is_empty() {
        return Err(Reply::json(401, &Value::Object(wrong)).into());
    }
    let Some(consumer) = owner(exchange, credential) else {
        return Err(refuse(&format!("Could not find consumer for '{claim}={key}'")));
    };
    let id = credential.get("id").and_then(Value::as_str).map(str::to_owned);
    Ok(Proven { consumer, credential: id, identifier: key.to_owned() })
}

/// All tokens that the request carries, each once.
fn tokens(exchange: &Exchange<'_>, plugin: &Plugin) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut add = |token: &str| {
        if !token.is_empty() && !tokens.iter().any(|known| known == token) {
            tokens.push(token.to_owned());
        }
    };
    for name in plugin.texts("uri_param_names") {
        exchange.query.all(&name).for_each(&mut add);
    }
    let cookies = exchange.headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    for (name, value) in
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.split_once('='))
    {
        if plugin.texts("cookie_names").iter().any(|wanted| wanted == name.trim()) {
            add(value.trim());
        }
    }
    for name in plugin.texts("header_names") {
        for value in exchange.headers.get_all(&name).iter().filter_map(|value| value.to_str().ok()) {
            if let Some((scheme, token)) = value.trim().split_once(' ')
                && matches!(scheme, "Bearer" | "bearer")
            {
                add(token.trim());
            }
        }
    }
    tokens
}

fn read(text: &str) -> Result<Token<'_>, &'static str> {
    let object = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()?.as_object().cloned()
    };
    let mut parts = text.splitn(3, '.');
    let (header, claims, signature) = (parts.next(), parts.next(), parts.next());
    let (Some(header), Some(claims), Some(signature)) = (header, claims, signature) else {
        return Err("invalid JSON");
    };
    let signed = &text[..header.len() + 1 + claims.len()];
    let (header, claims) = (object(header).ok_or("invalid JSON")?, object(claims).ok_or("invalid JSON")?);
    if header.get("typ").is_some_and(|typ| !typ.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("jwt"))) {
        return Err("invalid typ");
    }
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(|name| Algorithm::from_str(name).ok());
    let algorithm = algorithm.ok_or("invalid alg")?;
    if signature.is_empty() {
        return Err("invalid signature");
    }
    Ok(Token { header, claims, algorithm, signed, signature })
}

fn decoding_key(credential: &Entity, algorithm: Algorithm, base64: bool) -> Option<DecodingKey> {
    let text = |field: &str| credential.get(field).and_then(Value::as_str);
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 if base64 => {
            let secret = text("secret")?;
            let bytes = STANDARD.decode(secret).or_else(|_| URL_SAFE_NO_PAD.decode(secret)).ok()?;
            Some(DecodingKey::from_secret(&bytes))
        }
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            Some(DecodingKey::from_secret(text("secret")?.as_bytes()))
        }
        Algorithm::ES256 | Algorithm::ES384 => {
            DecodingKey::from_ec_pem(text("rsa_public_key")?.as_bytes()).ok()
        }
        _ => DecodingKey::from_rsa_pem(text("rsa_public_key")?.as_bytes()).ok(),
    }
}

/// The registered claims that don't hold, with why.
fn wrong_claims(claims: &Map<String, Value>, wanted: &[String]) -> Map<String, Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64());
    let wrong = wanted.iter().filter_map(|name| {
        let wrong = match (name.as_str(), claims.get(name).and_then(Value::as_f64)) {
            (_, None) => "must be a number",
            ("exp", Some(end)) if end <= now => "token expired",
            ("nbf", Some(begin)) if begin > now => "token not valid yet",
            _ => return None,
        };
        Some((name.clone(), Value::from(wrong)))
    });
    wrong.collect()
}
