//! What the shipped stacks say, without starting them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::interop::peer;

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
    // Kong reads this one itself.
    let mut files: Vec<PathBuf> = own.filter(yaml).filter(|path| !path.ends_with("kong.yml")).collect();
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
