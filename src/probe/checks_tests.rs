use std::net::SocketAddr;

use super::*;
use crate::platform::{ExecResult, HealthVerdict, PlatformError};
use crate::probe::testing::{
    BRIEF, Fake, PATIENCE, closing, page, service, silent, stack_of, status, system,
};
use crate::stack::model::{Healthcheck, Test};

/// The checks of a service, a line each, with addresses blotted out.
async fn lines(subject: &Service, platform: &dyn Platform, depth: Level, patience: Duration) -> String {
    let checks = check_service(&stack_of([subject.clone()]), subject, platform, depth, patience).await;
    let lines: Vec<String> = checks
        .iter()
        .map(|check| {
            let hint = check.hint.as_ref().map(|hint| format!(" -> {hint}")).unwrap_or_default();
            let (number, name) = (check.replica.number, &check.name);
            format!("{number} {:?}/{name}: {:?}: {}{hint}", check.level, check.outcome, check.detail)
        })
        .collect();
    regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap().replace_all(&lines.join("\n"), "ADDRESS").into_owned()
}

async fn all(subject: &Service, platform: &dyn Platform) -> String {
    lines(subject, platform, Level::Protocol, PATIENCE).await
}

fn checked(mut subject: Service, test: Test) -> Service {
    let unset = None::<Duration>;
    subject.healthcheck = Some(Healthcheck {
        test: Some(test),
        interval: unset,
        timeout: unset,
        retries: None,
        start_period: unset,
        start_interval: unset,
    });
    subject
}

fn with_health(name: &str, health: HealthVerdict) -> ReplicaStatus {
    ReplicaStatus { health: Some(health), ..status(name, 1) }
}

async fn leader() -> SocketAddr {
    page(200, "", "\"172.18.0.2:8300\"").await
}

#[tokio::test]
async fn from_the_bottom_up() {
    let consul = checked(system("consul", 8500), Test::Shell("consul members".into()));
    let platform = Fake::default().with(with_health("consul", HealthVerdict::Healthy)).published(
        "consul",
        8500,
        leader().await,
    );
    insta::assert_snapshot!(all(&consul, &platform).await, @r"
    1 Container/container: Ok: running
    1 Healthcheck/healthcheck: Ok: healthy
    1 Port/port 8500: Ok: ADDRESS accepts
    1 Protocol/leader: Ok: the leader is 172.18.0.2:8300
    ");
    insta::assert_snapshot!(lines(&consul, &platform, Level::Container, PATIENCE).await, @"1 Container/container: Ok: running");
}

#[tokio::test]
async fn what_stands_on_a_failure_is_skipped() {
    let consul = checked(system("consul", 8500), Test::Shell("consul members".into()));
    let mut down = status("consul", 1);
    down.state = ReplicaState::Exited { code: 1, oom: false };
    insta::assert_snapshot!(all(&consul, &Fake::default().with(down)).await, @r"
    1 Container/container: Fail: ended with 1 -> vv logs consul shows why; vv start consul starts it again
    1 Healthcheck/healthcheck: Skipped: not asked: container failed
    1 Port/port 8500: Skipped: not asked: container failed
    1 Protocol/leader: Skipped: not asked: container failed
    ");

    let platform = Fake::default().with(status("consul", 1)).published("consul", 8500, closing().await);
    insta::assert_snapshot!(all(&system("consul", 8500), &platform).await, @r"
    1 Container/container: Ok: running
    1 Port/port 8500: Fail: ADDRESS accepts and closes at once: nothing answers on port 8500 in the container -> vv logs consul
    1 Protocol/leader: Skipped: not asked: port 8500 failed
    ");
}

#[tokio::test]
async fn no_container_and_too_few() {
    let mut consul = system("consul", 8500);
    insta::assert_snapshot!(all(&consul, &Fake::default()).await, @"0 Container/container: Fail: not running: there is no container -> start it with vv start consul");
    consul.replicas = 0;
    insta::assert_snapshot!(all(&consul, &Fake::default()).await, @"0 Container/container: Skipped: no replica is wanted");
    consul.replicas = 3;
    let platform = Fake::default().with(status("consul", 1)).with(status("consul", 2));
    insta::assert_snapshot!(lines(&consul, &platform, Level::Container, PATIENCE).await, @r"
    0 Container/container: Warn: 2 of 3 replicas are there -> vv start consul
    1 Container/container: Ok: running
    2 Container/container: Ok: running
    ");
}

#[tokio::test]
async fn a_finished_job_is_asked_nothing_more() {
    let mut done = status("migrate", 1);
    done.state = ReplicaState::Exited { code: 0, oom: false };
    let mut job = service("migrate", &[], &[]);
    let stopped = all(&job, &Fake::default().with(done.clone())).await;
    insta::assert_snapshot!(stopped, @"1 Container/container: Warn: ended with 0, and nobody waits for its end -> vv start migrate starts it again; x-vv.kind: job says that it is meant to end");
    job.vv.kind = Some("job".into());
    insta::assert_snapshot!(all(&job, &Fake::default().with(done)).await, @"1 Container/container: Ok: done: it ended with 0");
}

#[tokio::test]
async fn an_unknown_service_is_asked_for_its_port() {
    let subject = service("api", &[8080], &[]);
    let dead = Fake::default().with(status("api", 1)).published("api", 8080, closing().await);
    insta::assert_snapshot!(all(&subject, &dead).await, @r"
    1 Container/container: Ok: running
    1 Port/port 8080: Warn: ADDRESS accepts and closes at once: nothing answers on port 8080 in the container -> nothing listens on port 8080 in the container: is the application's port another one, or does it listen on 127.0.0.1 only?
    ");
    let promised = service("api", &[8080], &[("http", 8080)]);
    insta::assert_snapshot!(all(&promised, &dead).await, @r"
    1 Container/container: Ok: running
    1 Port/port 8080: Fail: ADDRESS accepts and closes at once: nothing answers on port 8080 in the container -> vv logs api
    ");
    let alive = Fake::default().with(status("api", 1)).published("api", 8080, silent().await);
    insta::assert_snapshot!(all(&promised, &alive).await, @r"
    1 Container/container: Ok: running
    1 Port/port 8080: Ok: ADDRESS accepts
    ");
    insta::assert_snapshot!(all(&promised, &Fake::default().with(status("api", 1))).await, @r"
    1 Container/container: Ok: running
    1 Port/port 8080: Skipped: not asked: port 8080 isn't published
    ");
    insta::assert_snapshot!(all(&service("worker", &[], &[]), &Fake::default().with(status("worker", 1))).await, @"1 Container/container: Ok: running");
}

#[tokio::test]
async fn the_healthcheck_is_run_where_the_verdict_is_not_good() {
    let subject = checked(service("api", &[], &[]), Test::Cmd(vec!["probe".into()]));
    let mut report = Vec::new();
    for verdict in [HealthVerdict::Starting, HealthVerdict::Healthy, HealthVerdict::Unhealthy] {
        for code in [0, 1] {
            let platform =
                Fake::default().with(with_health("api", verdict)).command("probe", code, "said so\n");
            let all = all(&subject, &platform).await;
            report.push(format!("{verdict:?} {code}: {}", all.lines().last().unwrap()));
        }
    }
    // The image's own test isn't known here.
    for verdict in [HealthVerdict::Starting, HealthVerdict::Unhealthy] {
        let all = all(&service("api", &[], &[]), &Fake::default().with(with_health("api", verdict))).await;
        report.push(format!("{verdict:?}, image's: {}", all.lines().last().unwrap()));
    }
    let consul = system("consul", 8500);
    let platform = Fake::default().with(with_health("consul", HealthVerdict::Starting)).published(
        "consul",
        8500,
        leader().await,
    );
    report.push(all(&consul, &platform).await);
    insta::assert_snapshot!(report.join("\n"), @r"
    Starting 0: 1 Healthcheck/healthcheck: Ok: passes (the engine has no verdict yet)
    Starting 1: 1 Healthcheck/healthcheck: Fail: doesn't pass yet: the command exits with 1: said so -> vv logs api
    Healthy 0: 1 Healthcheck/healthcheck: Ok: healthy
    Healthy 1: 1 Healthcheck/healthcheck: Ok: healthy
    Unhealthy 0: 1 Healthcheck/healthcheck: Warn: passes now, but the engine's last runs failed -> is its timeout or its number of retries too small? vv logs api
    Unhealthy 1: 1 Healthcheck/healthcheck: Fail: unhealthy: the command exits with 1: said so -> vv logs api
    Starting, image's: 1 Healthcheck/healthcheck: Warn: the engine has no verdict yet -> ask again later, or look at vv logs api
    Unhealthy, image's: 1 Healthcheck/healthcheck: Fail: unhealthy -> vv logs api
    1 Container/container: Ok: running
    1 Healthcheck/healthcheck: Skipped: the engine has no verdict yet
    1 Port/port 8500: Ok: ADDRESS accepts
    1 Protocol/leader: Ok: the leader is 172.18.0.2:8300
    ");
}

#[tokio::test]
async fn a_test_that_could_not_be_run_to_its_end_says_nothing() {
    let mut subject = checked(service("api", &[], &[]), Test::Cmd(vec!["probe".into()]));
    let mut report = Vec::new();
    for verdict in [HealthVerdict::Starting, HealthVerdict::Unhealthy] {
        for own in [None, Some(BRIEF)] {
            subject.healthcheck.as_mut().unwrap().timeout = own;
            for error in [PlatformError::Timeout(BRIEF), PlatformError::Other("the engine is busy".into())] {
                let platform =
                    Fake::default().with(with_health("api", verdict)).broken_command("probe", error.clone());
                let all = all(&subject, &platform).await;
                report.push(format!("{verdict:?}, {own:?}, {error}: {}", all.lines().last().unwrap()));
            }
        }
    }
    insta::assert_snapshot!(report.join("\n"), @r"
    Starting, None, no answer within 300ms: 1 Healthcheck/healthcheck: Warn: the engine has no verdict yet -> ask again later, or look at vv logs api
    Starting, None, the engine is busy: 1 Healthcheck/healthcheck: Warn: the engine has no verdict yet -> ask again later, or look at vv logs api
    Starting, Some(300ms), no answer within 300ms: 1 Healthcheck/healthcheck: Fail: doesn't pass yet: the command doesn't end within 300 ms -> vv logs api
    Starting, Some(300ms), the engine is busy: 1 Healthcheck/healthcheck: Warn: the engine has no verdict yet -> ask again later, or look at vv logs api
    Unhealthy, None, no answer within 300ms: 1 Healthcheck/healthcheck: Fail: unhealthy -> vv logs api
    Unhealthy, None, the engine is busy: 1 Healthcheck/healthcheck: Fail: unhealthy -> vv logs api
    Unhealthy, Some(300ms), no answer within 300ms: 1 Healthcheck/healthcheck: Fail: unhealthy: the command doesn't end within 300 ms -> vv logs api
    Unhealthy, Some(300ms), the engine is busy: 1 Healthcheck/healthcheck: Fail: unhealthy -> vv logs api
    ");
}

#[tokio::test]
async fn a_healthcheck_shows_no_secret() {
    let mut subject = checked(service("api", &[], &[]), Test::Cmd(vec!["probe".into()]));
    subject.environment.insert("DB_PASSWORD".into(), Some("hunter22".into()));
    let platform = Fake::default().with(with_health("api", HealthVerdict::Starting)).command(
        "probe",
        1,
        "no entry for hunter22",
    );
    let told = all(&subject, &platform).await;
    assert!(!told.contains("hunter22"), "{told}");
    assert!(told.contains("no entry for •••"), "{told}");
}

#[tokio::test]
async fn a_stub_is_called_one() {
    let stub = ReplicaStatus { stub: true, ..with_health("service", HealthVerdict::Starting) };
    let platform = Fake::default().with(stub).published("service", 8001, page(200, "", "{}").await);
    insta::assert_snapshot!(all(&system("service", 8001), &platform).await, @r"
    1 Container/container: Ok: running (stub)
    1 Healthcheck/healthcheck: Skipped: the engine has no verdict yet
    1 Port/port 8001: Ok: ADDRESS accepts
    1 Protocol/GET /health: Ok: GET /health: 200 (stub)
    ");
}

#[tokio::test]
async fn replicas_and_services_are_asked_at_once() {
    let mut subject = system("consul", 8500);
    subject.replicas = 8;
    let address = silent().await;
    let platform = (1..=8)
        .fold(Fake::default(), |fake, number| fake.with(status("consul", number)))
        .published("consul", 8500, address);
    let started = Instant::now();
    let told = lines(&subject, &platform, Level::Protocol, BRIEF).await;
    assert!(started.elapsed() < BRIEF * 4, "{:?}", started.elapsed());
    assert_eq!(told.matches("says nothing within 300 ms").count(), 8, "{told}");
}

/// A platform that never answers.
struct Stuck;

#[async_trait::async_trait]
impl Platform for Stuck {
    async fn replicas(&self, _: &str) -> Result<Vec<ReplicaStatus>, PlatformError> {
        std::future::pending().await
    }
    async fn reach(&self, _: &Replica, _: u16) -> Result<crate::platform::Endpoint, PlatformError> {
        std::future::pending().await
    }
    async fn exec(&self, _: &Replica, _: &[String], _: Duration) -> Result<ExecResult, PlatformError> {
        std::future::pending().await
    }
    async fn last_logs(&self, _: &Replica, _: usize) -> Result<Vec<String>, PlatformError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_a_failure_in_time() {
    let consul = system("consul", 8500);
    insta::assert_snapshot!(lines(&consul, &Stuck, Level::Deep, BRIEF).await, @"0 Container/container: Fail: the engine doesn't answer within 3 s -> is the engine overloaded?");
    let one = status("consul", 1);
    let failure = protocol(&stack_of([consul.clone()]), &consul, &Stuck, &one, BRIEF).await.unwrap_err();
    assert_eq!(failure.detail, "the engine didn't say within 300 ms where port 8500 answers");
}
