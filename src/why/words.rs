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
    fn long_lines_are_cut() {
        assert_eq!(short(" a\u{1b}[31mb "), "a[31mb");
        assert_eq!(short(&"é".repeat(200)).chars().count(), 161);
    }
}
