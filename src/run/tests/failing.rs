//! The first failure.

use super::support::*;
use crate::engine::EngineError;
use crate::engine::memory::Behaviour;
use crate::failure::{Failure, Kind};
use crate::plan::images::ImageUse;
use crate::plan::operation::WaitCondition::Ready;
use crate::plan::spec::ContainerSpec;
use crate::probe::ProbeFailure;
use crate::run::RunError;
use crate::stack::model::{Port, PortRange, Protocol};

fn refused(attempt: &str) -> EngineError {
    EngineError::Refused { attempt: attempt.to_owned(), message: "no space left on device".to_owned() }
}

fn published(port: u16) -> ContainerSpec {
    let port = Port {
        target: 80,
        published: Some(PortRange { first: port, last: port }),
        host_ip: Some("127.0.0.1".to_owned()),
        protocol: Protocol::Tcp,
    };
    ContainerSpec { ports: vec![port], ..ContainerSpec::default() }
}

#[tokio::test(start_paused = true)]
async fn nothing_further_begins_and_what_is_under_way_ends() {
    let bench = Bench::new();
    bench
        .engine
        .fail_if(|kind, target| kind == "create_container" && target.contains("bad"), refused("create it"));
    bench.engine.delay_if(|kind, target| kind == "create_container" && target.contains("bad"), secs(1));
    bench.engine.delay_if(|kind, target| kind == "create_container" && target.contains("slow"), secs(3));
    bench.engine.add_remote_image("huge");
    bench.engine.delay("pull_image", secs(600));
    bench.ready.after.lock().unwrap().insert("fine".to_owned(), secs(600));
    let mut steps = Steps::default();
    let bad = steps.create(ContainerSpec::default(), "bad", &[]);
    steps.start("bad", &[bad]);
    let slow = steps.create(ContainerSpec::default(), "slow", &[]);
    steps.start("slow", &[slow]);
    let fine = steps.up("fine", ContainerSpec::default(), &[]);
    steps.wait("fine", Ready, &[fine]);
    steps.pull("huge", &[]);
    let error = bench.run(&steps).await.unwrap_err();
    // The slow call was left to end; the pull and the wait were given up.
    assert_eq!(bench.elapsed(), secs(3));
    assert_eq!(
        described(&error),
        "0: could not create shop-bad-1: could not create it: no space left on device"
    );
    assert_eq!(
        bench.recorder.with("cancelled"),
        ["cancelled 1", "cancelled 3", "cancelled 6", "cancelled 7"]
    );
    assert_eq!(bench.engine.count("start_container"), 1);
    let lines = bench.recorder.lines();
    assert_eq!(lines.last().map(String::as_str), Some("end"));
}

#[tokio::test(start_paused = true)]
async fn every_failure_is_told() {
    let bench = Bench::new();
    bench.engine.delay("create_container", secs(1));
    bench.engine.fail("create_container", 1, refused("create it"));
    let mut steps = Steps::default();
    steps.create(ContainerSpec::default(), "a", &[]);
    steps.create(ContainerSpec::default(), "b", &[]);
    let error = bench.run(&steps).await.unwrap_err();
    assert!(matches!(&error, RunError::Failed(failures) if failures.len() == 2));
    let failure = Failure::from(error);
    assert_eq!(failure.kind, Kind::Failed);
    assert_eq!(failure.error.to_string(), "could not create it: no space left on device (and 1 more, below)");
    assert_eq!(failure.details, ["could not create it: no space left on device"]);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_a_container_has_is_told_with_its_holder() {
    let bench = Bench::new();
    let mut steps = Steps::default();
    steps.up("web", published(8500), &[]);
    bench.run(&steps).await.unwrap();
    let mut steps = Steps::default();
    steps.up("other", published(8500), &[]);
    let error = bench.run(&steps).await.unwrap_err();
    insta::assert_snapshot!(described(&error), @r"
    1: could not start shop-other-1: could not start container shop-other-1: port 127.0.0.1:8500 is already in use
       hint: port 127.0.0.1:8500 is used by container shop-web-1 (project shop)
       hint: stop what uses it, or publish another port
    ");
}

#[tokio::test]
async fn a_port_that_a_process_has_is_told_with_its_holder() {
    let bench = Bench::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    bench.engine.occupy_port("127.0.0.1", port);
    let mut steps = Steps::default();
    steps.up("web", published(port), &[]);
    let error = bench.run(&steps).await.unwrap_err();
    let text = described(&error);
    assert!(text.contains(&format!("port 127.0.0.1:{port} is already in use")), "{text}");
    assert!(text.contains(&format!("(pid {})", std::process::id())), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_container_that_exits_becomes_a_failure_with_its_output() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour { logs: vec!["boom".to_owned()], ..Behaviour::exits(ms(5), 3) });
    let error = bench.run(&one(ContainerSpec::default(), Ready)).await.unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(failure.kind.exit_code(), 1);
    assert_eq!(failure.error.to_string(), "service web is not ready: shop-web-1 exited with code 3");
    assert_eq!(failure.details, ["the last output of shop-web-1:", "  boom"]);
    assert_eq!(failure.hints, ["`vv logs web` shows all of its output"]);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_goes_away_is_told_once() {
    let bench = Bench::new();
    bench.engine.die_after(1);
    let mut steps = Steps::default();
    for service in ["a", "b", "c"] {
        let started = steps.up(service, ContainerSpec::default(), &[]);
        steps.wait(service, Ready, &[started]);
    }
    let error = bench.run(&steps).await.unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(failure.kind.exit_code(), 4);
    assert_eq!(failure.error.to_string(), "the engine in memory is gone");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_goes_away_during_a_wait_ends_it() {
    let bench = Bench::new();
    bench.engine.script("web", Behaviour { never_healthy: true, ..Behaviour::default() });
    bench.later(secs(2), |engine| {
        engine.die_after(0);
        engine.cut_events();
    });
    let error = bench.run(&one(checked(), Ready)).await.unwrap_err();
    assert_eq!(Failure::from(error).kind.exit_code(), 4);
    assert!(bench.elapsed() < secs(8), "{:?}", bench.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_events_nothing_is_begun() {
    let bench = Bench::new();
    bench.engine.fail("events", 1, refused("listen to events"));
    let error = bench.run(&one(ContainerSpec::default(), Ready)).await.unwrap_err();
    assert!(matches!(error, RunError::Engine(_)));
    assert_eq!(bench.engine.mutations(), Vec::<String>::new());
    assert_eq!(bench.recorder.with("cancelled").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_build_that_fails_shows_its_last_lines() {
    let bench = Bench::new();
    let failed = EngineError::BuildFailed {
        attempt: "build own".to_owned(),
        step: "Step 3/9 : RUN make".to_owned(),
        message: "returned a non-zero code: 2".to_owned(),
        output: vec!["cc main.c".to_owned(), "main.c:1: error".to_owned()],
    };
    bench.engine.fail("build_image", 1, failed);
    let mut steps = Steps::default();
    steps.build("own", &[]);
    let failure = Failure::from(bench.run(&steps).await.unwrap_err());
    assert_eq!(
        failure.error.to_string(),
        "could not build own: Step 3/9 : RUN make: returned a non-zero code: 2"
    );
    assert_eq!(failure.details, ["the last output of this step:", "  cc main.c", "  main.c:1: error"]);
}

fn image_use(service: &str, variable: Option<&str>) -> ImageUse {
    let variable = variable.map(str::to_owned);
    ImageUse { services: vec![service.to_owned()], variable, built: false }
}

/// What is said of it, as main prints it.
fn told(error: RunError) -> String {
    let failure = Failure::from(error);
    let lines = std::iter::once(failure.error.to_string()).chain(failure.details.clone());
    lines.chain(failure.hints.iter().map(|hint| format!("hint: {hint}"))).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn all_images_that_cant_be_had_are_named_at_once() {
    let mut bench = Bench::new();
    bench.options.limits.pulls = 1;
    bench.options.images = [
        ("kafka:9".to_owned(), image_use("kafka", Some("KAFKA_IMAGE"))),
        ("kong:9".to_owned(), image_use("kong", Some("KONG_IMAGE"))),
        ("mine:1".to_owned(), image_use("mine", None)),
        ("ghcr.io/me/private:1".to_owned(), image_use("secret", None)),
    ]
    .into();
    for image in ["kafka:9", "kong:9"] {
        let attempt = format!("pull {image}");
        let error = EngineError::NotFound { attempt, message: "manifest unknown".to_owned() };
        bench.engine.fail_if(move |kind, target| kind == "pull_image" && target == image, error);
    }
    let attempt = "pull ghcr.io/me/private:1".to_owned();
    let denied = EngineError::Refused { attempt, message: "denied: requested access is denied".to_owned() };
    bench.engine.fail_if(|kind, target| kind == "pull_image" && target.contains("private"), denied);
    bench.engine.add_remote_image("huge");
    bench.engine.delay_if(|kind, target| kind == "pull_image" && target == "huge", secs(600));
    let mut steps = Steps::default();
    steps.pull("kafka:9", &[]);
    steps.pull("huge", &[]);
    steps.pull("kong:9", &[]);
    steps.pull("ghcr.io/me/private:1", &[]);
    steps.up("app", ContainerSpec::default(), &[]);
    let error = bench.run(&steps).await.unwrap_err();
    // The one that may come is waited for a moment only.
    assert_eq!(bench.elapsed(), secs(5));
    insta::assert_snapshot!(told(error), @"
    service kafka: could not pull kafka:9: manifest unknown (and 2 more, below)
    service kong: could not pull kong:9: manifest unknown
    service secret: could not pull ghcr.io/me/private:1: denied: requested access is denied
    hint: log in to its registry: `docker login ghcr.io`
    hint: set KAFKA_IMAGE, KONG_IMAGE to what can be had: in the environment, in .env, or in a file for --env-file
    hint: check the name under `image` of service secret, or add a `build` section to make it here
    ");
}

#[tokio::test(start_paused = true)]
async fn an_image_without_a_variable_says_what_to_change() {
    let mut bench = Bench::new();
    bench.options.images = [("mine:1".to_owned(), image_use("mine", None))].into();
    let attempt = "pull mine:1".to_owned();
    let error = EngineError::NotFound { attempt, message: "manifest unknown".to_owned() };
    bench.engine.fail_if(|kind, _| kind == "pull_image", error);
    let mut steps = Steps::default();
    steps.pull("mine:1", &[]);
    insta::assert_snapshot!(told(bench.run(&steps).await.unwrap_err()), @"
    service mine: could not pull mine:1: manifest unknown
    hint: check the name under `image` of service mine, or add a `build` section to make it here
    ");
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_what_is_wrong_shows_few_lines() {
    let bench = Bench::new();
    let logs = (1..=30).map(|line| format!("login {line} refused")).collect();
    bench.engine.script("web", Behaviour { logs, ..Behaviour::default() });
    bench.ready.after.lock().unwrap().insert("web".to_owned(), secs(600));
    let refused = ProbeFailure::lasting("refuses the password of user app");
    bench.ready.refusals.lock().unwrap().insert("web".to_owned(), (ms(0), refused));
    let error = bench.run(&one(ContainerSpec::default(), Ready)).await.unwrap_err();
    let text = described(&error);
    assert_eq!(text.matches("refused").count(), 5, "{text}");
    assert!(text.contains("login 30 refused"), "{text}");
}
