//! Shapes below `x-vv` that are kept as they stand and read by the commands that need them: only validated here.

use super::context::{Context, declared};
use super::decode::{At, Fields, Keys};

const CHECK: Keys = Keys::strict(&["name", "request", "expect"]);
const REQUEST: Keys =
    Keys::strict(&["service", "port", "url", "method", "path", "headers", "json", "body", "timeout"]);
const EXPECT: Keys = Keys::strict(&["status", "headers", "json", "body"]);
const VERIFY: Keys = Keys::strict(&["request", "auth", "path"]);
const JWT: Keys = Keys::strict(&["secret", "claims", "header", "algorithm"]);
const INIT: Keys = Keys::strict(&["temporal_namespace"]);

/// `checks`: requests and what they must answer.
pub fn checks(at: &At<'_>, context: &Context<'_>) {
    let mut names: Vec<String> = Vec::new();
    for check in at.items() {
        let Some(fields) = check.fields(CHECK) else { continue };
        if let Some(at) = fields.required("name")
            && let Some(name) = at.text()
        {
            if names.contains(&name) {
                at.problem(format!("there is another check called '{name}'"));
            }
            names.push(name);
        }
        if let Some(at) = fields.required("request") {
            request(&at, context);
        }
        if let Some(expect) = fields.get("expect").and_then(|at| at.fields(EXPECT)) {
            if let Some(at) = expect.get("status") {
                let items = if at.is_list() { at.items() } else { vec![at] };
                items.iter().for_each(|at| {
                    status(at);
                });
            }
            headers(&expect);
            expect.string("body");
        }
    }
}

/// A request to a service, or to any URL.
fn request(at: &At<'_>, context: &Context<'_>) {
    let Some(fields) = at.fields(REQUEST) else { return };
    match (fields.get("service"), fields.get("url")) {
        (Some(at), None) => {
            if let Some(name) = at.text() {
                known_service(&at, &name, context);
            }
            if let Some(at) = fields.required("port") {
                at.port();
            }
        }
        (None, Some(at)) => {
            let url = at.text();
            if url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
                at.problem("expected a URL that starts with 'http://' or 'https://'");
            }
        }
        _ => at.problem("expected either 'service' (with 'port') or 'url'"),
    }
    fields.get("method").and_then(|at| method(&at));
    fields.get("path").and_then(|at| path(&at));
    fields.get("timeout").and_then(|at| at.duration());
    headers(&fields);
    if fields.string("body").is_some() && fields.get("json").is_some() {
        at.problem("'json' and 'body' exclude each other");
    }
}

fn headers(fields: &Fields<'_>) {
    for (_, at) in fields.get("headers").map(|at| at.entries()).unwrap_or_default() {
        at.scalar();
    }
}

/// `verify`: the traced request and the way it must take.
pub fn verify(at: &At<'_>, context: &Context<'_>) {
    let Some(fields) = at.fields(VERIFY) else { return };
    if let Some(at) = fields.required("request") {
        request(&at, context);
    }
    if let Some(auth) = fields.get("auth").and_then(|at| at.fields(Keys::strict(&["jwt"])))
        && let Some(jwt) = auth.required("jwt").and_then(|at| at.fields(JWT))
    {
        jwt.required("secret").and_then(|at| at.text());
        jwt.get("claims").map(|at| at.entries());
        jwt.string("header");
        jwt.get("algorithm").and_then(|at| at.word(&[("HS256", ()), ("HS384", ()), ("HS512", ())]));
    }
    let Some(steps) = fields.required("path") else { return };
    if steps.is_list() && steps.len() == 0 {
        steps.problem("the path is empty");
    }
    for at in steps.items() {
        if let Some(name) = at.text() {
            known_service(&at, &name, context);
        }
    }
}

/// Top-level keys speak of all services, whatever the profiles: a name must be in the file.
fn known_service(at: &At<'_>, name: &str, context: &Context<'_>) {
    declared(at, "service", name, context.services.iter().copied());
}

/// `init`: idempotent steps, each a mapping with one key.
pub fn init(at: &At<'_>) {
    for step in at.items() {
        let Some(fields) = step.fields(INIT) else { continue };
        match fields.get("temporal_namespace") {
            Some(at) => {
                at.text();
            }
            None if step.len() == 0 => step.problem("the step is empty"),
            None => {}
        }
    }
}

/// `topics`: a file's name, or what such a file would hold; that is read where topics are.
pub fn topics(at: &At<'_>) {
    if at.is_text() {
        at.text();
    } else if !at.is_list() && !at.is_mapping() {
        at.expected("a list, or a file's name as a string");
    }
}

/// A path from `/`.
pub fn path(at: &At<'_>) -> Option<String> {
    let path = at.string()?;
    if !path.is_empty() && !path.starts_with('/') {
        at.problem(format!("the path '{path}' must start with '/'"));
        return None;
    }
    Some(path)
}

/// An HTTP status.
pub fn status(at: &At<'_>) -> Option<u16> {
    let status = at.integer::<u16>()?;
    if !(100..600).contains(&status) {
        at.problem(format!("{status} isn't an HTTP status"));
        return None;
    }
    Some(status)
}

/// An HTTP method.
pub fn method(at: &At<'_>) -> Option<String> {
    let words = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].map(|word| (word, word));
    at.word(&words).map(str::to_owned)
}
