//! The shipped stacks on real systems.

use std::time::{Duration, Instant};

use crate::routes::mes;
use crate::support::{Project, docker};

/// Offsets that no shipped port plus another test's offset falls upon. All ports stay below those that other tests
/// choose from (20,000), and below those that the system gives to connections.
const DEMO: u16 = 3_100;
const VALUEVERSE: u16 = 2_900;
const MES: u16 = 2_700;

fn get(url: &str) -> String {
    let output = std::process::Command::new("curl").args(["-sS", "--max-time", "10", url]).output().unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn outcomes(report: &serde_json::Value, service: &str) -> Vec<(String, String, String)> {
    let text = |check: &serde_json::Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["service"] == service)
        .map(|check| (text(check, "level"), text(check, "check"), text(check, "status")))
        .collect()
}

#[track_caller]
fn proven(report: &serde_json::Value, service: &str, level: &str) {
    let checks = outcomes(report, service);
    assert!(
        checks.iter().any(|(found, _, status)| found == level && status == "ok")
            && checks.iter().all(|(_, _, status)| status != "fail"),
        "{service} isn't proven at the {level} level: {checks:?}"
    );
}

#[test]
fn the_demo_shop_runs_beside_valueverse() {
    let demo = Project::of_stack("demo", "demo", DEMO);
    demo.ok(&["start"]);
    let report = demo.json(&["health", "--format", "json"]);
    assert_eq!(report["schema"], "vv.health/1");
    assert_eq!(report["status"], "ok", "{report:#}");
    for system in ["consul", "jaeger", "kafka", "redis", "web", "orders", "payments"] {
        proven(&report, system, "protocol");
    }
    // A request goes through all three stand-ins, and Jaeger has its spans.
    let port = DEMO + 8080;
    let output = std::process::Command::new("curl")
        .args([
            "-sS",
            "-X",
            "POST",
            "-H",
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ])
        .args(["-H", "X-Request-ID: test-1", "-D", "-", &format!("http://127.0.0.1:{port}/checkout")])
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&output.stdout).to_lowercase();
    assert!(
        answer.contains("x-request-id: test-1") && answer.contains("4bf92f3577b34da6a3ce929d0e0e4736"),
        "{answer}"
    );
    let trace = format!("http://127.0.0.1:{}/api/traces/4bf92f3577b34da6a3ce929d0e0e4736", DEMO + 16_686);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let text = get(&trace);
        if ["web", "orders", "payments"]
            .iter()
            .all(|service| text.contains(&format!("\"serviceName\":\"{service}\"")))
        {
            break;
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::sleep(Duration::from_millis(200));
    }
    demo.ok(&["urls", "--check"]).shows("(stub)");
    let logs = demo.ok(&["logs", "--no-log-prefix", "web"]);
    let line: serde_json::Value = serde_json::from_str(logs.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(line["service"], "web");
    demo.ok(&["start"]).says("nothing to do");
    demo.ok(&["down", "-v"]);
    assert_eq!(demo.leftovers(), Vec::<String>::new());
}

#[test]
fn valueverse_comes_up_breaks_scales_and_is_repaired() {
    let platform = Project::of_stack("valueverse", "valueverse", VALUEVERSE);
    platform.ok(&["start"]);
    let status = platform.json(&["status", "--format", "json"]);
    let stubs: Vec<&str> = status["replicas"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|replica| replica["stub"] == true)
        .filter_map(|replica| replica["service"].as_str())
        .collect();
    assert_eq!(stubs.len(), 6, "{stubs:?}");
    let report = platform.json(&["health", "--format", "json"]);
    assert_eq!(report["status"], "ok", "{report:#}");
    for system in ["consul", "kong", "jaeger", "kafka", "postgres", "redis", "rabbitmq", "prometheus"] {
        proven(&report, system, "protocol");
    }
    platform.ok(&["start"]).says("nothing to do");
    platform.ok(&["setup-routes", "--check"]);
    let models = format!("http://localhost:{}/api/v1/value-models", VALUEVERSE + 8000);
    platform.ok(&["urls", "--check"]).shows("answers").shows(&models);
    assert!(get(&models).contains("Test Corp"));

    docker(&["stop", "-t", "1", &platform.container("consul-1")]);
    let begun = Instant::now();
    let sick = platform.fails(1, &["health"]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    sick.says("consul");
    let before = platform.containers();
    platform.ok(&["start"]);
    assert_eq!(platform.containers(), before, "the same containers, consul started again");
    platform.ok(&["health"]);

    platform.ok(&["scale", "calculation-engine", "5"]);
    let engines = platform.json(&["status", "calculation-engine", "--format", "json"]);
    let healthy = engines["replicas"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|replica| replica["state"] == "running")
        .count();
    assert_eq!(healthy, 5, "{engines:#}");
    assert!(get(&format!("http://127.0.0.1:{}/health", VALUEVERSE + 8015)).contains("healthy"));
    platform.ok(&["start"]).says("nothing to do");
    platform.ok(&["scale", "calculation-engine", "1"]);

    let plan = platform.command(&["plan"]).env("JWT_SECRET", "another").output().unwrap();
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(plan.contains("environment: JWT_SECRET") && !plan.contains("another"), "{plan}");
    platform.ok(&["down", "-v"]);
    assert_eq!(platform.leftovers(), Vec::<String>::new());
}

#[test]
fn the_mes_has_its_gateway_and_its_bus_and_survives_that_it_is_killed() {
    let bus = Project::of_stack("mes", "mes", MES);
    bus.ok(&["start"]);
    let gateway = mes::Proxy { http: MES + 8000, https: MES + 8443, secret: mes::SECRET };
    gateway.keeps_its_promises(|_| None);
    for (_, service, port, _) in mes::ROUTES {
        assert!(get(&format!("http://127.0.0.1:{}/health", MES + port)).contains("healthy"), "{service}");
        let metrics = get(&format!("http://127.0.0.1:{}/metrics", MES + port));
        assert!(metrics.contains("# TYPE"), "{service}: {metrics}");
    }
    assert!(
        get(&format!("http://127.0.0.1:{}/metrics", MES + 8001)).contains("# TYPE"),
        "the gateway has metrics, too"
    );
    bus.ok(&["setup-routes", "--check"]);
    // The tables are there, so that the job has nothing to do, however often.
    let migrate = "kong migrations bootstrap && kong migrations up && kong migrations finish";
    docker(&["exec", &bus.container("kong-1"), "sh", "-c", migrate]);
    let well = || {
        let report = bus.json(&["health", "--fail-on", "warn", "--format", "json"]);
        assert_eq!(report["status"], "ok", "{report:#}");
        for system in ["zookeeper", "kafka", "kafka-ui", "kong", "kong-db"] {
            proven(&report, system, "deep");
        }
    };
    well();
    bus.ok(&["health", "--fail-on", "warn"]);
    bus.ok(&["urls", "--check"])
        .shows(&format!("kafka://localhost:{}", MES + 9092))
        .shows(&format!("http://localhost:{}", MES + 8080))
        .shows(&format!("http://localhost:{}/api/v1/workorders", MES + 8000));
    bus.ok(&["start"]).says("nothing to do");
    let kafka = bus.container("kafka-1");
    // As the platform's page has it, in the container.
    let topics = ["exec", &kafka, "kafka-topics", "--list", "--bootstrap-server", "localhost:9092"];
    let listed = || docker(&topics).lines().map(str::to_owned).collect::<Vec<_>>();
    let declared = include_str!("../fixtures/mes-topics.txt").lines().chain(["vv-probe"]);
    let mut declared: Vec<String> = declared.map(str::to_owned).collect();
    declared.sort();
    assert_eq!(listed(), declared);
    // A producer asks for its topic in the way that may make it.
    let produce = "echo tea | kafka-console-producer --bootstrap-server localhost:9092 --topic typo \
        --producer-property max.block.ms=1500";
    docker(&["exec", &kafka, "sh", "-c", produce]);
    assert_eq!(listed(), declared, "a topic that nobody declared came by being asked for");

    // As when the machine goes down: ZooKeeper still holds the dead broker's session.
    let before = bus.containers();
    docker(&["kill", &kafka, &bus.container("zookeeper-1")]);
    bus.fails(1, &["health"]).says("kafka");
    bus.ok(&["start"]);
    assert_eq!(bus.containers(), before, "the same containers, started again");
    assert_eq!(docker(&["inspect", "-f", "{{.RestartCount}}", &kafka]).trim(), "0");
    // Kong's database as well: what it holds is on its volume.
    docker(&["kill", &bus.container("kong-db-1"), &bus.container("kong-1")]);
    bus.ok(&["start"]);
    assert_eq!(bus.containers(), before, "the same containers, started again");
    bus.ok(&["setup-routes", "--check"]);
    well();
    bus.ok(&["down", "-v"]);
    assert_eq!(bus.leftovers(), Vec::<String>::new());
}
