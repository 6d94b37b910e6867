//! What `vv why` found, for people.

use console::style;

use crate::why::Explanation;

/// The reason in one line, then the way to it, what shows it, and what to do.
pub fn text(explanation: &Explanation) -> String {
    let headline = explanation.headline();
    let Some(reason) = &explanation.reason else {
        let mut lines = vec![style(headline).green().to_string()];
        lines.extend(explanation.notes.iter().map(|note| format!("  {note}")));
        return lines.join("\n");
    };
    let mut lines = vec![style(headline).bold().to_string()];
    lines.extend(explanation.chain.iter().map(|step| format!("  {} {}", step.service, step.because)));
    lines.extend(reason.evidence.iter().map(|line| format!("  {line}")));
    lines.extend(explanation.notes.iter().map(|note| format!("  {note}")));
    lines.push(format!("{} {}", style("fix:").cyan(), reason.fix));
    lines.join("\n")
}
