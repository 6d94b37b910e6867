//! The levels of a real container put together.

use std::time::Duration;

use vv::probe::{Check, Level, Outcome, check_service};
use vv::stack::Service;
use vv::stack::model::{Healthcheck, Test};
use vv::stack::vv::Probe;

use super::engine::{Cli, Container, docker};
use super::{PATIENCE, service, stack_of, until_ready};

async fn checks(service: &Service, container: &Container) -> Vec<Check> {
    let platform = Cli::of(&service.name, container);
    check_service(&stack_of(service), service, &platform, Level::Deep, PATIENCE).await
}

fn line(checks: &[Check]) -> String {
    let one = |check: &Check| format!("{} {:?}", check.name, check.outcome);
    checks.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn from_running_to_stopped() {
    let container = Container::start("levels", "redis:7.0", &["-p", "127.0.0.1::6379"], &[]);
    let redis = service("redis", &[6379], &[]);
    until_ready(&redis, &container).await;
    let all_well = checks(&redis, &container).await;
    assert_eq!(
        line(&all_well),
        "container Ok, port 6379 Ok, ping Ok, writes Ok, persistence Ok, replication Ok"
    );

    container.pause();
    let paused = checks(&redis, &container).await;
    docker(&["unpause", &container.name]);
    assert_eq!(
        line(&paused),
        "container Fail, port 6379 Skipped, ping Skipped, writes Skipped, persistence Skipped, replication Skipped"
    );
    assert_eq!(paused[0].detail, "paused: its processes are frozen");

    container.freeze();
    let frozen = checks(&redis, &container).await;
    assert_eq!(
        line(&frozen),
        "container Ok, port 6379 Ok, ping Fail, writes Skipped, persistence Skipped, replication Skipped"
    );
    docker(&["kill", "--signal", "CONT", &container.name]);

    docker(&["stop", "-t", "5", &container.name]);
    let stopped = checks(&redis, &container).await;
    assert_eq!(
        line(&stopped),
        "container Fail, port 6379 Skipped, ping Skipped, writes Skipped, persistence Skipped, replication Skipped"
    );
    assert_eq!(stopped[0].detail, "ended with 0, but should keep running");
    assert_eq!(stopped[0].hint.as_deref(), Some("vv start redis"));
}

#[tokio::test]
async fn a_healthcheck_that_the_engine_has_not_run_yet() {
    // The engine's first run comes after an hour.
    let container = Container::start(
        "health",
        "redis:7.0",
        &[
            "--health-cmd",
            "redis-cli ping | grep -q PONG",
            "--health-interval",
            "1h",
            "-p",
            "127.0.0.1::6379",
        ],
        &[],
    );
    let mut redis = service("redis", &[6379], &[]);
    redis.healthcheck = Some(Healthcheck {
        test: Some(Test::Shell("redis-cli ping | grep -q PONG".into())),
        interval: Some(Duration::from_secs(3600)),
        timeout: None,
        retries: None,
        start_period: None,
        start_interval: None,
    });
    until_ready(&redis, &container).await;
    let found = checks(&redis, &container).await;
    assert_eq!(
        line(&found),
        "container Ok, healthcheck Ok, port 6379 Ok, ping Ok, writes Ok, persistence Ok, replication Ok",
        "{found:?}"
    );
    assert_eq!(found[1].detail, "passes (the engine has no verdict yet)");

    redis.healthcheck.as_mut().unwrap().test = Some(Test::Shell("echo no luck; exit 3".to_owned()));
    let found = checks(&redis, &container).await;
    assert_eq!(
        line(&found),
        "container Ok, healthcheck Fail, port 6379 Skipped, ping Skipped, writes Skipped, persistence Skipped, replication Skipped"
    );
    assert_eq!(found[1].detail, "doesn't pass yet: the command exits with 3: no luck");
}

#[tokio::test]
async fn a_command_as_the_question() {
    let container = Container::start("exec", "busybox:1", &[], &["sleep", "300"]);
    let with = |command: &[&str]| {
        let mut service = service("worker", &[], &[]);
        service.vv.kind = None;
        service.vv.probe =
            Some(Probe::Exec { command: command.iter().map(|word| (*word).to_owned()).collect() });
        service
    };
    let passes = checks(&with(&["sh", "-c", "echo fine"]), &container).await;
    assert_eq!(line(&passes), "container Ok, command Ok");
    assert_eq!(passes[1].detail, "the command exits with 0: fine");
    let absent = checks(&with(&["no-such-command"]), &container).await;
    assert_eq!(absent[1].outcome, Outcome::Fail);
    assert!(absent[1].detail.starts_with("the command can't be run in the container"), "{absent:?}");
    let started = std::time::Instant::now();
    let slow = with(&["sleep", "60"]);
    let platform = Cli::of("worker", &container);
    let late =
        check_service(&stack_of(&slow), &slow, &platform, Level::Protocol, Duration::from_millis(800)).await;
    assert_eq!(late[1].detail, "the command doesn't end within 0.8 s");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_container_that_ended_badly() {
    let container = Container::start("ended", "busybox:1", &[], &["sh", "-c", "exit 7"]);
    docker(&["wait", &container.name]);
    let mut worker = service("worker", &[], &[]);
    worker.vv.kind = None;
    let ended = checks(&worker, &container).await;
    assert_eq!(line(&ended), "container Fail");
    assert_eq!(ended[0].detail, "ended with 7");
}
