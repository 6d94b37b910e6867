//! Whether each route answers.

use serde_json::json;

use super::gateway::Gate;

#[test]
fn every_class_of_answer() {
    let file = "_format_version: '3.0'
services:
  - name: shop
    url: http://shop:80
    routes:
      - {name: plain, paths: [/plain]}
      - {name: drawn, paths: ['~/orders/\\d+$']}
      - {name: hosted, hosts: [shop.example.com], paths: [/hosted]}
      - {name: headed, paths: [/headed], headers: {x-tenant: [a]}}
      - {name: locked, paths: [/locked], plugins: [{name: key-auth}]}
      - {name: written, paths: [/written], methods: [POST]}
      - {name: hidden, paths: [/plain], methods: [GET], hosts: [a.test], regex_priority: 0}
      - {name: preflight, paths: [/preflight], methods: [OPTIONS]}
";
    let gate = Gate::with_database("routes-classes", file);
    let ran = gate.ok(&[]);
    let asked = gate.upstream.asked();
    assert!(!asked.iter().any(|request| request.starts_with("POST")), "{asked:?}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("only POST"), "{ran}");
    assert!(said.contains("key-auth"), "{ran}");
    // Seven are asked, of which one is Kong's to answer.
    assert_eq!(asked.len(), 6, "{asked:?}");

    gate.upstream.forget();
    gate.ok(&["--unsafe-probes"]);
    let asked = gate.upstream.asked();
    assert_eq!(asked.iter().filter(|request| request.starts_with("POST")).count(), 1, "{asked:?}");

    gate.upstream.forget();
    gate.ok(&["--no-live"]);
    assert_eq!(gate.upstream.asked(), Vec::<String>::new());
}

#[test]
fn one_that_does_not_answer_is_named() {
    let file = "_format_version: '3.0'
services:
  - {name: shop, url: http://shop:80, routes: [{name: shop, paths: [/shop]}]}
  - {name: gone, host: 127.0.0.1, port: 1, routes: [{name: gone, paths: [/gone]}]}
  - {name: lost, host: no-such-host.invalid, port: 80, routes: [{name: lost, paths: [/lost]}]}
";
    let gate = Gate::with_database("routes-gone", file);
    let ran = gate.ends(1, &[]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for words in ["route gone", "127.0.0.1:1 ", "route lost", "no-such-host.invalid"] {
        assert!(said.contains(words), "'{words}': {ran}");
    }
    assert_eq!(gate.names("routes").len(), 3, "they are made all the same");
    gate.ok(&["--no-live"]);
    let json = gate.ends(1, &["--format", "json"]);
    serde_json::from_str::<serde_json::Value>(&json.stdout).unwrap();
}

#[test]
fn one_that_another_wins_is_named_with_it() {
    let file = "_format_version: '3.0'
services:
  - name: shop
    url: http://shop:80
    routes:
      - {name: loser, paths: [/api]}
";
    let gate = Gate::with_database("routes-shadow", file);
    gate.made("services", &json!({"name": "theirs", "url": format!("http://{}", gate.upstream.address)}));
    let wins = json!({"name": "winner", "paths": ["~/api.*"], "regex_priority": 10});
    gate.made("services/theirs/routes", &wins);
    let ran = gate.ends(1, &[]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("loser") && said.contains("winner"), "{ran}");
}
