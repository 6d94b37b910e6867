//! A gateway without a database: its whole configuration is replaced at once.

use super::ask;
use super::gateway::Gate;
use super::mes;

const TWO: &str = "_format_version: '3.0'
services:
  - {name: shop, url: http://shop:80, routes: [{name: shop, paths: [/shop]}]}
  - {name: desk, url: http://desk:80, routes: [{name: desk, paths: [/desk]}]}
";

const ONE: &str = "_format_version: '3.0'
services:
  - {name: shop, url: http://shop:80, routes: [{name: shop, paths: [/shop, /store]}]}
";

#[test]
fn one_push_and_then_none() {
    let gate = Gate::without_database("routes-push", mes::FILE, None);
    gate.ends(1, &["--check"]).shows("workorders");
    gate.ok(&["--dry-run"]);
    assert_eq!(gate.writes(), []);
    gate.ok(&[]);
    let writes = gate.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert!(writes[0].path.starts_with("/config"), "{writes:?}");
    assert_eq!(gate.names("routes").len(), 8);
    for words in [&[][..], &["--check"], &["--prune"]] {
        gate.ok(words);
        assert_eq!(gate.writes(), [], "{words:?}");
    }
}

/// What it began with, and the file no longer has.
#[test]
fn a_push_that_would_remove_is_refused() {
    let gate = Gate::without_database("routes-removal", ONE, Some(TWO));
    let before = ask(&gate.admin("/config"), &[]).body;
    let refused = gate.ends(1, &[]);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("service desk") && said.contains("route desk"), "{refused}");
    assert!(said.contains("--prune"), "{refused}");
    assert_eq!(gate.writes(), []);
    assert_eq!(ask(&gate.admin("/config"), &[]).body, before);
    assert_eq!(ask(&gate.proxy("/desk"), &[]).status, 200);

    gate.ok(&["--prune", "--dry-run"]).shows("desk");
    assert_eq!(gate.writes(), []);
    gate.ok(&["--prune"]);
    assert_eq!((gate.writes().len(), gate.names("services")), (1, vec!["shop".to_owned()]));
    assert_eq!((ask(&gate.proxy("/desk"), &[]).status, ask(&gate.proxy("/store"), &[]).status), (404, 200));
    gate.ok(&["--check"]);
}

/// What it loaded from the same file needs no push.
#[test]
fn what_it_began_with_is_as_declared() {
    let gate = Gate::without_database("routes-began", TWO, Some(TWO));
    gate.ok(&["--no-live"]);
    gate.ok(&["--check"]);
    assert_eq!(gate.names("routes"), ["desk", "shop"]);
}

/// Kong refuses what its schema alone doesn't tell, and goes on with what it had.
#[test]
fn a_refused_push_changes_nothing() {
    let file = TWO
        .replace("{name: desk, url: http://desk:80,", "{name: desk, url: http://desk:80, tls_verify: true,");
    let gate = Gate::without_database("routes-refused", &file, Some(TWO));
    let before = ask(&gate.admin("/config"), &[]).body;
    let ran = gate.project.vv(&gate.words(&[]).iter().map(String::as_str).collect::<Vec<_>>());
    assert!([1, 5].contains(&ran.code), "{ran}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("kong.yml:4:"), "it names the place: {ran}");
    assert!(said.contains("tls_verify"), "{ran}");
    assert_eq!(ask(&gate.admin("/config"), &[]).body, before);
    assert_eq!(ask(&gate.proxy("/desk"), &[]).status, 200);
}
