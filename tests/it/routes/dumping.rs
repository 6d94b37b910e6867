//! The way in: what a gateway holds, as a file.

use serde_json::json;

use super::gateway::Gate;
use super::mes;

#[test]
fn what_was_applied_comes_back() {
    let gate = Gate::with_database("routes-dump", mes::FILE);
    gate.ok(&[]);
    let text = &gate.dump();
    assert_eq!(gate.writes(), []);
    let document: serde_json::Value = serde_yaml::from_str(text).unwrap();
    assert_eq!(document["_format_version"], "3.0", "{text}");
    let services: Vec<&str> = document["services"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|service| service["name"].as_str())
        .collect();
    let mut sorted = services.clone();
    sorted.sort_unstable();
    assert_eq!((services.len(), &services), (8, &sorted));
    // No ids, no times, no defaults, no tags of vv's, and no secret that nobody asked for.
    let absent =
        ["created_at", "updated_at", "ws_id", "preserve_host", "write_timeout: 60000", "vv:", mes::SECRET];
    for words in absent {
        assert!(!text.contains(words), "'{words}' stands in {text}");
    }
    let id = regex::Regex::new(r"(?m)(^|[ {])id:").unwrap();
    assert!(!id.is_match(text), "{text}");
    assert!(text.contains("read_timeout: 30000") && text.contains("/api/v1/workorders"), "{text}");

    // The file makes no difference to the gateway that it was made of.
    gate.project.write("dumped.yml", text);
    let words = gate.words(&["--check"]);
    let words: Vec<&str> =
        words.iter().map(|word| if word == "kong.yml" { "dumped.yml" } else { word.as_str() }).collect();
    let code = text.lines().filter(|line| !line.starts_with('#'));
    let secrets: Vec<&str> =
        code.filter_map(|line| line.split("${").nth(1)?.split(['}', ':']).next()).collect();
    assert_eq!(secrets.len(), 1, "{text}");
    let checked = gate.project.command(&words).env(secrets[0], mes::SECRET).output().unwrap();
    let checked = crate::support::Ran::of(checked);
    assert_eq!(checked.code, 0, "{checked}\n{text}");
}

/// What others made is theirs, but it is there.
#[test]
fn everybodys_are_written() {
    let gate = Gate::with_database("routes-dump-all", "_format_version: '3.0'\nservices: []\n");
    gate.made("services", &json!({"name": "by-hand", "url": "http://127.0.0.1:7/base", "tags": ["team-a"]}));
    gate.made("services/by-hand/routes", &json!({"paths": ["/a"], "methods": ["GET"]}));
    gate.made("consumers", &json!({"username": "bob"}));
    gate.made("consumers/bob/key-auth", &json!({"key": "planted-key-of-bob"}));
    let text = gate.dump();
    for words in ["by-hand", "team-a", "/base", "methods", "bob", "keyauth_credentials"] {
        assert!(text.contains(words), "'{words}' is missing: {text}");
    }
    assert!(!text.contains("planted-key"), "{text}");
}
