//! A platform that is well is called well, however busy the machine is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::kafka::broker;
use crate::support::{BUSYBOX, Project, free_port};

/// How often it is asked where `VV_HEALTH_RUNS` doesn't say.
const RUNS: usize = 20;

/// A system of every protocol that is asked deeply, and a plain service with a healthcheck.
fn stack() -> String {
    let port = free_port();
    let kafka = broker(port, &format!("localhost:{port}"), "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: 1");
    format!(
        "services:
  web:
    image: {BUSYBOX}
    stop_grace_period: 0s
    command: [sh, -c, 'mkdir -p /tmp/w; echo fine >/tmp/w/health; exec httpd -f -p 8080 -h /tmp/w']
    ports: ['127.0.0.1::8080']
    healthcheck: {{test: [CMD, wget, -qO-, 'http://127.0.0.1:8080/health'], interval: 2s}}
    x-vv: {{probe: {{http: {{port: 8080, path: /health}}}}}}
  gateway:
    image: localhost/vv-parts/nginx:1.22
    stop_grace_period: 0s
    expose: ['80']
  redis:
    image: localhost/vv-parts/redis:7.0
    stop_grace_period: 0s
    command: [redis-server, --requirepass, hunter22, --appendonly, 'yes']
    ports: ['127.0.0.1::6379']
  postgres:
    image: localhost/vv-parts/postgres:15
    stop_grace_period: 0s
    environment: {{POSTGRES_USER: app, POSTGRES_PASSWORD: hunter22, POSTGRES_DB: shop}}
    ports: ['127.0.0.1::5432']
  rabbitmq:
    image: localhost/vv-parts/rabbitmq:3.10
    stop_grace_period: 0s
    environment: {{RABBITMQ_DEFAULT_USER: admin, RABBITMQ_DEFAULT_PASS: hunter22}}
    ports: ['127.0.0.1::5672', '127.0.0.1::15672']
  kafka:
    {kafka}  consul:
    image: localhost/vv-parts/consul:1.20.6
    stop_grace_period: 0s
    command: agent -dev -client=0.0.0.0
    ports: ['127.0.0.1::8500', '127.0.0.1::8600/tcp']
    expose: ['8600/udp']
  jaeger:
    image: localhost/vv-parts/jaeger:1.62.0
    stop_grace_period: 0s
    environment: {{COLLECTOR_OTLP_ENABLED: 'true'}}
    ports: ['127.0.0.1::16686', '127.0.0.1::4317', '127.0.0.1::4318']
  prometheus:
    image: localhost/vv-parts/prometheus:2.42
    stop_grace_period: 0s
    environment:
      CONF: '{{\"global\":{{\"scrape_interval\":\"2s\"}},\"scrape_configs\":[{{\"job_name\":\"itself\",\"static_configs\":[{{\"targets\":[\"localhost:9090\"]}}]}}]}}'
    entrypoint: [sh, -c, 'printf \"%s\" \"$$CONF\" >/tmp/p.yml; exec /bin/prometheus --config.file=/tmp/p.yml --storage.tsdb.path=/tmp/data']
    ports: ['127.0.0.1::9090']
"
    )
}

/// Keeps a processor busy until it is told to stop.
fn burn(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        std::hint::black_box((0..10_000_u64).fold(0, |sum, number| sum ^ number.wrapping_mul(31)));
    }
}

#[test]
fn health_never_cries_wolf() {
    let runs = std::env::var("VV_HEALTH_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number of runs"));
    let project = Project::new("soak", &stack());
    project.ok(&["start", "--timeout", "3m"]);
    // What is scraped or counted a moment after the start isn't a false alarm.
    project.ok(&["health", "--wait", "--timeout", "2m"]);
    let stop = AtomicBool::new(false);
    let cores = std::thread::available_parallelism().unwrap().get();
    let mut alarms = Vec::new();
    let mut took: Vec<Duration> = Vec::new();
    std::thread::scope(|scope| {
        (0..cores).for_each(|_| drop(scope.spawn(|| burn(&stop))));
        for run in 1..=runs {
            let started = Instant::now();
            let ran = project.vv(&["health", "--fail-on", "warn"]);
            took.push(started.elapsed());
            if ran.code != 0 {
                alarms.push(format!("run {run} after {:?}: {ran}", started.elapsed()));
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    took.sort();
    let all: Duration = took.iter().sum();
    eprintln!("{runs} runs in {all:.0?}, median {:.1?}, longest {:.1?}", took[runs / 2], took[runs - 1]);
    assert!(alarms.is_empty(), "{} of {runs} runs alarm:\n{}", alarms.len(), alarms.join("\n"));
}
