//! Containers that end and are restarted while a start goes on.

use super::support::*;
use crate::engine::memory::{Behaviour, Exit};
use crate::plan::operation::WaitCondition::{Healthy, Ready};
use crate::plan::operation::WaitFor;
use crate::stack::model::RestartPolicy;

fn dies_once(after: u64) -> Behaviour {
    let end = Exit { after: ms(after), code: 1, oom: false };
    Behaviour { runs: vec![Some(end), None], ..Behaviour::default() }
}

/// `web`, and a `db` that is healthy after so long.
fn beside_db(bench: &Bench, web: Behaviour, policy: RestartPolicy, db: u64) -> Steps {
    bench.engine.script("web", web);
    bench.engine.script("db", Behaviour::healthy_after(ms(db)));
    let mut steps = Steps::default();
    let started = steps.up("web", restarting(policy), &[]);
    steps.wait("web", Ready, &[started]);
    let started = steps.up("db", checked(), &[]);
    steps.wait("db", Ready, &[started]);
    steps
}

#[tokio::test(start_paused = true)]
async fn a_restart_before_the_first_look_counts() {
    let bench = Bench::new();
    bench.engine.delay("inspect", ms(160));
    bench.engine.script("web", dies_once(20));
    let outcome = bench.run(&one(restarting(RestartPolicy::Always), Ready)).await.unwrap();
    // A second look follows the news of the first death; then the second run has to last.
    assert_eq!(outcome.took, ms(160 + 160 + 1000));

    let bench = Bench::new();
    bench.engine.delay("inspect", ms(160));
    bench.engine.script("web", Behaviour::exits(ms(20), 1));
    let error = bench.run(&one(restarting(RestartPolicy::Always), Ready)).await.unwrap_err();
    assert!(described(&error).contains("ends again and again (3 restarts"), "{}", described(&error));

    let bench = Bench::new();
    bench.engine.delay("inspect", ms(360));
    bench.engine.script("web", Behaviour::exits(ms(110), 1));
    let policy = RestartPolicy::OnFailure(Some(2));
    let error = bench.run(&one(restarting(policy), Ready)).await.unwrap_err();
    assert!(described(&error).contains("shop-web-1 exited with code 1"), "{}", described(&error));
}

#[tokio::test(start_paused = true)]
async fn one_that_would_be_restarted_must_run_longer() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::exits(ms(400), 1));
    let error = bench.run(&one(restarting(RestartPolicy::UnlessStopped), Ready)).await.unwrap_err();
    assert!(described(&error).contains("ends again and again"), "{}", described(&error));
    let bench = Bench::new();
    assert_eq!(bench.run(&one(restarting(RestartPolicy::Always), Ready)).await.unwrap().took, ms(500));
}

#[tokio::test(start_paused = true)]
async fn one_that_was_ready_and_is_restarted_has_to_become_it_again() {
    let bench = Bench::new();
    let steps = beside_db(&bench, dies_once(700), RestartPolicy::Always, 780);
    let outcome = bench.run(&steps).await.unwrap();
    // It runs again from 800 ms on.
    assert_eq!((outcome.took, outcome.done), (ms(800 + 1000), 6));
    assert_eq!(bench.recorder.with("started 2"), ["started 2", "started 2"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_ready_and_loops_fails_the_start() {
    for policy in [RestartPolicy::Always, RestartPolicy::OnFailure(Some(2))] {
        let bench = Bench::new();
        let steps = beside_db(&bench, Behaviour::exits(ms(700), 1), policy, 780);
        let error = bench.run(&steps).await.unwrap_err();
        assert!(described(&error).contains("could not wait until web is ready"), "{}", described(&error));
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_done_without_fails_nothing_and_is_told_once() {
    let bench = Bench::new();
    bench.engine.script("cache", Behaviour { never_healthy: true, ..Behaviour::exits(ms(20), 1) });
    let mut steps = Steps::default();
    let cache = steps.up("cache", checked(), &[]);
    let wait = |condition| WaitFor {
        service: "cache".to_owned(),
        containers: vec![name("cache")],
        condition,
        required: false,
    };
    let healthy = steps.wait_for(wait(Healthy), &[cache]);
    let web = steps.up("web", checked(), &[healthy]);
    steps.wait_for(wait(Ready), &[cache, healthy]);
    steps.wait("web", Ready, &[web]);
    let outcome = bench.run(&steps).await.unwrap();
    assert_eq!(
        outcome.warnings,
        ["service cache is not ready, but not required: shop-cache-1 exited with code 1"]
    );
}
