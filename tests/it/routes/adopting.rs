//! What belongs to somebody else.

use serde_json::json;

use super::gateway::Gate;
use super::mes;

/// As `setup-kong.sh` left them: without a tag.
#[test]
fn same_named_ones_are_taken_over_where_that_is_asked_for() {
    let gate = Gate::with_database("routes-adopt", mes::FILE);
    let url = format!("http://{}", gate.upstream.address);
    let service = gate.made("services", &json!({"name": "auth-service", "url": url, "tags": ["by-hand"]}));
    let route = json!({"name": "auth", "paths": ["/api/v1/auth"], "strip_path": true});
    let route = gate.made("services/auth-service/routes", &route);
    gate.made("services", &json!({"name": "theirs", "url": url}));

    let refused = gate.ends(1, &[]);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("auth-service") && said.contains("another owner"), "{refused}");
    assert!(said.contains("--adopt"), "{refused}");
    let found = gate.all("services").into_iter().find(|found| found["id"] == service["id"]).unwrap();
    assert_eq!(found, *service.as_object().unwrap(), "it is as it was, to its updated_at");
    assert!(gate.names("routes").contains(&"workorders".to_owned()), "the others are made");

    gate.ok(&["--adopt"]);
    let found = gate.all("services").into_iter().find(|found| found["id"] == service["id"]).unwrap();
    assert_eq!(found["name"], "auth-service");
    assert_eq!((&found["read_timeout"], &found["retries"]), (&json!(30000), &json!(2)));
    assert!(found["tags"].as_array().unwrap().contains(&json!(gate.owner())), "{found:?}");
    let found = gate.all("routes").into_iter().find(|found| found["id"] == route["id"]).unwrap();
    assert_eq!(found["strip_path"], false);
    assert_eq!(gate.all("services").len(), 9);
    gate.ok(&["--check"]);

    gate.ok(&["--prune"]);
    assert!(gate.names("services").contains(&"theirs".to_owned()));
}

/// Somebody else's that is as declared is left to them.
#[test]
fn what_is_as_declared_needs_no_owner() {
    let file = "_format_version: '3.0'\nservices: [{name: shop, url: http://shop:80}]\n";
    let gate = Gate::with_database("routes-same", file);
    let made =
        gate.made("services", &json!({"name": "shop", "url": format!("http://{}", gate.upstream.address)}));
    gate.ok(&[]);
    gate.ok(&["--prune"]);
    assert_eq!(gate.all("services"), [made.as_object().unwrap().clone()]);
}
