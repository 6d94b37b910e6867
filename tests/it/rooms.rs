//! Which room may use what: the house's rules, held by reading the sources.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

/// Lines of code that mention any of the words; tests and comments don't count.
fn mentions(room: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources(room) {
        if path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            found.extend(
                words
                    .iter()
                    .filter(|word| line.contains(*word))
                    .map(|word| format!("{}: {word}: {line}", path.display())),
            );
        }
    }
    found
}

#[test]
fn deciding_rooms_know_nothing_of_the_outside() {
    let outside = ["tokio::", "bollard::", "reqwest::", "rdkafka::", "std::env::var", "std::net::Tcp"];
    for room in ["stack", "plan", "doctor", "why"] {
        assert_eq!(mentions(room, &outside), Vec::<String>::new(), "{room} is pure");
    }
    for room in ["doctor", "why"] {
        assert_eq!(mentions(room, &["std::fs", "Instant::now", "Timestamp::now"]), Vec::<String>::new());
    }
    assert_eq!(
        mentions("plan", &["std::fs", "std::env", "Instant::now", "SystemTime::now"]),
        Vec::<String>::new()
    );
}

#[test]
fn topics_are_decided_without_the_outside() {
    let outside =
        ["tokio::", "bollard::", "reqwest::", "rdkafka::", "std::env", "std::fs", "std::net", "Instant::now"];
    let acting = |line: &String| {
        ["/topics/apply", "/topics/kafka", "/topics/testing"].iter().any(|place| line.contains(place))
    };
    let strays: Vec<String> = mentions("topics", &outside).into_iter().filter(|line| !acting(line)).collect();
    assert_eq!(strays, Vec::<String>::new(), "what carries a plan out is in apply and kafka");
    let acts = mentions("topics", &["tokio::"]).into_iter().any(|line| acting(&line));
    assert!(acts, "the places that act are where this test thinks");
}

#[test]
fn routes_are_decided_without_the_outside() {
    let outside = ["tokio::", "reqwest::", "std::env", "std::fs", "std::net::Tcp", "Instant::now"];
    let acting = |line: &String| {
        ["/routes/admin", "/routes/apply", "/routes/prove", "/routes/testing"]
            .iter()
            .any(|place| line.contains(place))
    };
    let strays: Vec<String> = mentions("routes", &outside).into_iter().filter(|line| !acting(line)).collect();
    assert_eq!(strays, Vec::<String>::new(), "what asks a gateway is in admin, apply and prove");
    for pure in ["routes/prove/router", "routes/prove/request", "routes/prove/answer", "routes/plan"] {
        assert_eq!(mentions(pure, &outside), Vec::<String>::new(), "{pure} is pure");
    }
}

#[test]
fn arrows_point_one_way() {
    for (room, forbidden) in [
        (
            "stack",
            &[
                "crate::plan",
                "crate::engine",
                "crate::run",
                "crate::probe",
                "crate::commands",
                "crate::output",
                "crate::topics",
            ][..],
        ),
        ("plan", &["crate::engine", "crate::run", "crate::probe", "crate::commands", "crate::output"]),
        ("engine", &["crate::run", "crate::probe", "crate::commands", "crate::output"]),
        ("probe", &["crate::engine", "crate::plan", "crate::run", "crate::commands", "crate::output"]),
        ("run", &["crate::commands", "crate::output"]),
        (
            "trace",
            &[
                "crate::engine",
                "crate::plan",
                "crate::run",
                "crate::probe",
                "crate::commands",
                "crate::output",
            ],
        ),
        ("stub", &["crate::commands", "crate::engine", "crate::run"]),
        ("doctor", &["crate::run", "crate::probe", "crate::commands", "crate::output"]),
        ("why", &["crate::engine", "crate::plan", "crate::run", "crate::commands", "crate::output"]),
        ("topics", &["crate::engine", "crate::plan", "crate::run", "crate::commands", "crate::output"]),
        (
            "routes",
            &[
                "crate::engine",
                "crate::plan::",
                "crate::run",
                "crate::probe",
                "crate::topics",
                "crate::commands",
                "crate::output",
            ],
        ),
        ("output", &["crate::commands::"]),
    ] {
        assert_eq!(mentions(room, forbidden), Vec::<String>::new(), "{room} must not use these");
    }
}

#[test]
fn no_type_of_bollard_leaves_its_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let strays: Vec<PathBuf> = sources("")
        .into_iter()
        .filter(|(path, text)| !path.starts_with(root.join("engine/docker")) && text.contains("bollard::"))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(strays, Vec::<PathBuf>::new());
}

#[test]
fn files_are_about_one_thing() {
    let long: Vec<String> = sources("")
        .into_iter()
        .filter(|(_, text)| text.lines().count() > 400)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}
