//! The findings of `vv doctor`, for people.

use console::style;

use super::table::Tone;
use crate::doctor::{Finding, Severity};

/// A line for each, and below it what to do.
pub fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for finding in findings {
        let (sign, tone) = match finding.severity {
            Severity::Ok => ("✔", Tone::Good),
            Severity::Warn => ("!", Tone::Doubtful),
            Severity::Fail => ("✘", Tone::Bad),
        };
        let sign = match tone {
            Tone::Good => style(sign).green(),
            Tone::Doubtful => style(sign).yellow(),
            Tone::Bad => style(sign).red().bold(),
            Tone::Faint => style(sign).dim(),
        };
        lines.push(format!("{sign} {:width$}  {}", finding.check, finding.seen));
        if let Some(fix) = &finding.fix {
            lines.push(format!("  {:width$}  {} {fix}", "", style("fix:").cyan()));
        }
    }
    lines.join("\n")
}
