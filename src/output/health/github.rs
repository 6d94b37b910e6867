//! A health run in GitHub Actions: annotations by workflow commands
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>) and a step summary.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use super::{Row, in_a_line, name, rows};
use crate::probe::Outcome;
use crate::probe::report::{Line, Report};

/// GitHub shows so many annotations of each severity per step, and drops the rest without a word.
const SHOWN: usize = 10;

/// The annotations, a line each: an error for each check that fails by `threshold`, a warning for what is doubtful.
pub fn annotations(report: &Report, threshold: Outcome) -> Vec<String> {
    let failed = |line: &&Line| line.status >= threshold;
    let doubtful = |line: &&Line| line.status == Outcome::Warn && line.status < threshold;
    let mut said = of_severity("error", report.checks.iter().filter(failed).collect());
    said.extend(of_severity("warning", report.checks.iter().filter(doubtful).collect()));
    said
}

fn of_severity(severity: &str, lines: Vec<&Line>) -> Vec<String> {
    let shown = if lines.len() > SHOWN { SHOWN - 1 } else { lines.len() };
    let mut said: Vec<String> = lines[..shown]
        .iter()
        .map(|line| {
            let title = format!("{} {}", line.who(), line.check);
            let hint = line.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            command(severity, &title, &format!("{}{hint}", line.detail))
        })
        .collect();
    if shown < lines.len() {
        let rest: Vec<String> =
            lines[shown..].iter().map(|line| format!("{} {}", line.who(), line.check)).collect();
        let title = format!("{} more", rest.len());
        said.push(command(severity, &title, &rest.join("\n")));
    }
    said
}

fn command(severity: &str, title: &str, message: &str) -> String {
    format!("::{severity} title={}::{}", property(title), data(message))
}

/// A command's message as the runner reads it back.
fn data(text: &str) -> String {
    let text: String = console::strip_ansi_codes(text)
        .chars()
        .filter(|letter| matches!(letter, '\r' | '\n') || !letter.is_control())
        .collect();
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A command's property as the runner reads it back.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The text such that the runner takes nothing in it for a command of its own: what a system under test says is shown,
/// not obeyed. `token` must be one that nobody can guess.
pub fn shielded(text: &str, token: &str) -> String {
    // The runner's older form of commands counts anywhere in a line.
    let steers = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    if text.lines().any(steers) {
        format!("::stop-commands::{token}\n{text}\n::{token}::")
    } else {
        text.into()
    }
}

/// The step summary, in Markdown: a row per service, more where it fails.
pub fn summary(report: &Report) -> String {
    let sign = |outcome| match outcome {
        Outcome::Ok => "✅",
        Outcome::Skipped => "➖",
        Outcome::Warn => "⚠️",
        Outcome::Fail => "❌",
    };
    let mut text = format!(
        "### {} vv health: {} {}\n\n| | service | check | seen | what to do | ms |\n|---|---|---|---|---|---:|\n",
        sign(report.status),
        markdown(&report.stack),
        name(report.status)
    );
    for Row { who, check, line, ms } in rows(report, false) {
        let hint = line.hint.as_deref().filter(|_| line.status > Outcome::Skipped).unwrap_or_default();
        let cells = [&who, &check, line.detail.as_str(), hint].map(markdown);
        text.push_str(&format!("| {} | {} | {ms} |\n", sign(line.status), cells.join(" | ")));
    }
    text.push('\n');
    text
}

/// Appends it to the file that `GITHUB_STEP_SUMMARY` names.
///
/// # Errors
/// Those of the file.
pub fn append_summary(file: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(file)?.write_all(text.as_bytes())
}

/// Text that Markdown shows as it is, in a cell of a table.
fn markdown(text: &str) -> String {
    let mut shown = String::new();
    for letter in in_a_line(text).chars() {
        match letter {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '$' | '#' => {
                shown.push('\\');
                shown.push(letter);
            }
            // A name after it would be told of the run.
            '@' => shown.push_str("&#64;"),
            _ => shown.push(letter),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, evil};
    use super::*;
    use crate::probe::Level;

    #[test]
    fn annotations_are_escaped() {
        let said = annotations(&evil(), Outcome::Fail);
        assert!(said.iter().all(|line| !line.contains(['\n', '\r', '\u{1b}'])));
        insta::assert_snapshot!(said.join("\n"), @r#"
        ::error title=web-2 GET /health::GET /health: 500: <b>"100%25" & 'more'</b> ]]> |`a`|%0A::error::x,y:z ##[add-mask]x é 日本 ￾%0Ahint: vv logs web%0D%0Athen: look, 50%25 of it
        ::warning title=kafka container::1 of 3 replicas are there%0Ahint: vv start kafka
        "#);
        assert!(annotations(&evil(), Outcome::Warn).iter().all(|line| line.starts_with("::error ")));
        assert_eq!(property("a: b, 5%\n"), "a%3A b%2C 5%25%0A");
    }

    #[test]
    fn what_a_system_says_is_no_command() {
        assert_eq!(shielded("✔  web\n   a::b", "t"), "✔  web\n   a::b");
        for said in ["x\n  ::set-env name=A::b", "✘  web  ##[add-mask]x"] {
            assert_eq!(shielded(said, "t"), format!("::stop-commands::t\n{said}\n::t::"));
        }
    }

    #[test]
    fn what_github_would_drop_is_summed_up() {
        let checks: Vec<_> = (1..=12)
            .map(|number| check("web", number, "GET /health", Level::Protocol, Outcome::Fail))
            .collect();
        let said = annotations(&Report::new("shop", &checks), Outcome::Fail);
        assert_eq!(said.len(), 10);
        assert_eq!(
            said[9],
            "::error title=3 more::web-10 GET /health%0Aweb-11 GET /health%0Aweb-12 GET /health"
        );
    }

    #[test]
    fn the_summary_is_a_table() {
        insta::assert_snapshot!(summary(&evil()), @r#"
        ### ❌ vv health: shop &lt;"1"&gt; fail

        | | service | check | seen | what to do | ms |
        |---|---|---|---|---|---:|
        | ✅ | redis | ping +1 | PONG |  | 7 |
        | ❌ | web-2 | GET /health | GET /health: 500: &lt;b&gt;"100%" &amp; 'more'&lt;/b&gt; \]\]&gt; \|\`a\`\|  ::error::x,y:z \#\#\[add-mask\]x é 日本 ￾ | vv logs web then: look, 50% of it | 12345 |
        | ⚠️ | kafka | container | 1 of 3 replicas are there | vv start kafka | 7 |
        | ➖ | idle | container | no replica is wanted |  | 7 |
        "#);
    }

    #[test]
    fn the_summary_is_appended() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "before\n").unwrap();
        append_summary(file.path(), "after\n").unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "before\nafter\n");
    }
}
