//! What a real Kong 3.4.2 without a database took, and what it refused whatever its plugins are.

use std::path::Path;

use serde_json::Value;

use super::read_with;
use crate::routes::read::read_as_is;
use crate::routes::testing::recorded;
use crate::stack::files::Memory;

/// What was sent to `/config`: the exchange's name, the document, and whether it was taken. Left out is what only
/// schemas and plugins refuse.
fn exchanges() -> Vec<(String, String, bool)> {
    const SCHEMAS: [&str; 2] = ["config-bad-nested", "config-multipart"];
    let all = ["dbless", "dbless-2", "dbless-3"].into_iter().flat_map(recorded);
    let config = all.filter(|exchange| {
        exchange["method"] == "POST" && exchange["url"].as_str().is_some_and(|url| url.contains("/config"))
    });
    let read = config.filter_map(|exchange| {
        let name = exchange["name"].as_str()?.split_once('-')?.1.to_owned();
        let status = exchange["status"].as_u64()?;
        let text = match &exchange["body"] {
            Value::Object(body) if body.len() == 1 && body.contains_key("config") => {
                body["config"].as_str()?.to_owned()
            }
            Value::Object(body) => serde_json::to_string(body).ok()?,
            Value::String(text) => {
                let form = text.strip_prefix("config=").map(|form| form.replace('+', " "));
                match form {
                    Some(form) => {
                        percent_encoding::percent_decode_str(&form).decode_utf8().ok()?.into_owned()
                    }
                    None => text.clone(),
                }
            }
            _ => return None,
        };
        let is_left_out =
            status == 415 || name.ends_with("flatten") || SCHEMAS.iter().any(|left| name.starts_with(left));
        (!is_left_out).then_some((name, text, status < 400))
    });
    read.collect()
}

#[test]
fn what_kong_takes_vv_takes() {
    // Kong lets a service's url win over its host without a word.
    const REFUSED: [&str; 1] = ["config-url-shorthand-conflict"];
    let (mut taken, mut refused) = (0, 0);
    for (name, text, was_taken) in exchanges() {
        let (name, text) = (name.as_str(), text.as_str());
        let files = Memory([("/w/kong.yml".into(), text.as_bytes().to_vec())].into());
        let read = read_as_is(Path::new("kong.yml"), &files, Path::new("/w"));
        match (was_taken, REFUSED.contains(&name)) {
            (true, false) => {
                taken += 1;
                if let Err(error) = read {
                    panic!("{name}: {error}\n{text}");
                }
                assert!(read_with(text, &[]).is_ok(), "{name}");
            }
            (true, true) => assert!(read.is_err(), "{name}"),
            (false, _) => {
                refused += 1;
                assert!(read.is_err(), "{name}\n{text}");
            }
        }
    }
    assert!(taken >= 25 && refused >= 30, "{taken} {refused}");
}
