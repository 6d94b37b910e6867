//! Interrupts and `--timeout`.

use super::support::*;
use crate::engine::memory::Behaviour;
use crate::failure::{Failure, Kind};
use crate::plan::operation::WaitCondition::{Healthy, Ready};
use crate::plan::operation::WaitFor;
use crate::plan::spec::ContainerSpec;
use crate::run::RunError;

#[tokio::test(start_paused = true)]
async fn an_interrupt_stops_launching_and_says_what_runs() {
    let bench = Bench::new();
    bench.engine.delay_if(|kind, target| kind == "start_container" && target.contains("db"), secs(5));
    bench.engine.add_remote_image("huge");
    bench.engine.delay("pull_image", secs(600));
    let mut steps = Steps::default();
    steps.up("cache", ContainerSpec::default(), &[]);
    let db = steps.up("db", ContainerSpec::default(), &[]);
    steps.up("web", ContainerSpec::default(), &[db]);
    steps.pull("huge", &[]);
    let interrupt = bench.interrupt.clone();
    bench.later(secs(1), move |_| interrupt.cancel());
    let error = bench.run(&steps).await.unwrap_err();
    // The start under way was left to end.
    assert_eq!(bench.elapsed(), secs(5));
    let RunError::Interrupted(what) = &error else { panic!("{error}") };
    assert_eq!((what.done, what.left), (4, 3));
    assert_eq!(what.running.as_deref(), Some(["shop-cache-1".to_owned(), "shop-db-1".to_owned()].as_slice()));
    assert_eq!(bench.recorder.with("cancelled"), ["cancelled 4", "cancelled 5", "cancelled 6"]);
    let failure = Failure::from(error);
    assert_eq!(failure.kind.exit_code(), 130);
    insta::assert_snapshot!(format!("{}\n{:#?}\n{:#?}", failure.error, failure.details, failure.hints), @r#"
    interrupted: 4 of 7 operations were done
    [
        "running: shop-cache-1, shop-db-1",
    ]
    [
        "the same command again goes on from here",
        "`vv status` shows what runs, `vv down` removes it",
    ]
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_waits_at_once() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour { never_healthy: true, ..Behaviour::default() });
    let interrupt = bench.interrupt.clone();
    bench.later(secs(7), move |_| interrupt.cancel());
    let error = bench.run(&one(checked(), Healthy)).await.unwrap_err();
    assert_eq!(bench.elapsed(), secs(7));
    assert!(matches!(error, RunError::Interrupted(what) if what.done == 2 && what.left == 1));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_before_anything_begins_nothing() {
    let bench = Bench::new();
    bench.interrupt.cancel();
    let error = bench.run(&one(ContainerSpec::default(), Ready)).await.unwrap_err();
    assert!(matches!(error, RunError::Interrupted(what) if what.left == 3));
    assert_eq!(bench.engine.mutations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_time_runs_from_the_first_container_started() {
    let mut bench = Bench::new();
    bench.options.timeout = Some(secs(30));
    bench.engine.delay("build_image", secs(120));
    bench.engine.script(
        "web",
        Behaviour { never_healthy: true, test_output: "not yet".to_owned(), ..Behaviour::default() },
    );
    let mut steps = Steps::default();
    let built = steps.build("app", &[]);
    let web = steps.up("web", checked_every(secs(600)), &[built]);
    steps.wait("web", Healthy, &[web]);
    let after = steps.create(ContainerSpec::default(), "later", &[2, 3]);
    let error = bench.run(&steps).await.unwrap_err();
    assert_eq!(bench.elapsed(), secs(150));
    insta::assert_snapshot!(described(&error), @r"
    3: could not wait until web is healthy: shop-web-1 isn't ready after 30s: health: not yet
       hint: --timeout gives it more time
       hint: `vv logs web` shows all of its output
    ");
    assert_eq!(bench.recorder.with("cancelled"), [format!("cancelled {after}")]);
    let failure = Failure::from(error);
    assert_eq!((failure.kind, failure.kind.exit_code()), (Kind::NotReady, 6));
}

#[tokio::test(start_paused = true)]
async fn the_time_also_runs_where_nothing_is_started() {
    let mut bench = Bench::new();
    let mut steps = Steps::default();
    steps.up("web", checked_every(secs(600)), &[]);
    bench.engine.script("web", Behaviour { never_healthy: true, ..Behaviour::default() });
    bench.run(&steps).await.unwrap();
    bench.options.timeout = Some(secs(10));
    let mut steps = Steps::default();
    steps.wait("web", Ready, &[]);
    bench.run(&steps).await.unwrap_err();
    assert_eq!(bench.elapsed(), secs(10));
}

#[tokio::test(start_paused = true)]
async fn all_that_is_late_is_told() {
    let mut bench = Bench::new();
    bench.options.timeout = Some(secs(5));
    bench.ready.after.lock().unwrap().insert("a".to_owned(), secs(60));
    bench.ready.after.lock().unwrap().insert("b".to_owned(), secs(60));
    let mut steps = Steps::default();
    for service in ["a", "b", "c"] {
        let started = steps.up(service, ContainerSpec::default(), &[]);
        steps.wait(service, Ready, &[started]);
    }
    let error = bench.run(&steps).await.unwrap_err();
    assert_eq!(bench.elapsed(), secs(5));
    insta::assert_snapshot!(described(&error), @r"
    2: could not wait until a is ready: shop-a-1 isn't ready after 5s: a: no leader yet
       hint: --timeout gives it more time
       hint: `vv logs a` shows all of its output
    5: could not wait until b is ready: shop-b-1 isn't ready after 5s: b: no leader yet
       hint: --timeout gives it more time
       hint: `vv logs b` shows all of its output
    ");
}

#[tokio::test(start_paused = true)]
async fn what_is_late_and_not_required_is_a_warning() {
    let mut bench = Bench::new();
    bench.options.timeout = Some(secs(5));
    bench.engine.script("cache", Behaviour { never_healthy: true, ..Behaviour::default() });
    bench.engine.script("web", Behaviour::healthy_after(secs(3)));
    let mut steps = Steps::default();
    let cache = steps.up("cache", checked_every(secs(600)), &[]);
    let wait = WaitFor {
        service: "cache".to_owned(),
        containers: vec![name("cache")],
        condition: Healthy,
        required: false,
    };
    let waited = steps.wait_for(wait, &[cache]);
    let web = steps.up("web", checked(), &[waited]);
    steps.wait("web", Ready, &[web]);
    let outcome = bench.run(&steps).await.unwrap();
    assert_eq!(outcome.warnings.len(), 1);
    assert!(outcome.took >= secs(8) && outcome.took < secs(10), "{:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn calls_are_not_cut_by_the_time() {
    let mut bench = Bench::new();
    bench.options.timeout = Some(secs(5));
    bench.engine.delay("stop_container", secs(60));
    let mut steps = Steps::default();
    let started = steps.up("web", ContainerSpec::default(), &[]);
    steps.stop("web", &[started]);
    bench.run(&steps).await.unwrap();
    assert_eq!(bench.elapsed(), secs(60));
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_with_only_a_stop_left_is_acknowledged() {
    let bench = Bench::new();
    bench.engine.delay("stop_container", secs(6));
    let mut steps = Steps::default();
    steps.up("web", ContainerSpec::default(), &[]);
    bench.run(&steps).await.unwrap();
    let mut steps = Steps::default();
    steps.stop("web", &[]);
    let interrupt = bench.interrupt.clone();
    bench.later(secs(1), move |_| interrupt.cancel());
    let error = bench.run(&steps).await.unwrap_err();
    assert_eq!(bench.elapsed(), secs(6));
    assert_eq!(bench.recorder.with("interrupted"), ["interrupted [0]"]);
    let failure = Failure::from(error);
    assert_eq!(failure.kind.exit_code(), 130);
    assert_eq!(failure.error.to_string(), "interrupted: all 1 operations were done");
    assert_eq!(failure.hints, Vec::<String>::new());
}
