//! A declarative document, in all the forms in which `POST /config` takes it.

use serde_json::{Map, Value};

use crate::kong::admin::body::pairs;
use crate::kong::server::Request;

/// What a request brings.
#[derive(Debug)]
pub enum Given {
    /// A document that came as JSON, as it is.
    Document(Map<String, Value>),
    /// A text that is one.
    Text(String),
    /// Nothing.
    Nothing,
    /// Something in a form that Kong doesn't take.
    Unsupported,
}

/// Reads a request's body: JSON, a form, a multipart form, or text.
pub fn read(request: &Request) -> Given {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let media = request.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let config = match media.as_str() {
        "application/json" => match serde_json::from_str(&body) {
            Ok(Value::Object(document)) if document.contains_key("_format_version") => {
                return Given::Document(document);
            }
            Ok(Value::Object(document)) => document.get("config").and_then(Value::as_str).map(str::to_owned),
            _ => None,
        },
        "application/x-www-form-urlencoded" => {
            pairs(&body).into_iter().find(|(name, _)| name == "config").map(|(_, value)| value)
        }
        "multipart/form-data" => multipart(&request.content_type, &body),
        "" | "text/plain" | "text/yaml" => None,
        _ => return Given::Unsupported,
    };
    match config {
        Some(config) => Given::Text(config),
        None if body.is_empty() => Given::Nothing,
        None => Given::Text(body),
    }
}

/// The field `config` of a multipart form.
fn multipart(content_type: &str, body: &str) -> Option<String> {
    let (_, boundary) = content_type.split_once("boundary=")?;
    let boundary = format!("--{}", boundary.trim_matches('"'));
    body.split(&boundary).find_map(|part| {
        let part = part.replace("\r\n", "\n");
        let (head, text) = part.split_once("\n\n")?;
        head.contains("name=\"config\"").then(|| text.strip_suffix('\n').unwrap_or(text).to_owned())
    })
}

/// Parses a text: JSON, else YAML.
///
/// # Errors
/// It is neither: Kong's words.
pub fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let failed = |why: &str| format!("failed parsing declarative configuration: {why}");
    if let Ok(Value::Object(document)) = serde_json::from_str(text) {
        return Ok(document);
    }
    match serde_yaml::from_str::<Value>(text) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(failed("expected an object")),
        Err(error) => {
            let (line, column) = last_event(text);
            let error = error.to_string();
            let problem = error.split(" at line ").next().unwrap_or_default();
            Err(failed(&format!("{line}:{column}: {problem}")))
        }
    }
}

/// Where the last thing begins that could be read: Kong tells that place, not the mistake's.
fn last_event(text: &str) -> (usize, usize) {
    let events = saphyr_parser::Parser::new_from_str(text).map_while(Result::ok);
    events.map(|(_, span)| (span.start.line(), span.start.col() + 1)).last().unwrap_or((1, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, wanted) in [
            ("a: [b", "1:5: did not find expected ',' or ']'"),
            ("a: [b\n", "1:5: did not find expected ',' or ']'"),
            ("hello", "expected an object"),
            ("", "expected an object"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, format!("failed parsing declarative configuration: {wanted}"), "{text:?}");
        }
        assert_eq!(parse("{\"a\": 1}").unwrap(), parse("a: 1").unwrap());
    }
}
