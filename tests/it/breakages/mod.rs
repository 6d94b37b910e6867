//! Ways to break a platform, each with the line that vv must print of it: one table over three stacks, each started once. A
//! row breaks something, asks until the line is there, mends it, and asks until the line is gone.

mod containers;
mod messaging;
mod platform;
mod starts;
mod stores;
mod web;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Project, Ran};

/// A way to break a platform.
struct Breakage {
    /// What it is.
    what: &'static str,
    /// The shell line that breaks it; empty where the stack is broken from the start. It knows `c REPLICA COMMAND` (in
    /// a container), `vv` and `$P`, the project's name.
    make: &'static str,
    /// What is asked, after `vv`.
    ask: &'static str,
    /// The line that must be among what is printed, with single spaces: `*` is any text, `P` the project's name.
    says: &'static str,
    /// The shell line that mends it; empty where it stays broken, or the next row mends it.
    mend: &'static str,
}

/// One that is there from the start.
const fn inborn(what: &'static str, ask: &'static str, says: &'static str) -> Breakage {
    Breakage { what, make: "", ask, says, mend: "" }
}

/// How long a breakage may take to be seen, or to be gone, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);

/// Goes through rows that mustn't disturb each other, one after the other; what isn't as the table says.
fn go_through(project: &Project, rows: &[Breakage], wrong: &Mutex<Vec<String>>) {
    for row in rows {
        if let Err(said) = go(project, row) {
            wrong.lock().unwrap().push(format!("{}: {said}", row.what));
        }
    }
}

fn go(project: &Project, row: &Breakage) -> Result<(), String> {
    shell(project, row.make).map_err(|said| format!("can't be made: {said}"))?;
    let seen = until(project, row, |found, code| found && code != 0);
    let mended = shell(project, row.mend).map_err(|said| format!("can't be mended: {said}"));
    seen?;
    mended?;
    if row.mend.is_empty() {
        return Ok(());
    }
    until(project, row, |found, _| !found).map_err(|ran| format!("it is still said once mended: {ran}"))
}

/// Asks until what is printed, and the exit code, are as wanted.
fn until(project: &Project, row: &Breakage, wanted: impl Fn(bool, i32) -> bool) -> Result<(), String> {
    let words: Vec<&str> = row.ask.split(' ').collect();
    let started = Instant::now();
    loop {
        let ran = project.vv(&words);
        if wanted(prints(project, &ran, row.says), ran.code) {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("vv {}: no line '{}'\n{ran}", row.ask, row.says));
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// Whether a line is among what was printed.
fn prints(project: &Project, ran: &Ran, pattern: &str) -> bool {
    let single = |line: &str| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        // A check's last column is how long it took.
        if matches!(words.first(), Some(&("✘" | "!")))
            && words.last().is_some_and(|word| word.parse::<u64>().is_ok())
        {
            words.pop();
        }
        words.join(" ")
    };
    let shown = [&ran.stdout, &ran.stderr];
    let mut lines = shown.iter().flat_map(|text| text.lines());
    lines.any(|line| is_like(&single(line).replace(&project.name, "P"), pattern))
}

/// Whether a text is what a pattern says, whose `*` is any text.
fn is_like(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|left| {
            left.char_indices().map(|(at, _)| at).chain([left.len()]).any(|at| is_like(&left[at..], rest))
        }),
    }
}

fn shell(project: &Project, line: &str) -> Result<(), String> {
    if line.is_empty() {
        return Ok(());
    }
    const WORDS: &str = r#"c() { local to=$1; shift; docker exec "$P-$to" "$@"; }
vv() { "$VV" -p "$P" --wait-lock "$@"; }
"#;
    let mut command = Command::new("bash");
    command.args(["-ec", &format!("{WORDS}{line}")]).current_dir(project.dir.path());
    command.env("P", &project.name).env("VV", env!("CARGO_BIN_EXE_vv"));
    let ran = Ran::of(command.output().unwrap());
    if ran.code == 0 { Ok(()) } else { Err(ran.to_string()) }
}

/// Goes through stages of tables, those of a stage at once, and fails with all that isn't as they say.
fn break_all(project: &Project, stages: &[&[&[Breakage]]]) {
    let wrong = Mutex::new(Vec::new());
    for tables in stages {
        thread::scope(|scope| {
            for rows in *tables {
                scope.spawn(|| go_through(project, rows, &wrong));
            }
        });
    }
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of the table's rows:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn the_table_has_its_rows() {
    let tables = [platform::TABLES, containers::TABLES, starts::TABLES].concat();
    let rows: Vec<&Breakage> = tables.into_iter().flatten().collect();
    let names: BTreeSet<&str> = rows.iter().map(|row| row.what).collect();
    assert_eq!(names.len(), rows.len(), "every way has a name of its own");
    assert!(rows.len() >= 60, "{}", rows.len());
}

#[test]
fn patterns() {
    for (text, pattern, wanted) in [
        ("abc", "abc", true),
        ("abc", "ab", false),
        ("abc", "a*", true),
        ("abc", "*c", true),
        ("abc", "a*b*c", true),
        ("é up", "*up", true),
        ("abc", "a*d", false),
    ] {
        assert_eq!(is_like(text, pattern), wanted, "{text} {pattern}");
    }
}
