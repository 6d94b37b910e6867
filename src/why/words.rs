//! What exit codes and lines of output mean.

/// What an exit code usually stands for; nothing for those that are the program's own.
/// 125 to 127 are Docker's, those above 128 a signal's (<https://docs.docker.com/engine/containers/run/#exit-status>).
pub fn exit_meaning(code: i64) -> Option<&'static str> {
    Some(match code {
        125 => "the engine couldn't run it",
        126 => "its command can't be executed",
        127 => "its command isn't in the image",
        130 => "it was interrupted (SIGINT)",
        132 => "it used an instruction that this CPU doesn't have (SIGILL)",
        134 => "it gave up (SIGABRT)",
        135 => "it crashed (SIGBUS)",
        137 => "it was killed (SIGKILL)",
        139 => "it crashed (SIGSEGV)",
        143 => "it was told to stop (SIGTERM)",
        _ => return None,
    })
}

/// Words of failure.
const TELLING: &[&str] = &[
    "error",
    "fail",
    "fatal",
    "panic",
    "exception",
    "refused",
    "denied",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "unable",
    "not found",
    "no such",
    "not exist",
    "invalid",
    "missing",
    "timed out",
    "timeout",
    "unreachable",
    "no space left",
    "killed",
    "abort",
];

/// The line that tells most of why something ended: the last with a word of failure that isn't part of a trace; else
/// the last one.
pub fn telling(lines: &[String]) -> Option<&str> {
    let said = || lines.iter().rev().filter(|line| !line.trim().is_empty());
    let tells = |line: &&String| {
        let lower = line.to_lowercase();
        !line.starts_with([' ', '\t']) && TELLING.iter().any(|word| lower.contains(word))
    };
    said().find(tells).or_else(|| said().next()).map(|line| line.trim())
}

/// The line that says that a disk is full.
pub fn disk_full(lines: &[String]) -> Option<&str> {
    let words = ["no space left on device", "disk quota exceeded", "enospc"];
    let full = |line: &&String| {
        let lower = line.to_lowercase();
        words.iter().any(|word| lower.contains(word))
    };
    lines.iter().rev().find(full).map(|line| line.trim())
}

/// The program of a healthcheck that can't be found or run, from what the engine or the shell says of it.
pub fn missing_program(output: &str) -> Option<String> {
    // `OCI runtime exec failed: … exec: "curl": executable file not found in $PATH: unknown`
    if output.contains("executable file not found") || output.contains("no such file or directory: unknown") {
        let name = output.rsplit_once("exec: \"")?.1.split('"').next()?;
        return Some(name.to_owned());
    }
    // `/bin/sh: curl: not found`, `sh: 1: curl: not found`, `bash: line 1: curl: command not found`
    let line = output.lines().find(|line| line.contains("not found") && line.contains("sh:"))?;
    let before = line.split(": not found").next()?.split(": command not found").next()?;
    let name = before.rsplit(": ").next()?.trim();
    (!name.is_empty() && !name.contains(' ')).then(|| name.to_owned())
}

/// A line cut to what fits beside others, without control characters.
pub fn short(line: &str) -> String {
    const LONGEST: usize = 160;
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    match clean.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_line_that_tells() {
        for (text, wanted) in [
            ("starting\nFATAL: role \"x\" does not exist\nbye\n", "FATAL: role \"x\" does not exist"),
            (
                "Traceback (most recent call last):\n  File \"a.py\", line 1, in error\npsycopg2.OperationalError: connection refused",
                "psycopg2.OperationalError: connection refused",
            ),
            (
                "java.lang.IllegalStateException: no broker\n\tat a.b.C.failed(C.java:1)\n",
                "java.lang.IllegalStateException: no broker",
            ),
            ("one\ntwo\n\n", "two"),
        ] {
            assert_eq!(telling(&lines(text)), Some(wanted), "{text}");
        }
        assert_eq!(telling(&[]), None);
    }

    #[test]
    fn programs_that_are_missing() {
        for (output, wanted) in [
            (
                "OCI runtime exec failed: exec failed: unable to start container process: exec: \"curl\": executable file not found in $PATH: unknown",
                Some("curl"),
            ),
            ("/bin/sh: curl: not found", Some("curl")),
            ("sh: 1: wget: not found\n", Some("wget")),
            ("/bin/bash: line 1: nc: command not found", Some("nc")),
            ("curl: (22) The requested URL returned error: 404 Not found", None),
            ("page not found", None),
        ] {
            assert_eq!(missing_program(output).as_deref(), wanted, "{output}");
        }
    }

    #[test]
    fn long_lines_are_cut() {
        assert_eq!(short(" a\u{1b}[31mb "), "a[31mb");
        assert_eq!(short(&"é".repeat(200)).chars().count(), 161);
    }
}
