//! Deleting topics that nobody declares, by name and after a yes.

use std::time::Duration;

use crate::commands::context::Context;
use crate::failure::{Failure, Kind, Result};
use crate::topics::admin::Admin;
use crate::topics::apply::{End, prune};
use crate::topics::plan::TopicPlan;
use crate::topics::prune::matching;
use crate::topics::words;

/// The undeclared topics that a pattern of `--prune` means; of one that means none is said so.
pub fn chosen(context: &Context, plan: &TopicPlan, patterns: &[String]) -> Result<Vec<String>> {
    let mut chosen = Vec::new();
    for pattern in patterns {
        let matching = matching(&plan.undeclared, pattern)
            .map_err(|error| Failure::usage(format!("--prune: {error}")))?;
        if matching.is_empty() {
            context.printer.warn(format_args!("--prune {pattern}: no topic that isn't declared matches"));
        }
        chosen.extend(matching);
    }
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}

/// Asks whether they are to go.
pub fn sure(context: &Context, topics: &[String], yes: bool) -> Result {
    if yes || topics.is_empty() {
        return Ok(());
    }
    let many = if topics.len() == 1 { "this topic" } else { "these topics" };
    let question =
        format!("Delete {many} with all that is in them: {} ({})?", topics.join(", "), topics.len());
    match context.printer.ask(question) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::usage("nothing was done")),
        None => Err(Failure::usage("--prune deletes data, and there is no terminal to ask")
            .hint("--dry-run shows what would be deleted; --yes deletes it")),
    }
}

/// Deletes them; each that isn't is told.
pub async fn delete(context: &Context, admin: &dyn Admin, topics: &[String], limit: Duration) -> Result {
    let mut left = Vec::new();
    let mut kind = None;
    for (topic, end) in prune(admin, topics, limit).await {
        match end {
            End::Done => context.printer.say(format_args!("deleted {topic}")),
            end => {
                kind = kind.or(end.failure());
                left.push(format!("topic {topic}: {}", words::end(&end)));
            }
        }
    }
    match left.split_first() {
        None => Ok(()),
        Some((first, more)) => {
            let kind = kind.unwrap_or(Kind::Backend);
            Err(Failure::new(kind, format!("could not delete {first}")).detail(more.to_vec()))
        }
    }
}
