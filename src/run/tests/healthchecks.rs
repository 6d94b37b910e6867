//! Healthchecks, as vv runs them itself.

use super::support::*;
use crate::engine::memory::{Behaviour, ExecScript};
use crate::engine::{ContainerEventKind, Engine as _, EngineError};
use crate::plan::observed::Health;
use crate::plan::operation::Operation;
use crate::plan::operation::WaitCondition::{self, Healthy, Ready};
use crate::plan::spec::ContainerSpec;

#[tokio::test(start_paused = true)]
async fn a_check_that_passes_at_once_costs_no_interval() {
    let bench = Bench::new();
    let outcome = bench.run(&one(checked(), Healthy)).await.unwrap();
    assert!(outcome.took < ms(50), "{:?}", outcome.took);
    assert_eq!(bench.engine.count("exec"), 1);
    assert_eq!(bench.engine.count("inspect"), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_repeated_after_growing_pauses() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::healthy_after(secs(5)));
    let outcome = bench.run(&one(checked(), Healthy)).await.unwrap();
    let calls = bench.engine.calls();
    let times: Vec<u128> =
        calls.iter().filter(|call| call.kind == "exec").map(|call| call.begun.as_millis()).collect();
    assert_eq!(times, [0, 50, 130, 258, 463, 791, 1316, 2155, 3155, 4155, 5155]);
    assert_eq!(outcome.took, ms(5155));
}

#[tokio::test(start_paused = true)]
async fn a_slow_check_is_repeated_no_more_often_than_it_takes() {
    let bench = Bench::new();
    let behaviour = Behaviour { test_takes: secs(2), ..Behaviour::healthy_after(secs(7)) };
    bench.engine.script("web", behaviour);
    bench.run(&one(checked(), Healthy)).await.unwrap();
    let calls = bench.engine.calls();
    let times: Vec<u64> =
        calls.iter().filter(|call| call.kind == "exec").map(|call| call.begun.as_secs()).collect();
    assert_eq!(times, [0, 4, 8]);
    assert_eq!(bench.engine.most_execs_at_once("shop-web-1"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_it_says_is_shown() {
    let bench = Bench::new();
    let behaviour = Behaviour {
        test_output: "\u{1b}[31mfirst\u{1b}[0m\nconnection refused\u{7}".to_owned(),
        ..Behaviour::healthy_after(ms(40))
    };
    bench.engine.script("web", behaviour);
    bench.run(&one(checked(), Healthy)).await.unwrap();
    assert_eq!(bench.recorder.with("progress"), ["progress 2 health: connection refused"]);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_is_not_run_beside_itself() {
    let bench = Bench::new();
    let behaviour = Behaviour { test_takes: secs(12), ..Behaviour::healthy_after(secs(20)) };
    bench.engine.script("web", behaviour);
    // The engine gives up on it every 5 s, and says unhealthy only after three intervals of a minute.
    bench.later(secs(60), |engine| engine.script("web", Behaviour::default()));
    let outcome = bench.run(&one(checked_every(secs(60)), Healthy)).await.unwrap();
    let calls = bench.engine.calls();
    let times: Vec<u64> =
        calls.iter().filter(|call| call.kind == "exec").map(|call| call.begun.as_secs()).collect();
    assert_eq!(times, [0, 17, 34, 51, 68]);
    assert_eq!(bench.engine.most_execs_at_once("shop-web-1"), 1);
    assert_eq!(outcome.took, secs(68));
    assert_eq!(bench.recorder.with("progress"), ["progress 2 health: its test doesn't end within 5s"]);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_never_ends_fails_with_the_engines_verdict() {
    let bench = Bench::new();
    let behaviour = Behaviour { test_takes: secs(100_000), ..Behaviour::default() };
    bench.engine.script("web", behaviour);
    let error = bench.run(&one(checked(), Healthy)).await.unwrap_err();
    assert_eq!(bench.engine.count("exec"), 1);
    insta::assert_snapshot!(described(&error), @r"
    2: could not wait until web is healthy: shop-web-1 is unhealthy: its test doesn't end within 5s
       hint: `vv logs web` shows all of its output
    ");
    assert_eq!(bench.elapsed(), secs(105));
}

#[tokio::test(start_paused = true)]
async fn its_own_failures_never_mean_unhealthy() {
    let bench = Bench::new();
    // Many runs of vv's own fail; the engine's first run comes after ten minutes and passes.
    bench.engine.script("web", Behaviour::healthy_after(secs(300)));
    let outcome = bench.run(&one(checked_every(secs(600)), Healthy)).await.unwrap();
    assert!(bench.engine.count("exec") > 250);
    assert!(outcome.took >= secs(300) && outcome.took < secs(302), "{:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn the_engines_own_verdict_is_enough() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour { never_healthy: true, ..Behaviour::default() });
    bench.later(secs(3), |engine| engine.set_health("shop-web-1", Health::Healthy));
    let outcome = bench.run(&one(checked(), Healthy)).await.unwrap();
    assert_eq!(outcome.took, secs(3));
}

#[tokio::test(start_paused = true)]
async fn unhealthy_ends_the_wait_after_one_more_run() {
    let bench = Bench::new();
    let behaviour = Behaviour {
        never_healthy: true,
        test_output: "no such table".to_owned(),
        logs: vec!["listening".to_owned(), "migration failed".to_owned()],
        ..Behaviour::default()
    };
    bench.engine.script("web", behaviour);
    let error = bench.run(&one(checked_every(secs(2)), Healthy)).await.unwrap_err();
    // Three of the engine's runs, the first after an interval.
    assert_eq!(bench.elapsed(), secs(6));
    insta::assert_snapshot!(described(&error), @r"
    2: could not wait until web is healthy: shop-web-1 is unhealthy: no such table
       | listening
       | migration failed
       hint: `vv logs web` shows all of its output
    ");
}

#[tokio::test(start_paused = true)]
async fn unhealthy_counts_for_nothing_when_a_run_passes_then() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::healthy_after(ms(900)));
    bench.later(secs(1), |engine| engine.set_health("shop-web-1", Health::Unhealthy));
    bench.run(&one(checked(), Healthy)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_verdict_that_is_in_needs_no_run() {
    let bench = Bench::new();
    bench.run(&one(checked(), Healthy)).await.unwrap();
    bench.engine.set_health("shop-web-1", Health::Healthy);
    bench.engine.forget_calls();
    let mut steps = Steps::default();
    steps.wait("web", Ready, &[]);
    bench.run(&steps).await.unwrap();
    let calls: Vec<String> = bench.engine.calls().iter().map(ToString::to_string).collect();
    assert_eq!(calls, ["events shop", "inspect shop-web-1"]);
}

#[tokio::test(start_paused = true)]
async fn an_old_verdict_ends_the_wait_where_nothing_changes() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour { never_healthy: true, ..Behaviour::healthy_after(secs(0)) });
    let mut steps = Steps::default();
    steps.up("web", checked(), &[]);
    bench.run(&steps).await.unwrap();
    bench.engine.set_health("shop-web-1", Health::Unhealthy);
    let before = bench.elapsed();
    let mut steps = Steps::default();
    steps.wait("web", Ready, &[]);
    let error = bench.run(&steps).await.unwrap_err();
    assert!(described(&error).contains("shop-web-1 is unhealthy"), "{}", described(&error));
    assert_eq!(bench.elapsed(), before);
}

#[tokio::test(start_paused = true)]
async fn an_old_verdict_gets_a_chance_where_something_comes_up() {
    let bench = Bench::new();
    // Unhealthy since its database was stopped; the database takes 20 s to come up again.
    let mut steps = Steps::default();
    steps.up("web", checked(), &[]);
    bench.run(&steps).await.unwrap();
    bench.engine.script("web", Behaviour::healthy_after(secs(22)));
    bench.engine.script("db", Behaviour::healthy_after(secs(20)));
    bench.engine.set_health("shop-web-1", Health::Unhealthy);
    let mut steps = Steps::default();
    let db = steps.up("db", checked_every(secs(600)), &[]);
    steps.wait("db", Ready, &[db]);
    steps.wait("web", Ready, &[]);
    let outcome = bench.run(&steps).await.unwrap();
    assert!(outcome.took >= secs(22) && outcome.took < secs(24), "{:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_for_a_container_share_its_check() {
    let bench = Bench::new();
    bench.engine.script("db", Behaviour::healthy_after(ms(40)));
    let mut steps = Steps::default();
    let db = steps.up("db", checked(), &[]);
    for _ in 0..5 {
        steps.wait("db", Healthy, &[db]);
        steps.wait("db", Ready, &[db]);
    }
    bench.run(&steps).await.unwrap();
    assert_eq!(bench.engine.count("inspect"), 1);
    assert_eq!(bench.engine.count("exec"), 2);
    assert_eq!(bench.ready.asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_healthcheck_of_the_image_counts() {
    use crate::engine::ActiveHealthcheck;
    use crate::stack::model::Test;
    let bench = Bench::new();
    let image_healthcheck = Some(ActiveHealthcheck {
        test: Test::Cmd(vec!["probe".to_owned()]),
        shell: Vec::new(),
        timeout: secs(5),
        interval: secs(30),
        retries: 3,
        start_period: secs(0),
    });
    bench.engine.script("web", Behaviour { image_healthcheck, ..Behaviour::healthy_after(ms(60)) });
    bench.run(&one(ContainerSpec::default(), Healthy)).await.unwrap();
    assert_eq!(bench.engine.count("exec"), 3);
}

#[tokio::test(start_paused = true)]
async fn without_any_healthcheck_nothing_becomes_healthy() {
    let bench = Bench::new();
    let error = bench.run(&one(ContainerSpec::default(), Healthy)).await.unwrap_err();
    insta::assert_snapshot!(described(&error), @r"
    2: could not wait until web is healthy: shop-web-1 has no healthcheck, in the stack or in its image, and can't become healthy
       hint: give it a healthcheck, or depend on it with condition: service_started
    ");

    let bench = Bench::new();
    let mut spec = checked();
    spec.healthcheck.as_mut().unwrap().test = Some(crate::stack::model::Test::None);
    bench.run(&one(spec, Healthy)).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn an_exec_that_the_engine_refuses_is_a_run_that_failed() {
    let bench = Bench::new();
    let refused = EngineError::Refused {
        attempt: "run a command".to_owned(),
        message: "runc: no such file".to_owned(),
    };
    bench.engine.fail("exec", 1, refused);
    bench.later(secs(2), |engine| engine.set_health("shop-web-1", Health::Healthy));
    bench.run(&one(checked(), Healthy)).await.unwrap();
    assert_eq!(
        bench.recorder.with("progress"),
        ["progress 2 health: could not run a command: runc: no such file"]
    );
}

#[tokio::test(start_paused = true)]
async fn late_news_of_an_earlier_run_changes_nothing() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour::healthy_after(secs(1)));
    bench.later(ms(500), |engine| engine.send_event("shop-web-1", ContainerEventKind::Died(143)));
    bench.run(&one(checked(), Healthy)).await.unwrap();
    assert_eq!(bench.engine.count("inspect"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_broken_event_stream_is_opened_again() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour { never_healthy: true, ..Behaviour::default() });
    bench.later(secs(1), |engine| engine.cut_events());
    // Told while nobody listens: it is seen by looking again.
    bench.later(ms(1020), |engine| engine.set_health("shop-web-1", Health::Healthy));
    let outcome = bench.run(&one(checked(), Healthy)).await.unwrap();
    assert_eq!(outcome.took, ms(1050));
    assert_eq!(bench.engine.count("events"), 2);
}

#[tokio::test(start_paused = true)]
async fn other_commands_are_no_business_of_the_check() {
    let bench = Bench::new();
    let commands = [("/bin/sh -c check".to_owned(), ExecScript { code: 0, ..ExecScript::default() })];
    let behaviour = Behaviour { commands: commands.into(), never_healthy: true, ..Behaviour::default() };
    bench.engine.script("web", behaviour);
    // The command line is the image's shell's, with the test as one word.
    bench.run(&one(checked(), WaitCondition::Healthy)).await.unwrap();
}

/// A container whose shell hasn't the test's program.
fn lacking() -> Behaviour {
    let script =
        ExecScript { code: 127, output: "/bin/sh: check: not found\n".to_owned(), ..Default::default() };
    Behaviour { commands: [("/bin/sh -c check".to_owned(), script)].into(), ..Behaviour::default() }
}

#[tokio::test(start_paused = true)]
async fn a_check_whose_program_is_missing_ends_the_wait_early() {
    let bench = Bench::new();
    bench.engine.script("web", lacking());
    let error = bench.run(&one(checked_every(secs(600)), Healthy)).await.unwrap_err();
    assert!(bench.elapsed() >= secs(5) && bench.elapsed() < secs(8), "{:?}", bench.elapsed());
    insta::assert_snapshot!(described(&error), @"
    2: could not wait until web is healthy: shop-web-1 won't become ready: its healthcheck can't be run: /bin/sh: check: not found
       hint: let the healthcheck name a command that the image has; one that is installed first needs a start_period
       hint: `vv logs web` shows all of its output
    ");
}

#[tokio::test(start_paused = true)]
async fn a_program_may_be_installed_in_the_start_period() {
    let mut bench = Bench::new();
    bench.options.timeout = Some(secs(30));
    bench.engine.script("web", lacking());
    let mut spec = checked_every(secs(600));
    spec.healthcheck.as_mut().unwrap().start_period = Some(secs(60));
    let error = bench.run(&one(spec, Healthy)).await.unwrap_err();
    assert!(described(&error).contains("isn't ready after 30s: health: /bin/sh: check: not found"));
    assert_eq!(bench.elapsed(), secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_paused_meanwhile_ends_the_wait() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour { never_healthy: true, ..Behaviour::default() });
    bench.later(secs(2), |engine| engine.pause("shop-web-1"));
    let error = bench.run(&one(checked_every(secs(600)), Healthy)).await.unwrap_err();
    assert_eq!(bench.elapsed(), secs(2));
    insta::assert_snapshot!(described(&error), @"
    2: could not wait until web is healthy: shop-web-1 is paused
       hint: `docker unpause shop-web-1` lets it go on
    ");
}

#[tokio::test(start_paused = true)]
async fn the_engine_s_ids_are_names_in_what_is_said() {
    let bench = Bench::new();
    let attempt = "run a command in container".to_owned();
    let mut steps = Steps::default();
    steps.up("web", checked(), &[]);
    bench.run(&steps).await.unwrap();
    let id = bench.engine.inspect("shop-web-1").await.unwrap().id;
    let error = EngineError::Conflict { attempt, message: format!("Container {id} is paused") };
    bench.engine.fail("exec", 1, error);
    let mut steps = Steps::default();
    steps.wait("web", Healthy, &[]);
    bench.run(&steps).await.unwrap();
    let said = bench.recorder.with("progress").join(" ");
    assert!(said.contains("Container shop-web-1 is paused") && !said.contains(&id), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_another_vv_left_behind_is_not_run_beside() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour { test_takes: secs(40), ..Behaviour::default() });
    let plan = one(checked_every(secs(60)), Healthy);
    let mut hasty = Bench::new();
    hasty.engine = bench.engine.clone();
    hasty.options.timeout = Some(secs(2));
    hasty.run(&plan).await.unwrap_err();
    // The container runs by now, and so does the test that nobody listens to.
    bench.later(secs(20), |engine| engine.script("web", Behaviour::default()));
    let waiting = Steps { operations: vec![Operation { after: Vec::new(), ..plan.operations[2].clone() }] };
    let outcome = bench.run(&waiting).await.unwrap();
    assert_eq!(bench.engine.most_execs_at_once("shop-web-1"), 1);
    assert!(outcome.took > secs(37) && outcome.took < secs(44), "{:?}", outcome.took);
    assert_eq!(
        bench.recorder.with("progress")[0],
        "progress 0 health: a run of its test that was begun before still goes on"
    );
}
