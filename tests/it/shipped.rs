//! What the shipped stacks say, without starting them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::interop::peer;
use crate::routes::mes::ROUTES as MES_ROUTES;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of all of them.
fn stacks() -> Vec<String> {
    let folders = std::fs::read_dir(repository("stacks")).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = folders
        .filter(|folder| folder.join("compose.yaml").is_file())
        .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 3, "{names:?}");
    names
}

/// What a program prints, which succeeds and complains of nothing, where no variable is set.
fn printed(program: &str, words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let kept = ["PATH", "HOME", "DOCKER_HOST", "XDG_RUNTIME_DIR"];
    let output = Command::new(program)
        .args(words)
        .current_dir(folder.path())
        .env_clear()
        .envs(kept.iter().filter_map(|name| Some((name, std::env::var(name).ok()?))))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; `make peers` builds docker compose"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {stderr}");
    assert_eq!(stderr, "", "{program} {words:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Without what only vv reads, which Compose's JSON leaves out, and with all numbers in one form.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(entries) => entries
            .iter()
            .filter(|(key, _)| !key.starts_with("x-"))
            .map(|(key, value)| (key.clone(), plain(value)))
            .collect(),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Number(number) => number.as_f64().into(),
        value => value.clone(),
    }
}

#[test]
fn compose_reads_every_stack_as_vv_does() {
    for name in stacks() {
        let file = repository(&format!("stacks/{name}/compose.yaml"));
        let words = ["-f", file.to_str().unwrap(), "config", "--format", "json"];
        let read = |program: &str| plain(&serde_json::from_str(&printed(program, &words)).unwrap());
        assert_eq!(read(env!("CARGO_BIN_EXE_vv")), read(&peer()), "{name}");
    }
}

/// The files that make up a stack and may have variables: its own, and the templates that it extends.
fn files_of(stack: &str) -> Vec<PathBuf> {
    let folder = repository("stacks").join(stack);
    let own = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let yaml = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    // Where it is mounted, Kong reads this one itself.
    let mounted = text(&folder.join("compose.yaml")).contains("file: ./kong.yml");
    let by_kong = |path: &PathBuf| mounted && path.ends_with("kong.yml");
    let mut files: Vec<PathBuf> = own.filter(yaml).filter(|path| !by_kong(path)).collect();
    let templates: BTreeSet<String> = files
        .iter()
        .flat_map(|path| text(path).split("../../templates/").skip(1).map(str::to_owned).collect::<Vec<_>>())
        .map(|rest| rest.split(',').next().unwrap_or_default().to_owned())
        .collect();
    assert!(!templates.is_empty(), "{stack}");
    files.extend(templates.iter().map(|template| repository("templates").join(template)));
    files
}

/// The variables of a text, each with its default; nothing where that is made of other variables.
fn variables(text: &str) -> Vec<(String, Option<String>)> {
    let code = |line: &&str| !line.trim_start().starts_with('#');
    let lines = text.lines().filter(code);
    lines
        .flat_map(|line| line.split("${").skip(1))
        .map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            let default = rest.strip_prefix(":-").and_then(|rest| Some(rest.split_once('}')?.0));
            (name.to_owned(), default.map(str::to_owned))
        })
        .collect()
}

#[test]
fn every_variable_of_a_stack_is_listed_with_its_default() {
    for stack in stacks() {
        let example = text(&repository(&format!("stacks/{stack}/.env.example")));
        let listed: BTreeMap<&str, &str> = example
            .lines()
            .filter_map(|line| line.trim_start_matches('#').split_once('='))
            .filter(|(name, _)| !name.contains(' '))
            .collect();
        let mut used = BTreeSet::new();
        for file in files_of(&stack) {
            for (name, default) in variables(&text(&file)) {
                let Some(value) = listed.get(name.as_str()) else {
                    panic!("{stack}: {name} of {} isn't in .env.example", file.display());
                };
                // A template's default may be another one than the stack's own, which then stands in the stack.
                let own = file.starts_with(repository("stacks"));
                let port_or_image = name.ends_with("_PORT") || name.ends_with("_IMAGE");
                if let Some(default) = default.filter(|_| own || port_or_image) {
                    assert_eq!(*value, default, "{stack}: {name} of {}", file.display());
                }
                used.insert(name);
            }
        }
        let unused: Vec<_> = listed.keys().filter(|name| !used.contains(**name)).collect();
        assert!(unused.is_empty(), "{stack}: {unused:?} of .env.example are used nowhere");
    }
}

#[test]
fn the_mes_is_where_its_pages_say() {
    let vv = env!("CARGO_BIN_EXE_vv");
    let words = ["--stack", "mes", "config", "--format", "json"];
    let document: Value = serde_json::from_str(&printed(vv, &words)).unwrap();
    let services = &document["services"];
    assert_eq!(services["kafka"]["container_name"], "mes-kafka");
    assert_eq!(services["kafka"]["image"], "confluentinc/cp-kafka:7.5.0");
    assert_eq!(services["zookeeper"]["image"], "confluentinc/cp-zookeeper:7.5.0");
    assert_eq!(services["kafka"]["ports"][0]["published"], "9092");
    assert_eq!(services["kafka-ui"]["ports"][0]["published"], "8080");
    assert_eq!(document["x-vv"]["topics"], "vv://mes/topics.yml");
    assert_eq!(document["x-vv"]["routes"], "vv://mes/kong.yml");
    assert_eq!(services["kong-db"]["container_name"], "mes-kong-db");
    assert_eq!(services["kong-migration"]["container_name"], "mes-kong-migration");
    for service in ["kong", "kong-migration"] {
        assert_eq!(services[service]["image"], "kong:3.4");
        assert_eq!(services[service]["environment"]["KONG_DATABASE"], "postgres");
        assert_eq!(services[service]["environment"]["KONG_PG_HOST"], "kong-db");
    }
    let finished = &services["kong"]["depends_on"]["kong-migration"]["condition"];
    assert_eq!(finished, "service_completed_successfully");
    let published = |service: &str| -> Vec<(String, u64)> {
        let ports = services[service]["ports"].as_array().unwrap();
        let pair =
            |port: &Value| (port["published"].as_str().unwrap().to_owned(), port["target"].as_u64().unwrap());
        ports.iter().map(pair).collect()
    };
    let same = |port: u16| (port.to_string(), u64::from(port));
    assert_eq!(published("kong"), [8000, 8001, 8443].map(same));
    for (_, service, port, _) in MES_ROUTES {
        assert_eq!(published(service), [same(port)], "{service}");
        let own = &services[service];
        assert_eq!(own["environment"]["PORT"], port.to_string(), "{service}");
        assert_eq!(own["x-vv"]["stub"]["port"], port, "{service}");
        assert_eq!(own["x-vv"]["stub"]["metrics"], "/metrics", "{service}");
        assert_eq!(own["x-vv"]["stub"]["health"], "/health", "{service}");
    }
    let requires = &document["x-vv"]["requires"];
    let of = |key: &str| requires[key].as_str().map_or_else(|| requires[key].to_string(), str::to_owned);
    assert_eq!([of("cpus"), of("memory"), of("disk")], ["4", "8GB", "20GB"]);
}

/// As a reader that knows nothing of vv sees them.
#[test]
fn the_mes_declares_its_56_topics() {
    let document: Value = serde_yaml::from_str(&text(&repository("stacks/mes/topics.yml"))).unwrap();
    let defaults = &document["defaults"];
    assert_eq!(defaults["partitions"], 3);
    assert_eq!(defaults["replication_factor"], "${KAFKA_REPLICATION_FACTOR:-1}");
    assert_eq!(defaults["config"], serde_json::json!({"retention.ms": 604_800_000}));
    let word = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let mut names = Vec::new();
    let mut by_partitions: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for group in document["groups"].as_array().unwrap() {
        assert!(word(group, "owner").ends_with("-service") || word(group, "owner") == "platform", "{group}");
        for topic in group["topics"].as_array().unwrap() {
            assert!(!word(topic, "description").is_empty(), "{topic}");
            let name = word(group, "prefix") + &word(topic, "name");
            names.push(name.clone());
            let partitions = [topic, group, defaults].into_iter().find_map(|at| at["partitions"].as_u64());
            by_partitions.entry(partitions.unwrap()).or_default().push(name);
        }
    }
    let wanted = text(&repository("tests/fixtures/mes-topics.txt"));
    assert_eq!(names, wanted.lines().collect::<Vec<_>>());
    assert_eq!(by_partitions.keys().collect::<Vec<_>>(), [&1, &3, &5]);
    assert!(by_partitions[&3].len() > names.len() / 2, "3 is the rule");
    assert_eq!(
        by_partitions[&5],
        ["equipment.status-changed", "integration.scada-data-received", "system.audit-log"]
    );
}

/// As a reader that knows nothing of vv sees them, and of Kong's format only what it says itself.
#[test]
fn the_mes_declares_its_eight_routes() {
    let document: Value = serde_yaml::from_str(&text(&repository("stacks/mes/kong.yml"))).unwrap();
    assert_eq!(document["_format_version"], "3.0");
    let plugin = |of: &Value, name: &str| {
        let plugins = of["plugins"].as_array().unwrap();
        plugins.iter().find(|plugin| plugin["name"] == name).map(|plugin| plugin["config"].clone())
    };
    for global in ["cors", "prometheus"] {
        assert!(plugin(&document, global).is_some(), "{global}");
    }
    let correlation = plugin(&document, "correlation-id").unwrap();
    assert_eq!(
        (&correlation["header_name"], &correlation["echo_downstream"]),
        (&"X-Request-ID".into(), &true.into())
    );
    let services = document["services"].as_array().unwrap();
    assert_eq!(services.len(), 8);
    for (service, (route, name, port, limit)) in services.iter().zip(MES_ROUTES) {
        assert_eq!(
            (&service["name"], &service["url"]),
            (&name.into(), &format!("http://{name}:{port}").into())
        );
        assert_eq!(service["routes"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(service["routes"][0]["paths"], serde_json::json!([format!("/api/v1/{route}")]));
        assert_eq!(plugin(service, "rate-limiting").unwrap()["minute"], limit, "{name}");
        assert!((50..=200).contains(&limit), "{name}");
        assert_eq!(plugin(service, "jwt").is_some(), route != "auth", "{name}");
    }
    let credential = &document["consumers"][0]["jwt_secrets"][0];
    assert!(credential["secret"].as_str().unwrap().starts_with("${JWT_SECRET"), "{credential}");
}

#[test]
fn valueverse_declares_what_its_page_says_of_its_gateway() {
    let file = text(&repository("stacks/valueverse/kong.yml"));
    let code: String = file.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    assert!(!code.contains("${"), "Kong reads it itself, and knows no variables");
    assert!(file.contains("# - name: key-auth") && file.contains("keyauth_credentials"));
    let document: Value = serde_yaml::from_str(&file).unwrap();
    let global = |name: &str| {
        let plugins = document["plugins"].as_array().unwrap();
        plugins.iter().find(|plugin| plugin["name"] == name).unwrap_or_else(|| panic!("{name}"))["config"]
            .clone()
    };
    assert_eq!(global("cors")["origins"], serde_json::json!(["*"]));
    assert_eq!(global("opentelemetry")["endpoint"], "http://jaeger:4318/v1/traces");
    global("prometheus");
    let services = document["services"].as_array().unwrap();
    let upstreams = document["upstreams"].as_array().unwrap();
    assert_eq!((services.len(), upstreams.len()), (6, 6));
    for (service, upstream) in services.iter().zip(upstreams) {
        let limits = service["plugins"].as_array().unwrap();
        assert!(
            limits
                .iter()
                .any(|plugin| plugin["name"] == "rate-limiting" && plugin["config"]["minute"].is_u64())
        );
        assert_eq!(service["host"], upstream["name"]);
        assert_eq!(upstream["algorithm"], "round-robin");
        assert_eq!(upstream["healthchecks"]["active"]["http_path"], "/health");
        let target = format!("{}:{}", service["name"].as_str().unwrap(), service["port"]);
        assert_eq!(upstream["targets"][0]["target"], target);
    }
}
