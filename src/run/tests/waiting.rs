//! What ends a wait, well or badly.

use super::support::*;
use crate::engine::memory::{Behaviour, Exit};
use crate::plan::operation::WaitCondition::{Completed, Healthy, Ready};
use crate::plan::operation::WaitFor;
use crate::plan::spec::ContainerSpec;
use crate::stack::model::RestartPolicy;

fn runs(ends: &[(u64, i64)], then: Option<Exit>) -> Behaviour {
    let ends = ends.iter().map(|(after, code)| Some(Exit { after: ms(*after), code: *code, oom: false }));
    Behaviour { runs: ends.chain([then]).collect(), ..Behaviour::default() }
}

#[tokio::test(start_paused = true)]
async fn a_plain_container_is_ready_when_it_has_run_a_moment() {
    let bench = Bench::new();
    let outcome = bench.run(&one(ContainerSpec::default(), Ready)).await.unwrap();
    assert_eq!(outcome.took, ms(150));
}

#[tokio::test(start_paused = true)]
async fn one_that_ran_before_needs_no_moment() {
    let bench = Bench::new();
    let mut steps = Steps::default();
    steps.up("web", ContainerSpec::default(), &[]);
    bench.run(&steps).await.unwrap();
    let mut steps = Steps::default();
    steps.wait("web", Ready, &[]);
    assert_eq!(bench.run(&steps).await.unwrap().took, ms(0));
}

#[tokio::test(start_paused = true)]
async fn ready_means_healthy_and_answering_in_its_protocol() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::healthy_after(ms(100)));
    bench.ready.after.lock().unwrap().insert("web".to_owned(), ms(100));
    let outcome = bench.run(&one(checked(), Ready)).await.unwrap();
    // The check at 0, 50, 130 ms; then the protocol at 0, 50, 130 ms.
    assert_eq!(outcome.took, ms(260));
    assert_eq!(
        bench.recorder.with("progress"),
        ["progress 2 health: connection refused", "progress 2 web: no leader yet"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_container_that_exits_at_once_fails_with_its_last_words() {
    let bench = Bench::new();
    let logs = (1..=30).map(|line| format!("line {line}")).chain(["\u{1b}[1mboom\u{1b}[0m".to_owned()]);
    let behaviour = Behaviour { logs: logs.collect(), ..Behaviour::exits(ms(20), 3) };
    bench.engine.script("web", behaviour);
    let error = bench.run(&one(ContainerSpec::default(), Ready)).await.unwrap_err();
    assert_eq!(bench.elapsed(), ms(20));
    insta::assert_snapshot!(described(&error), @r"
    2: could not wait until web is ready: shop-web-1 exited with code 3
       | line 12
       | line 13
       | line 14
       | line 15
       | line 16
       | line 17
       | line 18
       | line 19
       | line 20
       | line 21
       | line 22
       | line 23
       | line 24
       | line 25
       | line 26
       | line 27
       | line 28
       | line 29
       | line 30
       | boom
       hint: `vv logs web` shows all of its output
    ");
}

#[tokio::test(start_paused = true)]
async fn lack_of_memory_is_named() {
    let bench = Bench::new();
    let end = Exit { after: ms(300), code: 137, oom: true };
    bench
        .engine
        .script("web", Behaviour { runs: vec![Some(end)], never_healthy: true, ..Behaviour::default() });
    // Also where the policy would restart it.
    let mut spec = checked();
    spec.restart = RestartPolicy::Always;
    let error = bench.run(&one(spec, Healthy)).await.unwrap_err();
    assert_eq!(bench.elapsed(), ms(300));
    insta::assert_snapshot!(described(&error), @r"
    2: could not wait until web is healthy: shop-web-1 was killed for lack of memory (exit code 137)
       hint: raise its memory limit (deploy.resources.limits.memory or mem_limit)
       hint: `vv logs web` shows all of its output
    ");
}

#[tokio::test(start_paused = true)]
async fn a_restart_loop_ends_the_wait() {
    let bench = Bench::new();
    bench
        .engine
        .script("web", Behaviour { logs: vec!["no config".to_owned()], ..Behaviour::exits(ms(50), 1) });
    let error = bench.run(&one(restarting(RestartPolicy::Always), Ready)).await.unwrap_err();
    // Three deaths, with the engine's pauses of 100 and 200 ms between.
    assert_eq!(bench.elapsed(), ms(50 + 100 + 50 + 200 + 50));
    insta::assert_snapshot!(described(&error), @r"
    2: could not wait until web is ready: shop-web-1 ends again and again (3 restarts, last with code 1)
       | no config
       | no config
       | no config
       hint: `vv logs web` shows all of its output
    ");
    assert_eq!(
        bench.recorder.with("progress"),
        ["progress 2 exited with code 1, restarting (1)", "progress 2 exited with code 1, restarting (2)"]
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_restarts_until_another_is_up_gets_its_time() {
    let bench = Bench::new();
    // Dies six times for want of a database that takes ten seconds.
    let dies = [(50, 1); 6];
    bench.engine.script("web", runs(&dies, None));
    bench.engine.script("db", Behaviour::healthy_after(secs(10)));
    let mut steps = Steps::default();
    let db = steps.up("db", checked(), &[]);
    steps.wait("db", Ready, &[db]);
    let web = steps.up("web", restarting(RestartPolicy::Always), &[]);
    steps.wait("web", Ready, &[web]);
    bench.run(&steps).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn among_others_a_loop_ends_the_wait_too() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::exits(ms(50), 1));
    bench.engine.script("db", Behaviour::healthy_after(secs(600)));
    let mut steps = Steps::default();
    let db = steps.up("db", checked_every(secs(900)), &[]);
    steps.wait("db", Ready, &[db]);
    let web = steps.up("web", restarting(RestartPolicy::Always), &[]);
    steps.wait("web", Ready, &[web]);
    let error = bench.run(&steps).await.unwrap_err();
    assert!(described(&error).contains("ends again and again (8 restarts, last with code 1)"));
    assert!(bench.elapsed() < secs(30), "{:?}", bench.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_that_died_once_must_run_a_while_to_be_ready() {
    let bench = Bench::new();
    bench.engine.script("web", runs(&[(50, 1)], None));
    let outcome = bench.run(&one(restarting(RestartPolicy::OnFailure(None)), Ready)).await.unwrap();
    assert_eq!(outcome.took, ms(50 + 100 + 1000));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_found_looping_is_not_waited_for() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::exits(ms(50), 1));
    let mut steps = Steps::default();
    steps.up("web", restarting(RestartPolicy::Always), &[]);
    bench.run(&steps).await.unwrap();
    tokio::time::sleep(secs(40)).await;
    let before = bench.elapsed();
    let mut steps = Steps::default();
    steps.wait("web", Ready, &[]);
    let error = bench.run(&steps).await.unwrap_err();
    assert!(described(&error).contains("ends again and again"), "{}", described(&error));
    assert_eq!(bench.elapsed(), before);
}

#[tokio::test(start_paused = true)]
async fn a_job_is_completed_when_it_exits_with_zero() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::exits(secs(3), 0));
    let outcome = bench.run(&one(ContainerSpec::default(), Completed)).await.unwrap();
    assert_eq!(outcome.took, secs(3));
    assert_eq!(bench.engine.count("exec"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_done_before_is_completed_at_once() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::exits(ms(1), 0));
    bench.run(&one(ContainerSpec::default(), Completed)).await.unwrap();
    let mut steps = Steps::default();
    steps.wait("web", Completed, &[]);
    assert_eq!(bench.run(&steps).await.unwrap().took, ms(0));
}

#[tokio::test(start_paused = true)]
async fn all_replicas_of_a_job_must_complete() {
    let bench = Bench::new();
    bench.engine.script("shop-a-1", Behaviour::exits(secs(1), 0));
    bench.engine.script("shop-b-1", Behaviour::exits(secs(5), 0));
    let wait = WaitFor {
        service: "job".to_owned(),
        containers: vec![name("a"), name("b")],
        condition: Completed,
        required: true,
    };
    let mut steps = Steps::default();
    let a = steps.up("a", ContainerSpec::default(), &[]);
    let b = steps.up("b", ContainerSpec::default(), &[]);
    steps.wait_for(wait.clone(), &[a, b]);
    assert_eq!(bench.run(&steps).await.unwrap().took, secs(5));

    let bench = Bench::new();
    bench.engine.script("shop-a-1", Behaviour::exits(secs(1), 0));
    bench.engine.script("shop-b-1", Behaviour::exits(secs(5), 2));
    let error = bench.run(&steps).await.unwrap_err();
    assert!(described(&error).contains("shop-b-1 exited with code 2"), "{}", described(&error));
}

#[tokio::test(start_paused = true)]
async fn a_job_may_use_up_its_restarts() {
    let bench = Bench::new();
    bench.engine.script("web", runs(&[(10, 1); 9], Some(Exit { after: ms(10), code: 0, oom: false })));
    bench.run(&one(restarting(RestartPolicy::OnFailure(Some(10))), Completed)).await.unwrap();

    let bench = Bench::new();
    bench.engine.script("web", Behaviour::exits(ms(10), 4));
    let error = bench.run(&one(restarting(RestartPolicy::OnFailure(Some(2))), Completed)).await.unwrap_err();
    assert!(described(&error).contains("shop-web-1 exited with code 4"), "{}", described(&error));
    assert_eq!(bench.elapsed(), ms(10 + 100 + 10 + 200 + 10));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_for_ever_is_given_up() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::exits(ms(10), 4));
    let error = bench.run(&one(restarting(RestartPolicy::OnFailure(None)), Completed)).await.unwrap_err();
    assert!(described(&error).contains("ends again and again (8 restarts, last with code 4)"));
    assert!(bench.elapsed() < secs(30), "{:?}", bench.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_restarted_after_its_success_is_completed() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::exits(secs(1), 0));
    let outcome = bench.run(&one(restarting(RestartPolicy::Always), Completed)).await.unwrap();
    assert_eq!(outcome.took, secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_nobody_waits_for_by_name_is_ready_when_done() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::exits(ms(20), 0));
    let outcome = bench.run(&one(ContainerSpec::default(), Ready)).await.unwrap();
    assert_eq!(outcome.took, ms(20));
}

#[tokio::test(start_paused = true)]
async fn exiting_is_not_becoming_healthy() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour { never_healthy: true, ..Behaviour::exits(ms(20), 0) });
    let error = bench.run(&one(checked(), Healthy)).await.unwrap_err();
    assert!(described(&error).contains("shop-web-1 exited with code 0"), "{}", described(&error));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_required_is_a_warning() {
    let bench = Bench::new();
    bench.engine.script("cache", Behaviour::exits(ms(20), 1));
    let mut steps = Steps::default();
    let cache = steps.up("cache", checked(), &[]);
    let wait = WaitFor {
        service: "cache".to_owned(),
        containers: vec![name("cache")],
        condition: Completed,
        required: false,
    };
    let waited = steps.wait_for(wait, &[cache]);
    let web = steps.create(ContainerSpec::default(), "web", &[]);
    steps.start("web", &[web, waited]);
    let outcome = bench.run(&steps).await.unwrap();
    let warning = "service cache is not ready, but not required: shop-cache-1 exited with code 1";
    assert_eq!(outcome.warnings, [warning]);
    assert_eq!(bench.recorder.with("warned"), [format!("warned 2 {warning}")]);
    assert_eq!(bench.engine.states().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_dies_after_it_was_ready_ends_everything() {
    let bench = Bench::new();
    let db = Behaviour { logs: vec!["disk full".to_owned()], ..Behaviour::exits(secs(5), 2) };
    bench.engine.script("db", db);
    bench.engine.script("web", Behaviour::healthy_after(secs(60)));
    let mut steps = Steps::default();
    let db = steps.up("db", checked(), &[]);
    let healthy = steps.wait("db", Healthy, &[db]);
    let web = steps.up("web", checked(), &[healthy]);
    steps.wait("web", Ready, &[web]);
    let error = bench.run(&steps).await.unwrap_err();
    assert_eq!(bench.elapsed(), secs(5));
    insta::assert_snapshot!(described(&error), @r"
    2: could not wait until db is healthy: shop-db-1 exited with code 2
       | disk full
       hint: `vv logs db` shows all of its output
    ");
}

#[tokio::test(start_paused = true)]
async fn what_stands_still_is_not_waited_for() {
    let bench = Bench::new();
    let mut steps = Steps::default();
    steps.up("web", ContainerSpec::default(), &[]);
    bench.run(&steps).await.unwrap();
    bench.engine.pause("shop-web-1");
    let mut steps = Steps::default();
    steps.wait("web", Ready, &[]);
    let error = bench.run(&steps).await.unwrap_err();
    insta::assert_snapshot!(described(&error), @r"
    0: could not wait until web is ready: shop-web-1 is paused
       hint: `docker unpause shop-web-1` lets it go on
    ");

    let mut steps = Steps::default();
    steps.wait("gone", Ready, &[]);
    let error = bench.run(&steps).await.unwrap_err();
    assert!(described(&error).contains("shop-gone-1 is gone"), "{}", described(&error));

    let mut steps = Steps::default();
    let created = steps.create(ContainerSpec::default(), "new", &[]);
    steps.wait("new", Ready, &[created]);
    let error = bench.run(&steps).await.unwrap_err();
    assert!(described(&error).contains("shop-new-1 was never started"), "{}", described(&error));
}

#[tokio::test(start_paused = true)]
async fn a_service_without_replicas_is_not_waited_for() {
    let bench = Bench::new();
    let mut steps = Steps::default();
    let wait =
        WaitFor { service: "web".to_owned(), containers: Vec::new(), condition: Healthy, required: true };
    steps.wait_for(wait, &[]);
    bench.run(&steps).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn several_replicas_are_named_in_progress_and_failures() {
    let bench = Bench::new();
    bench.engine.script("shop-a-1", Behaviour { never_healthy: true, ..Behaviour::exits(ms(40), 1) });
    bench.engine.script("shop-b-1", Behaviour { never_healthy: true, ..Behaviour::exits(ms(40), 1) });
    let wait = WaitFor {
        service: "web".to_owned(),
        containers: vec![name("a"), name("b")],
        condition: Ready,
        required: true,
    };
    let mut steps = Steps::default();
    let a = steps.up("a", checked(), &[]);
    let b = steps.up("b", checked(), &[]);
    steps.wait_for(wait, &[a, b]);
    let error = bench.run(&steps).await.unwrap_err();
    let text = described(&error);
    assert!(text.contains("shop-a-1 exited with code 1; shop-b-1 exited with code 1"), "{text}");
    let progress = bench.recorder.with("progress");
    assert!(
        progress.contains(&"progress 4 shop-a-1: health: its test exits with 1".to_owned()),
        "{progress:?}"
    );
}
