//! Explanations from made-up facts: a table of what can be wrong, each with its words.

use std::time::Duration;

use super::facts::{Facts, Refusal, ReplicaFacts, ServiceFacts};
use super::*;
use crate::platform::{HealthVerdict, LastEnd, Replica, ReplicaState, ReplicaStatus};
use crate::probe::{Check, Level, Outcome};
use crate::stack::testing::shop as stack;

fn replica(service: &str, state: ReplicaState) -> ReplicaFacts {
    let last_code = match state {
        ReplicaState::Exited { code, .. } => Some(code),
        _ => None,
    };
    let oom = matches!(state, ReplicaState::Exited { oom: true, .. });
    ReplicaFacts {
        status: ReplicaStatus {
            replica: Replica { service: service.to_owned(), number: 1 },
            state,
            health: None,
            restarts: 0,
            up_for: None,
            last_end: LastEnd::default(),
            start_error: None,
            name: format!("shop-{service}-1"),
            stub: false,
        },
        last_code,
        oom,
        error: None,
        port: None,
        health_output: None,
        logs: Vec::new(),
    }
}

fn check(service: &str, level: Level, name: &str, outcome: Outcome, detail: &str) -> Check {
    Check {
        replica: Replica { service: service.to_owned(), number: 1 },
        name: name.to_owned(),
        level,
        outcome,
        detail: detail.to_owned(),
        hint: (outcome == Outcome::Fail).then(|| format!("vv logs {service}")),
        took: Duration::ZERO,
    }
}

fn with(replica: ReplicaFacts, checks: Vec<Check>) -> ServiceFacts {
    ServiceFacts { replicas: vec![replica], checks, ..ServiceFacts::default() }
}

fn exited(service: &str, code: i64, logs: &[&str]) -> ServiceFacts {
    let mut replica = replica(service, ReplicaState::Exited { code, oom: false });
    replica.logs = logs.iter().map(ToString::to_string).collect();
    with(replica, vec![check(service, Level::Container, "container", Outcome::Fail, "ended")])
}

fn running(service: &str) -> ServiceFacts {
    with(replica(service, ReplicaState::Running), Vec::new())
}

/// One that runs and of which a check fails.
fn failing(service: &str, level: Level, name: &str, detail: &str) -> ServiceFacts {
    let mut facts = running(service);
    facts.checks.push(check(service, level, name, Outcome::Fail, detail));
    facts
}

/// One that the engine couldn't start.
fn not_started(service: &str, error: &str) -> ServiceFacts {
    let mut replica = replica(service, ReplicaState::Created);
    replica.error = Some(error.to_owned());
    with(replica, Vec::new())
}

/// All that is said of the stack's first service; the others are as given, or not there.
fn explained(text: &str, facts: Vec<(&str, ServiceFacts)>) -> String {
    let stack = stack(text);
    let mut all: Facts = stack.services.keys().map(|name| (name.clone(), ServiceFacts::default())).collect();
    all.extend(facts.into_iter().map(|(name, facts)| (name.to_owned(), facts)));
    let service = stack.services.values().next().unwrap();
    let explanation = explain(&stack, service, &all);
    let mut lines = vec![explanation.headline()];
    lines.extend(explanation.chain.iter().map(|step| format!("  {} {}", step.service, step.because)));
    if let Some(reason) = &explanation.reason {
        lines[0] = format!("[{:?}] {}", reason.cause, lines[0]);
        lines.extend(reason.evidence.iter().map(|line| format!("  {line}")));
    }
    lines.extend(explanation.notes.iter().map(|note| format!("  note: {note}")));
    lines.extend(explanation.reason.iter().map(|reason| format!("fix: {}", reason.fix)));
    lines.join("\n")
}

const ONE: &str = "services: {app: {image: app}}";

/// What is said of a lone service.
fn alone(facts: ServiceFacts) -> String {
    explained(ONE, vec![("app", facts)])
}

#[test]
fn a_service_by_itself() {
    let mut restarting = exited("app", 3, &["no route to the moon"]);
    restarting.replicas[0].status.state = ReplicaState::Restarting;
    restarting.replicas[0].status.restarts = 7;
    let mut oom = exited("app", 137, &["loading"]);
    oom.replicas[0].status.state = ReplicaState::Exited { code: 137, oom: true };
    let mut done = exited("app", 0, &[]);
    done.checks[0].outcome = Outcome::Ok;
    let missing = ServiceFacts {
        image_missing: Some("its image app isn't here".to_owned()),
        ..ServiceFacts::default()
    };
    let mut second = running("app");
    second.replicas.push(replica("app", ReplicaState::Paused));
    second.replicas[1].status.name = "shop-app-2".to_owned();
    let lines = [
        alone(running("app")),
        alone(done),
        alone(ServiceFacts::default()),
        explained("services: {app: {image: app, scale: 0}}", Vec::new()),
        alone(missing),
        alone(with(replica("app", ReplicaState::Created), Vec::new())),
        alone(with(replica("app", ReplicaState::Paused), Vec::new())),
        alone(with(replica("app", ReplicaState::Dead), Vec::new())),
        alone(second),
        alone(oom.clone()),
        explained("services: {app: {image: app, mem_limit: 64m}}", vec![("app", oom)]),
        alone(restarting),
        alone(exited("app", 1, &["starting", "FATAL: no such table", "bye"])),
        alone(exited("app", 1, &[])),
        alone(exited("app", 0, &["all done"])),
        alone(exited("app", 126, &["sh: ./run: Permission denied"])),
        alone(exited("app", 127, &["sh: nope: not found"])),
        alone(exited("app", 137, &[])),
        alone(exited("app", 139, &["loading the model"])),
        alone(exited("app", 143, &["error: nothing to do with it"])),
        alone(exited("app", 1, &["write /data/x: no space left on device", "closing"])),
    ];
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn a_container_that_the_engine_couldnt_start() {
    let mut taken =
        not_started("app", "driver failed …: Bind for 127.0.0.1:80 failed: port is already allocated");
    let mut free = taken.clone();
    taken.replicas[0].port = Some(("127.0.0.1:80".to_owned(), Some("process nginx (pid 812)".to_owned())));
    free.replicas[0].port = Some(("127.0.0.1:80".to_owned(), None));
    let oci = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";
    let lines = [
        alone(taken),
        alone(free),
        alone(not_started(
            "app",
            &format!("{oci}exec: \"nope\": executable file not found in $PATH: unknown"),
        )),
        alone(not_started("app", &format!("{oci}exec: \"./run\": permission denied: unknown"))),
        alone(not_started(
            "app",
            &format!(
                "{oci}error during container init: error mounting \"/w/x.conf\": not a directory: unknown"
            ),
        )),
        alone(not_started("app", "write /var/lib/docker/x: no space left on device")),
        alone(not_started("app", "exec format error")),
    ];
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn a_service_that_runs_and_doesnt_answer() {
    let mut unhealthy = failing(
        "app",
        Level::Healthcheck,
        "healthcheck",
        "unhealthy: the command exits with 1: the cache is cold",
    );
    unhealthy.replicas[0].status.health = Some(HealthVerdict::Unhealthy);
    unhealthy.replicas[0].health_output = Some("asking\nthe cache is cold".to_owned());
    let mut no_curl = failing(
        "app",
        Level::Healthcheck,
        "healthcheck",
        "doesn't pass yet: the command can't be run in the container",
    );
    no_curl.replicas[0].health_output = Some("/bin/sh: curl: not found".to_owned());
    let mut warned = running("app");
    warned.checks.push(check("app", Level::Container, "container", Outcome::Warn, "running, restarted once"));
    let lines = [
        alone(unhealthy),
        alone(no_curl),
        alone(failing("app", Level::Protocol, "GET /health", "GET /health: 503")),
        alone(warned),
    ];
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn the_way_to_the_one_at_fault() {
    let healthy = |name: &str| format!("depends_on: {{{name}: {{condition: service_healthy}}}}");
    let three = format!(
        "services: {{web: {{image: w, {}}}, api: {{image: a, {}}}, db: {{image: d}}}}",
        healthy("api"),
        healthy("db")
    );
    let crashed = || exited("db", 1, &["FATAL: bad magic"]);
    let job = "services: {app: {image: a, depends_on: {job: {condition: service_completed_successfully}}}, job: {image: j}}";
    let optional = "services: {app: {image: a, depends_on: {db: {condition: service_healthy, required: false}}}, db: {image: d}}";
    let linked = "services: {app: {image: a, environment: {BROKERS: 'kafka:9092,other:9092'}}, kafka: {image: k, environment: {BACK: 'http://app:80'}}}";
    let two = "services: {app: {image: a, depends_on: [db, cache]}, db: {image: d}, cache: {image: c}}";
    let lines = [
        explained(&three, vec![("db", crashed())]),
        explained(&three, vec![("db", running("db"))]),
        explained(&three, vec![("db", crashed()), ("web", running("web"))]),
        explained(
            &three,
            vec![
                ("db", crashed()),
                ("api", exited("api", 1, &["connection refused"])),
                ("web", failing("web", Level::Port, "port 80", "refuses")),
            ],
        ),
        explained(job, vec![("job", running("job"))]),
        explained(job, vec![("job", exited("job", 2, &["migration 7 failed"]))]),
        explained(optional, vec![("db", crashed())]),
        explained(
            linked,
            vec![
                ("app", exited("app", 1, &["no broker: connection refused"])),
                ("kafka", failing("kafka", Level::Protocol, "metadata", "advertises kafka:9092")),
            ],
        ),
        explained(two, vec![("cache", with(replica("cache", ReplicaState::Paused), Vec::new()))]),
    ];
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn logins_that_are_refused() {
    let text = "services: {app: {image: a, environment: {DATABASE_URL: 'postgres://u:p@db/x'}}, db: {image: 'postgres:15'}}";
    let refusal = |as_declared, password| Refusal {
        variable: "DATABASE_URL".to_owned(),
        by: "db".to_owned(),
        detail: if password {
            "refuses the password of user u".to_owned()
        } else {
            "has no database x".to_owned()
        },
        hint: Some("set POSTGRES_PASSWORD back".to_owned()),
        as_declared,
        password,
    };
    let refused = |mut facts: ServiceFacts, refusal| {
        facts.refused.push(refusal);
        vec![("app", facts), ("db", running("db"))]
    };
    let lines = [
        explained(text, refused(running("app"), refusal(false, true))),
        explained(text, refused(exited("app", 1, &["password authentication failed"]), refusal(true, true))),
        // It may make the database itself, as long as it runs.
        explained(text, refused(running("app"), refusal(false, false))),
        explained(text, refused(exited("app", 1, &["no database"]), refusal(false, false))),
    ];
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn logins_in_the_environment() {
    let text = "services:
  app:
    image: a
    environment:
      A_URL: postgres://app:p%40ss@db:5432/shop?sslmode=disable
      B_URL: postgresql+asyncpg://db/shop
      C_URL: jdbc:postgresql://db:5432/shop
      C_USERNAME: spring
      C_PASSWORD: secret1
      D_HOST: db
      D_USER: split
      D_PASS: secret2
      D_NAME: other
      PGHOST: db
      PGUSER: pg
      PGPASSWORD: secret3
      E_URL: redis://:secret4@cache:6379/2
      F_URL: amqp://mq:secret5@queue/%2F
      G_URL: postgres://app:x@elsewhere/shop
      H_URL: redis://:x@db
      I: not a url
      KAFKA: queue:9092
  db: {image: 'postgres:15', container_name: the-db}
  cache: {image: 'redis:7'}
  queue: {image: 'rabbitmq:3'}
";
    let stack = stack(text);
    let app = &stack.services["app"];
    let found = logins(&stack, app);
    assert_eq!(found[0].password, "p@ss");
    let shown = format!("{found:#?}\n{:?}", links(&stack, app));
    assert!(!shown.contains("secret") && !shown.contains("p@ss"), "{shown}");
    insta::assert_snapshot!(shown);
}
