//! The table of a health run.

use std::collections::BTreeMap;

use crate::output::table::{self, Tone};
use crate::probe::{Check, Outcome};

/// One line per service, expanded where a check isn't ok; every check with `all`.
pub fn table(checks: &[Check], order: &[String], all: bool) -> String {
    let mut by_service: BTreeMap<&str, Vec<&Check>> = BTreeMap::new();
    for check in checks {
        by_service.entry(&check.replica.service).or_default().push(check);
    }
    let mut rows = table::new(&["", "SERVICE", "CHECK", "SEEN", "MS"]);
    let mut hints = Vec::new();
    for service in order {
        let Some(checks) = by_service.get(service.as_str()) else { continue };
        let worst = checks.iter().map(|check| check.outcome).max().unwrap_or(Outcome::Ok);
        if !all && worst <= Outcome::Skipped {
            // The deepest question says most: what was seen in the system's own protocol.
            if let Some(deepest) =
                checks.iter().filter(|check| check.outcome == Outcome::Ok).max_by_key(|check| check.level)
            {
                add(&mut rows, service, &summary(checks, deepest), deepest);
            }
            continue;
        }
        for check in checks.iter().filter(|check| all || check.outcome > Outcome::Skipped) {
            let name = if check.replica.number > 0 {
                format!("{service}-{}", check.replica.number)
            } else {
                service.clone()
            };
            add(&mut rows, &name, &check.name, check);
            if let Some(hint) = &check.hint
                && check.outcome > Outcome::Skipped
            {
                hints.push(format!("{name}: {hint}"));
            }
        }
    }
    let mut text = table::render(&mut rows);
    for hint in hints {
        text.push_str(&format!("\n{} {hint}", console::style("hint:").cyan()));
    }
    text
}

fn summary(checks: &[&Check], deepest: &Check) -> String {
    let mut replicas: Vec<u32> =
        checks.iter().map(|check| check.replica.number).filter(|number| *number > 0).collect();
    replicas.sort_unstable();
    replicas.dedup();
    match replicas.len() {
        0 | 1 => deepest.name.clone(),
        replicas => format!("{} ×{replicas}", deepest.name),
    }
}

fn add(rows: &mut comfy_table::Table, name: &str, check_name: &str, check: &Check) {
    let (sign, tone) = match check.outcome {
        Outcome::Ok => ("✔", Tone::Good),
        Outcome::Skipped => ("-", Tone::Faint),
        Outcome::Warn => ("!", Tone::Doubtful),
        Outcome::Fail => ("✘", Tone::Bad),
    };
    rows.add_row([
        table::cell(sign, tone),
        comfy_table::Cell::new(name),
        comfy_table::Cell::new(check_name),
        comfy_table::Cell::new(&check.detail),
        table::cell(check.took.as_millis(), Tone::Faint),
    ]);
}
