//! What Consul, Jaeger, Prometheus and nginx come to in every state that they can be in: the deep checks of each,
//! and the first words of what is said below them where a system can't be asked at all.

use std::time::{Duration, Instant};

use vv::probe::{Check, Level, Outcome, check_service};
use vv::stack::{Service, Stack};

use super::engine::{Cli, Container, docker};
use super::{PATIENCE, START, service, stack_of, until_ready};

/// The checks of a service beside others of its stack, each with a container of its own.
struct Platform {
    cli: Cli,
    stack: Stack,
}

impl Platform {
    fn of(parts: &[(&Service, &Container)]) -> Self {
        let mut cli = Cli::default();
        let mut stack = stack_of(parts[0].0);
        for (service, container) in parts {
            cli.add(&service.name, container);
            stack.services.insert(service.name.clone(), (*service).clone());
        }
        Self { cli, stack }
    }

    async fn checks(&self, name: &str, patience: Duration) -> Vec<Check> {
        let service = &self.stack.services[name];
        check_service(&self.stack, service, &self.cli, Level::Deep, patience).await
    }

    /// One deep check: its outcome and what was seen.
    async fn deep(&self, name: &str, check: &str) -> (Outcome, String) {
        let checks = self.checks(name, PATIENCE).await;
        let found = checks.iter().find(|found| found.name == check && found.level == Level::Deep);
        let found = found.unwrap_or_else(|| panic!("no check {check}: {checks:#?}"));
        (found.outcome, found.detail.clone())
    }

    /// Repeats a deep check until it says these words; what takes its time to be seen is a state of its own.
    async fn says(&self, name: &str, check: &str, outcome: Outcome, words: &str) {
        let started = Instant::now();
        loop {
            let (found, detail) = self.deep(name, check).await;
            if found == outcome && detail.contains(words) {
                return;
            }
            assert!(
                started.elapsed() < START,
                "{name} {check}: {found:?}: {detail}; not {outcome:?}: {words}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// That nothing fails, whatever is left to say.
    async fn is_well(&self, name: &str) {
        let checks = self.checks(name, PATIENCE).await;
        assert!(checks.iter().all(|check| check.outcome < Outcome::Warn), "{checks:#?}");
    }

    /// What the lowest check that fails says, within the time of one check.
    async fn breaks(&self, name: &str, words: &str) {
        let patience = Duration::from_secs(2);
        // A signal reaches the threads of a busy machine one after the other.
        for _ in 0..20 {
            let started = Instant::now();
            let checks = self.checks(name, patience).await;
            let took = started.elapsed();
            let failed = checks.iter().find(|check| check.outcome == Outcome::Fail);
            // Each level has the whole time for itself, and the test's platform starts docker for every question.
            assert!(took < 2 * patience + Duration::from_secs(6), "{took:?}: {checks:#?}");
            if failed.is_some_and(|check| check.detail.contains(words)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{name} never says {words}: {:#?}", self.checks(name, patience).await);
    }
}

/// A network of a test, gone with it. Containers in it must be declared after it.
struct Network(String);

impl Network {
    fn new(test: &str) -> Self {
        let run = std::env::var("VV_TEST_RUN").unwrap_or_else(|_| format!("vvt{}", std::process::id()));
        let name = format!("{run}-net-{test}");
        docker(&["network", "create", &name]);
        Self(name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = std::process::Command::new("docker").args(["network", "rm", &self.0]).output();
    }
}

/// Sends a request from inside the container, by the busybox that all parts have.
fn put(container: &Container, path: &str, body: &str) {
    let script = format!(
        "printf 'PUT {path} HTTP/1.0\\r\\nContent-Length: {}\\r\\n\\r\\n%s' '{body}' | nc 127.0.0.1 8500 | head -1 | grep 200",
        body.len()
    );
    docker(&["exec", &container.name, "sh", "-c", &script]);
}

#[tokio::test]
async fn consul_in_every_state() {
    let ports = ["-p", "127.0.0.1::8500", "-p", "127.0.0.1::8600/tcp"];
    let network = Network::new("consul");
    let options: Vec<&str> = ["--network", &network.0].into_iter().chain(ports).collect();
    let container = Container::start("deep-consul", "consul:1.20.6", &options, &[]);
    let web = Container::start("deep-consul-web", "nginx:1.22", &["--network", &network.0], &[]);
    let consul = service("consul", &[8500, 8600], &[]);
    let mut shop = service("nginx", &[80], &[]);
    shop.name = "shop".into();
    shop.vv.register.insert("consul".into(), "self".into());

    until_ready(&consul, &container).await;
    let alone = Platform::of(&[(&consul, &container)]);
    alone.says("consul", "kv", Outcome::Ok, "a key was written, read and deleted").await;
    alone.says("consul", "catalog", Outcome::Ok, "no check of this stack's services is critical").await;
    alone.says("consul", "dns tcp", Outcome::Ok, "consul.service.consul is resolved by TCP").await;
    let keys = docker(&["exec", &container.name, "consul", "kv", "get", "-keys", ""]);
    assert!(!keys.contains("vv-probe"), "nothing is left behind: {keys}");

    // What runs must be registered, and what is registered must run.
    let platform = Platform::of(&[(&consul, &container), (&shop, &web)]);
    let missing = format!("{} runs, but isn't registered", web.name);
    platform.says("consul", "catalog", Outcome::Fail, &missing).await;
    let address =
        docker(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", &web.name]);
    let register = |id: &str, address: &str, check: &str| {
        let body =
            format!(r#"{{"ID":"{id}","Name":"shop","Address":"{address}","Port":80,"Check":{{{check}}}}}"#);
        put(&container, "/v1/agent/service/register", &body);
    };
    let http = format!(r#""HTTP":"http://{address}:80/no-such-page","Interval":"1s","Timeout":"2s""#);
    register("shop-of-its-own-naming", &address, &http);
    platform.says("consul", "catalog", Outcome::Fail, "shop-of-its-own-naming: ").await;
    register("shop-of-its-own-naming", &address, &format!(r#""TCP":"{address}:80","Interval":"1s""#));
    platform.says("consul", "catalog", Outcome::Ok, "1 instance of shop is registered and passes").await;
    // An address of the same network that nobody has.
    let nobody = format!("{}.251", address.rsplit_once('.').unwrap().0);
    let check = format!(r#""TCP":"{nobody}:80","Interval":"1s","Timeout":"1s""#);
    register("shop-dead", &nobody, &check);
    let dead = format!("shop-dead is registered at {nobody}:80");
    platform.says("consul", "catalog", Outcome::Fail, &dead).await;
    put(&container, "/v1/agent/service/deregister/shop-dead", "");
    platform.says("consul", "catalog", Outcome::Ok, "1 instance of shop").await;
    docker(&["stop", "-t", "1", &web.name]);
    platform.says("consul", "catalog", Outcome::Fail, "but no container of shop is there").await;

    // A service that nobody declared, but that is registered and critical.
    shop.vv.register.clear();
    let undeclared = Platform::of(&[(&consul, &container), (&shop, &web)]);
    undeclared.says("consul", "catalog", Outcome::Fail, "shop-of-its-own-naming: ").await;

    container.freeze();
    alone.breaks("consul", "says nothing within 2 s").await;
    docker(&["kill", "--signal", "CONT", &container.name]);
    until_ready(&consul, &container).await;
    docker(&["network", "disconnect", &network.0, &container.name]);
    alone.breaks("consul", "is cut off from its networks").await;
    docker(&["stop", "-t", "1", &container.name]);
    alone.breaks("consul", "ended with 1").await;
}

#[tokio::test]
async fn consul_by_udp_at_its_own_address() {
    let container = Container::start("deep-consul-dns", "consul:1.20.6", &["-p", "127.0.0.1::8500"], &[]);
    let mut consul = service("consul", &[8500], &[]);
    consul.expose = vec!["8600/udp".into()];
    until_ready(&consul, &container).await;
    let platform = Platform::of(&[(&consul, &container)]);
    platform.says("consul", "dns udp", Outcome::Ok, "is resolved by UDP").await;
    platform.is_well("consul").await;
    container.freeze();
    let checks = platform.checks("consul", Duration::from_secs(1)).await;
    let udp = checks.iter().find(|check| check.name == "dns udp").unwrap();
    assert_eq!(udp.detail, "not asked: leader failed", "{checks:#?}");
}

#[tokio::test]
async fn consul_with_acls() {
    let config = r#"{"acl":{"enabled":true,"default_policy":"deny","tokens":{"initial_management":"11111111-2222-3333-4444-555555555555"}}}"#;
    let local = format!("CONSUL_LOCAL_CONFIG={config}");
    let options = ["-e", &local, "-p", "127.0.0.1::8500"];
    let container = Container::start("deep-consul-acl", "consul:1.20.6", &options, &[]);
    let with = |variables: &[(&str, &str)]| service("consul", &[8500], variables);
    let plain = with(&[]);
    until_ready(&plain, &container).await;
    let of = |service: Service| {
        let container = &container;
        async move {
            let platform = Platform::of(&[(&service, container)]);
            (platform.deep("consul", "kv").await, platform.deep("consul", "catalog").await)
        }
    };
    let (kv, catalog) = of(plain).await;
    assert_eq!((kv.0, kv.1.as_str()), (Outcome::Warn, "/v1/kv answers 403: permission denied"));
    assert_eq!(catalog.0, Outcome::Warn, "{catalog:?}");
    // The token may take a moment until it is known.
    let given = Platform::of(&[(&with(&[("CONSUL_LOCAL_CONFIG", config)]), &container)]);
    given.says("consul", "kv", Outcome::Ok, "a key was written, read and deleted").await;
    given.says("consul", "catalog", Outcome::Ok, "no check of this stack's services is critical").await;
    let (wrong, _) = of(with(&[("CONSUL_HTTP_TOKEN", "99999999-2222-3333-4444-555555555555")])).await;
    assert_eq!(wrong.0, Outcome::Fail, "{wrong:?}");
    assert!(wrong.1.contains("doesn't know the token"), "{wrong:?}");
}

#[tokio::test]
async fn jaeger_in_every_state() {
    let ports = ["-p", "127.0.0.1::16686", "-p", "127.0.0.1::4317", "-p", "127.0.0.1::4318"];
    let options: Vec<&str> = ["-e", "COLLECTOR_OTLP_ENABLED=true"].into_iter().chain(ports).collect();
    let container = Container::start("deep-jaeger", "jaeger:1.62.0", &options, &[]);
    let jaeger = service("jaeger", &[16686, 4317, 4318], &[("COLLECTOR_OTLP_ENABLED", "true")]);
    let mut shop = service("nginx", &[80], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://jaeger:4318")]);
    shop.name = "shop".into();
    until_ready(&jaeger, &container).await;
    let mut platform = Platform::of(&[(&jaeger, &container)]);
    platform.stack.services.insert("shop".into(), shop);
    platform.says("jaeger", "otlp http", Outcome::Ok, "a span sent by OTLP/HTTP can be read after").await;
    platform.says("jaeger", "otlp grpc", Outcome::Ok, "a span sent by OTLP/gRPC can be read after").await;
    platform.says("jaeger", "services", Outcome::Ok, "shop has no spans so far").await;
    platform.is_well("jaeger").await;

    container.freeze();
    platform.breaks("jaeger", "says nothing within 2 s").await;
    docker(&["kill", "--signal", "CONT", &container.name]);
    container.pause();
    platform.breaks("jaeger", "paused: its processes are frozen").await;
    docker(&["unpause", &container.name]);
    docker(&["network", "disconnect", "bridge", &container.name]);
    platform.breaks("jaeger", "is cut off from its networks").await;
    docker(&["kill", &container.name]);
    platform.breaks("jaeger", "ended with 137").await;
}

#[tokio::test]
async fn jaeger_that_takes_no_otlp_or_keeps_nothing() {
    // The collector is told another port than the one that is published.
    let ports = ["-p", "127.0.0.1::16686", "-p", "127.0.0.1::4317", "-p", "127.0.0.1::4318"];
    let container =
        Container::start("deep-jaeger-off", "jaeger:1.62.0", &ports, &["--collector.otlp.enabled=false"]);
    let jaeger = service("jaeger", &[16686, 4317, 4318], &[]);
    until_ready(&jaeger, &container).await;
    let platform = Platform::of(&[(&jaeger, &container)]);
    for check in ["otlp http", "otlp grpc"] {
        let (outcome, detail) = platform.deep("jaeger", check).await;
        assert_eq!(outcome, Outcome::Fail, "{detail}");
        assert!(detail.contains("accepts and closes"), "{detail}");
    }
    // A stack that doesn't declare the ports has no use for them.
    let quiet = service("jaeger", &[16686], &[]);
    let (outcome, detail) = Platform::of(&[(&quiet, &container)]).deep("jaeger", "otlp http").await;
    assert_eq!(outcome, Outcome::Skipped, "{detail}");
    let off = service("jaeger", &[16686, 4318], &[("COLLECTOR_OTLP_ENABLED", "false")]);
    let (outcome, detail) = Platform::of(&[(&off, &container)]).deep("jaeger", "otlp http").await;
    assert_eq!(outcome, Outcome::Warn, "{detail}");

    // Spans go to one process and are read from another: taken, and never seen.
    let other = Container::start("deep-jaeger-other", "jaeger:1.62.0", &ports, &[]);
    let (mut collector, mut query) = (jaeger.clone(), service("jaeger", &[16686], &[]));
    (collector.name, collector.image) = ("collector".into(), "jaegertracing/jaeger-collector".into());
    (query.name, query.image) = ("query".into(), "jaegertracing/jaeger-query".into());
    until_ready(&query, &other).await;
    until_ready(
        &{
            let mut whole = jaeger.clone();
            whole.name = "collector".into();
            whole
        },
        &other,
    )
    .await;
    let parted = Platform::of(&[(&collector, &other), (&query, &container)]);
    let stack = &parted.stack;
    let mut alone = collector.clone();
    alone.vv.probe = Some(vv::stack::vv::Probe::Tcp { port: 4318 });
    let checks = check_service(stack, &alone, &parted.cli, Level::Deep, Duration::from_secs(1)).await;
    let lost = checks.iter().find(|check| check.name == "otlp http").unwrap();
    assert_eq!(
        (lost.outcome, lost.detail.as_str()),
        (Outcome::Fail, "takes a span by OTLP/HTTP, but it can't be read within 1 s")
    );
}

#[tokio::test]
async fn prometheus_in_every_state() {
    let config = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: itself\n  static_configs: [{targets: ['localhost:9090']}]\n";
    let script = "printf '%s' \"$CONFIG\" >/tmp/p.yml; exec /bin/prometheus --config.file=/tmp/p.yml --storage.tsdb.path=/tmp/data --web.enable-lifecycle";
    let given = format!("CONFIG={config}");
    let options = ["--entrypoint", "sh", "-e", &given, "-p", "127.0.0.1::9090"];
    let container = Container::start("deep-prometheus", "prometheus:2.42", &options, &["-c", script]);
    let prometheus = service("prometheus", &[9090], &[]);
    until_ready(&prometheus, &container).await;
    let platform = Platform::of(&[(&prometheus, &container)]);
    platform.says("prometheus", "targets", Outcome::Ok, "1 target is up").await;
    platform.says("prometheus", "configuration", Outcome::Ok, "the configuration was loaded").await;
    platform.is_well("prometheus").await;

    let reload = |text: &str| {
        let script = format!("cat >/tmp/p.yml <<'E'\n{text}\nE\nkill -HUP 1");
        docker(&["exec", &container.name, "sh", "-c", &script]);
    };
    reload(&format!("{config}- job_name: gone\n  static_configs: [{{targets: ['nosuch:80']}}]\n"));
    platform.says("prometheus", "targets", Outcome::Fail, "gone (http://nosuch:80/metrics) is down: ").await;
    reload("scrape_configs: nonsense");
    platform.says("prometheus", "configuration", Outcome::Warn, "the last reload failed").await;
    reload(config);
    platform.says("prometheus", "configuration", Outcome::Ok, "the configuration was loaded").await;
    platform.says("prometheus", "targets", Outcome::Ok, "1 target is up").await;
    // Nothing is scraped for an hour.
    reload(
        "global: {scrape_interval: 1h}\nscrape_configs:\n- job_name: slow\n  static_configs: [{targets: ['localhost:9090']}]\n",
    );
    platform.says("prometheus", "targets", Outcome::Warn, "not scraped yet: slow").await;

    container.freeze();
    platform.breaks("prometheus", "says nothing within 2 s").await;
    docker(&["kill", "--signal", "CONT", &container.name]);
    docker(&["network", "disconnect", "bridge", &container.name]);
    platform.breaks("prometheus", "is cut off from its networks").await;
    docker(&["kill", &container.name]);
    platform.breaks("prometheus", "ended with 137").await;
}

#[tokio::test]
async fn nginx_in_every_state() {
    let script = "echo 'server { listen 8081; location / { return 200 fine; } } server { listen 8082; location / { proxy_pass http://127.0.0.1:1; } }' >/etc/nginx/conf.d/more.conf && exec nginx -g 'daemon off;'";
    let ports = ["-p", "127.0.0.1::8081", "-p", "127.0.0.1::8082"];
    let container = Container::start("deep-nginx", "nginx:1.22", &ports, &["sh", "-c", script]);
    let nginx = service("nginx", &[8081], &[]);
    until_ready(&nginx, &container).await;
    let platform = Platform::of(&[(&nginx, &container)]);
    platform.is_well("nginx").await;
    // What it passes requests on to is gone.
    Platform::of(&[(&service("nginx", &[8082], &[]), &container)]).breaks("nginx", "GET /: 502").await;

    // Its workers are stopped: the kernel accepts, nobody reads.
    docker(&[
        "exec",
        &container.name,
        "sh",
        "-c",
        "kill -STOP $(grep -l '^nginx' /proc/[0-9]*/comm | cut -d/ -f3 | grep -v '^1$')",
    ]);
    platform.breaks("nginx", "says nothing within 2 s").await;
    docker(&[
        "exec",
        &container.name,
        "sh",
        "-c",
        "kill -CONT $(grep -l '^nginx' /proc/[0-9]*/comm | cut -d/ -f3)",
    ]);
    until_ready(&nginx, &container).await;
    docker(&["network", "disconnect", "bridge", &container.name]);
    platform.breaks("nginx", "is cut off from its networks").await;
    docker(&["stop", "-t", "2", &container.name]);
    platform.breaks("nginx", "should keep running").await;
}
