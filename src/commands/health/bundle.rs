//! `--bundle DIR`: what somebody needs who looks into a failed run later and elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::mask::Mask;
use super::scope::Scope;
use crate::commands::context::Context;
use crate::engine::platform::last_logs;
use crate::engine::{Engine, EngineError};
use crate::failure::{Failure, Result};
use crate::output::health::table;
use crate::plan::observed::ObservedContainer;
use crate::probe::{Report, Secrets};
use crate::stack::config;

/// The file by which a bundle is known, and its shape.
const MANIFEST: &str = "bundle.json";
const SCHEMA: &str = "vv.bundle/1";
/// What a bundle consists of besides.
const PARTS: [&str; 6] =
    ["report.json", "report.txt", "config.yaml", "engine.json", "events.txt", "containers"];

/// Of each container's output, in lines.
const LINES: usize = 200;
/// How far back events are told.
const EVENTS: SignedDuration = SignedDuration::from_hours(1);
/// What the engine doesn't tell in this time is left out, and the bundle says so.
const LIMIT: Duration = Duration::from_secs(5);

/// That the folder can be used: it isn't there, is empty, or holds an older bundle.
///
/// # Errors
/// A wrong command line, when it is something else.
pub fn check(dir: &Path) -> Result {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let message = format!("could not use {} for the bundle", dir.display());
            return Err(Failure::from_error(
                crate::failure::Kind::Usage,
                anyhow::Error::new(error).context(message),
            ));
        }
    };
    if entries.count() == 0 || is_bundle(dir) {
        return Ok(());
    }
    Err(Failure::usage(format!("{} isn't empty and holds no older bundle", dir.display()))
        .hint("name a folder of its own: what is in it would be mixed with the bundle"))
}

fn is_bundle(dir: &Path) -> bool {
    let manifest = fs::read(dir.join(MANIFEST)).ok();
    let manifest: Option<Value> = manifest.and_then(|text| serde_json::from_slice(&text).ok());
    manifest.is_some_and(|manifest| manifest["schema"] == SCHEMA)
}

/// Gathers the evidence and writes it. What can't be had is named in the manifest.
///
/// # Errors
/// Those of the disk.
pub async fn write(context: &Context, scope: &Scope<'_>, dir: &Path, report: &Report) -> Result {
    let engine = scope.engine.as_ref();
    let mut missing = Vec::new();
    let containers = heard(&mut missing, "containers", engine.containers(&scope.stack.name)).await;
    let (info, events, evidence) = tokio::join!(
        timeout(LIMIT, engine.raw_info()),
        timeout(LIMIT, engine.past_events(&scope.stack.name, Timestamp::now() - EVENTS)),
        join_all(containers.unwrap_or_default().into_iter().map(|container| evidence(engine, container))),
    );
    let environments: Vec<BTreeMap<String, String>> =
        evidence.iter().filter_map(|found| Some(environment(found.inspect.as_ref().ok()?))).collect();
    let mask = Mask::of(Secrets::with(scope.stack, &environments));

    let mut files: Vec<(PathBuf, String)> = vec![
        ("report.json".into(), pretty(&mask.document(serde_json::to_value(report)?))),
        ("report.txt".into(), mask.text(&console::strip_ansi_codes(&table(report, true)))),
    ];
    match resolved(context) {
        Ok(document) => files.push(("config.yaml".into(), serde_yaml::to_string(&mask.document(document))?)),
        Err(failure) => missing.push(format!("config.yaml: {}", failure.in_a_line())),
    }
    match in_time(info) {
        Ok(info) => files.push(("engine.json".into(), pretty(&mask.document(info)))),
        Err(why) => missing.push(format!("engine.json: {why}")),
    }
    match in_time(events) {
        Ok(events) => {
            let lines = events.iter().map(|event| {
                let code = event.exit_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
                mask.text(&format!("{} {} {}{code}\n", event.time, event.container, event.action))
            });
            files.push(("events.txt".into(), lines.collect()));
        }
        Err(why) => missing.push(format!("events.txt: {why}")),
    }
    for found in evidence {
        let folder = Path::new("containers").join(&found.name);
        match found.inspect {
            Ok(document) => files.push((folder.join("inspect.json"), pretty(&mask.document(document)))),
            Err(why) => missing.push(format!("{}: {why}", folder.join("inspect.json").display())),
        }
        match found.logs {
            Ok(lines) => {
                let lines = mask.lines(&lines).into_iter().map(|line| line + "\n");
                files.push((folder.join("log.txt"), lines.collect()));
            }
            Err(why) => missing.push(format!("{}: {why}", folder.join("log.txt").display())),
        }
    }
    let manifest = json!({
        "schema": SCHEMA,
        "vv": env!("CARGO_PKG_VERSION"),
        "stack": scope.stack.name,
        "status": report.status,
        "time": Timestamp::now().to_string(),
        "missing": missing.iter().map(|why| mask.text(why)).collect::<Vec<_>>(),
    });
    files.push((MANIFEST.into(), pretty(&manifest)));
    put(dir, &files).map_err(|error| {
        let message = format!("could not write the bundle to {}", dir.display());
        Failure::from(anyhow::Error::new(error).context(message))
    })
}

/// What the engine tells of a container.
struct Found {
    name: String,
    inspect: Result<Value, String>,
    logs: Result<Vec<String>, String>,
}

async fn evidence(engine: &dyn Engine, container: ObservedContainer) -> Found {
    let (inspect, logs) = tokio::join!(
        timeout(LIMIT, engine.raw_inspect(&container.id)),
        timeout(LIMIT, last_logs(engine, &container.id, LINES)),
    );
    Found { name: container.name, inspect: in_time(inspect), logs: in_time(logs) }
}

type Timely<T> = Result<Result<T, EngineError>, tokio::time::error::Elapsed>;

fn in_time<T>(answer: Timely<T>) -> Result<T, String> {
    match answer {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the engine doesn't answer within {} s", LIMIT.as_secs())),
    }
}

/// What the engine answers in time; what it doesn't is noted.
async fn heard<T>(
    missing: &mut Vec<String>,
    what: &str,
    question: impl Future<Output = Result<T, EngineError>>,
) -> Option<T> {
    in_time(timeout(LIMIT, question).await).map_err(|why| missing.push(format!("{what}: {why}"))).ok()
}

/// The variables of an inspected container.
fn environment(inspect: &Value) -> BTreeMap<String, String> {
    let entries = inspect["Config"]["Env"].as_array().into_iter().flatten().filter_map(Value::as_str);
    entries
        .filter_map(|entry| entry.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn resolved(context: &Context) -> Result<Value> {
    let (stack, document) = context.load_document()?;
    Ok(serde_json::from_str(&config::json(&stack, &document)?)?)
}

fn pretty(document: &Value) -> String {
    format!("{document:#}\n")
}

/// Writes the files in place of those of an older bundle; the manifest comes last.
fn put(dir: &Path, files: &[(PathBuf, String)]) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for part in PARTS {
        let path = dir.join(part);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    for (name, text) in files {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        check(&dir.path().join("not/there")).unwrap();
        check(dir.path()).unwrap();
        put(dir.path(), &[(MANIFEST.into(), json!({"schema": SCHEMA}).to_string())]).unwrap();
        check(dir.path()).unwrap();
        fs::write(dir.path().join(MANIFEST), "{}").unwrap();
        let failure = check(dir.path()).unwrap_err();
        assert_eq!(failure.kind, crate::failure::Kind::Usage);
        check(&dir.path().join(MANIFEST)).unwrap_err();
    }

    #[test]
    fn an_older_bundle_is_replaced_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| (PathBuf::from(name), String::new());
        put(dir.path(), &[file("containers/gone-1/log.txt"), file("events.txt"), file(MANIFEST)]).unwrap();
        fs::write(dir.path().join("notes"), "mine").unwrap();
        put(dir.path(), &[file("containers/web-1/log.txt"), file(MANIFEST)]).unwrap();
        assert!(!dir.path().join("containers/gone-1").exists() && !dir.path().join("events.txt").exists());
        assert!(dir.path().join("containers/web-1/log.txt").exists() && dir.path().join("notes").exists());
    }
}
