//! Ctrl-C in the middle.

use std::process::Command;
use std::time::{Duration, Instant};

use vv_stand_ins::kong::Options;

use super::gateway::Gate;
use super::mes;
use crate::support::Ran;

fn interrupt(gate: &Gate, words: &[&str], when: impl Fn() -> bool) -> Ran {
    let child = gate.begin(words);
    let begun = Instant::now();
    while !when() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never got there");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn nothing_of_a_probe_stays_and_the_next_run_finishes() {
    // Nothing ever reaches the proxy: vv waits behind its barrier.
    let propagation = vec![Duration::from_secs(600)];
    let gate = Gate::start("routes-int", mes::FILE, Options { propagation, ..Options::default() });
    let probing = || gate.names("routes").iter().any(|name| name.starts_with("vv-probe"));
    let ran = interrupt(&gate, &[], probing);
    assert_eq!(ran.code, 130, "{ran}");
    ran.says("interrupted after");
    assert!(!probing(), "{:?}", gate.names("routes"));
    gate.ok(&["--no-live"]).shows("as declared");
}

#[test]
fn what_was_begun_is_finished_by_the_next() {
    let gate = Gate::with_database("routes-int-2", mes::FILE);
    let ran = interrupt(&gate, &["--no-live"], || !gate.all("consumers").is_empty());
    assert!([0, 130].contains(&ran.code), "{ran}");
    gate.ok(&["--no-live"]);
    gate.ok(&["--no-live", "--check"]);
    assert_eq!((gate.all("routes").len(), gate.all("plugins").len()), (8, 18));
}
