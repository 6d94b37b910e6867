//! No secret in anything that vv says.

use serde_json::json;

use super::gateway::Gate;

/// Planted in every place that a declaration has for one.
const PLANTED: &str = "planted-s3cret";

const FILE: &str = "_format_version: '3.0'
services:
  - name: shop
    url: http://shop:80
    routes: [{name: shop, paths: [/shop]}]
    plugins:
      - name: rate-limiting
        config: {minute: 5, policy: redis, redis_host: localhost, redis_password: planted-s3cret-redis}
      - name: session
        config: {secret: planted-s3cret-session}
consumers:
  - username: bob
    keyauth_credentials: [{key: planted-s3cret-key}]
    jwt_secrets: [{key: bob, secret: '${JWT_SECRET}'}]
    basicauth_credentials: [{username: bob, password: planted-s3cret-basic}]
    hmacauth_credentials: [{username: bob, secret: planted-s3cret-hmac}]
";

#[test]
fn none_is_told() {
    let mut gate = Gate::with_database("routes-secrets", FILE);
    gate.project.env.push(("JWT_SECRET".to_owned(), format!("{PLANTED}-jwt")));
    let mut said = Vec::new();
    let mut run = |gate: &Gate, words: &[&str]| {
        let words = gate.words(words);
        let ran = gate.project.vv(&words.iter().map(String::as_str).collect::<Vec<_>>());
        said.push(format!("{words:?}: {ran}"));
        ran.code
    };
    for words in [&["--check"][..], &["--dry-run", "--verbose"], &["--format", "json", "--dry-run"]] {
        run(&gate, words);
    }
    assert_eq!(run(&gate, &["--verbose", "--no-live"]), 0);
    assert_eq!(gate.all("jwts")[0]["secret"], format!("{PLANTED}-jwt"));
    assert_eq!(gate.all("key-auths")[0]["key"], format!("{PLANTED}-key"));

    // Both sides of a difference.
    for (collection, field) in [("jwts", "secret"), ("hmac-auths", "secret"), ("basic-auths", "password")] {
        let id = gate.all(collection)[0]["id"].as_str().unwrap().to_owned();
        gate.changed(&format!("{collection}/{id}"), &json!({field: format!("{PLANTED}-live-{field}")}));
    }
    for words in [&["--check"][..], &["--check", "--format", "json"], &["--dry-run", "--verbose"]] {
        assert_ne!(run(&gate, words), 3);
    }
    // A key that somebody else has.
    gate.made("consumers", &json!({"username": "eve"}));
    gate.made("consumers/eve/key-auth", &json!({"key": format!("{PLANTED}-taken")}));
    gate.declare(&FILE.replace("planted-s3cret-key", "planted-s3cret-taken"));
    assert_ne!(run(&gate, &["--no-live"]), 0);
    // And what Kong doesn't take.
    gate.declare(
        &FILE
            .replace("policy: redis", "policy: redis, hide: 1")
            .replace("[{key: bob,", "[{key: bob, algorithm: HS1,"),
    );
    assert_ne!(run(&gate, &["--no-live"]), 0);
    gate.declare(&FILE.replace("consumers:", "consumer:"));
    assert_eq!(run(&gate, &[]), 3);
    said.push(gate.dump());
    let mut run = |words: &[&str]| {
        let words = gate.words(words);
        said.push(gate.project.vv(&words.iter().map(String::as_str).collect::<Vec<_>>()).to_string());
    };
    run(&["--prune"]);
    // A login without its colon, and an address with one in it.
    let address = format!("http://127.0.0.1:1/?apikey={PLANTED}-query");
    for words in [["--admin-header", &format!("{PLANTED}-token")], ["--admin-url", &address]] {
        let ran = gate.project.fails(2, &["setup-routes", words[0], words[1]]);
        said.push(ran.to_string());
    }

    for told in &said {
        assert!(!told.contains(PLANTED), "{told}");
    }
    assert!(said.iter().any(|told| told.contains("secret")), "differences are told: {said:#?}");
}
