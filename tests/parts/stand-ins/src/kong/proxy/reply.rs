//! Answers of the gateway itself.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

/// An answer that no service gave.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The forms in which Kong tells an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Json,
    Html,
    Plain,
    Xml,
}

impl Reply {
    /// Nothing but a status.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A body with its content type.
    pub fn body(status: u16, kind: &str, body: String) -> Self {
        Self { body: body.into(), ..Self::empty(status) }.with(CONTENT_TYPE, kind)
    }

    /// JSON, whatever the client would rather have.
    pub fn json(status: u16, json: &Value) -> Self {
        Self::body(status, "application/json; charset=utf-8", json.to_string())
    }

    /// `{"message": …}`
    pub fn message(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"message": message}))
    }

    /// An error, in the form that the client's Accept header asks for.
    pub fn error(accept: Option<&str>, status: u16, message: &str) -> Self {
        match form(accept) {
            Form::Json => {
                let body = format!("{{\n  \"message\":{}\n}}", Value::from(message));
                Self::body(status, "application/json; charset=utf-8", body)
            }
            Form::Html => Self::body(status, "text/html; charset=utf-8", html(message)),
            Form::Plain => Self::body(status, "text/plain; charset=utf-8", format!("{message}\n")),
            Form::Xml => {
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  <message>{message}</message>\n</error>"
                );
                Self::body(status, "application/xml; charset=utf-8", body)
            }
        }
    }

    /// With a header.
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        set(&mut self.headers, name, value);
        self
    }
}

/// Sets a header; a text that can't be one is left out.
pub fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A header's text.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn html(message: &str) -> String {
    format!(
        "<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Error</title>\n  </head>\n  \
         <body>\n    <h1>Error</h1>\n    <p>{message}.</p>\n  </body>\n</html>\n"
    )
}

/// The known type with the highest weight, the first of equals.
fn form(accept: Option<&str>) -> Form {
    let known = |entry: &str| {
        let mut parts = entry.split(';').map(str::trim);
        let form = match parts.next()? {
            "*/*" | "application/json" | "application/*" => Form::Json,
            "text/html" | "text/*" => Form::Html,
            "text/plain" => Form::Plain,
            "application/xml" => Form::Xml,
            _ => return None,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        Some((form, weight))
    };
    let mut best: Option<(Form, f32)> = None;
    for (form, weight) in accept.unwrap_or_default().split(',').filter_map(known) {
        if best.is_none_or(|(_, most)| weight > most) {
            best = Some((form, weight));
        }
    }
    best.map_or(Form::Json, |(form, _)| form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (accept, wanted) in [
            (None, Form::Json),
            (Some("*/*"), Form::Json),
            (Some("image/png"), Form::Json),
            (Some("text/html,application/json;q=0.9"), Form::Html),
            (Some("text/plain;q=0.1, application/json;q=0.9"), Form::Json),
            (Some("application/xml"), Form::Xml),
        ] {
            assert_eq!(form(accept), wanted, "{accept:?}");
        }
    }
}
