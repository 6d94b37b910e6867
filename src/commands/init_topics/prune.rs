//! Deleting topics that nobody declares, by name and after a yes.

use globset::{Glob, GlobMatcher};

use crate::commands::context::Context;
use crate::failure::{Failure, Kind, Result};
use crate::topics::admin::Admin;
use crate::topics::kafka::Kafka;
use crate::topics::plan::TopicPlan;

/// The patterns of `--prune`.
pub fn patterns(globs: &[String]) -> Result<Vec<GlobMatcher>> {
    let compiled = globs.iter().map(|glob| Glob::new(glob).map(|glob| glob.compile_matcher()));
    compiled
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::usage(format!("--prune: {error}")).hint("--prune 'old.*', in quotes"))
}

/// The undeclared topics whose whole name matches. Kafka's own are never among a plan's.
pub fn matching<'a>(plan: &'a TopicPlan, patterns: &[GlobMatcher]) -> Vec<&'a str> {
    let matches = |name: &&String| patterns.iter().any(|pattern| pattern.is_match(name.as_str()));
    plan.undeclared.iter().filter(matches).map(String::as_str).collect()
}

/// Asks whether they are to go.
pub fn sure(context: &Context, topics: &[&str], yes: bool) -> Result {
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

/// Deletes them; each refusal is told.
pub async fn delete(context: &Context, kafka: &Kafka, topics: &[&str]) -> Result {
    if topics.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = topics.iter().map(|name| (*name).to_owned()).collect();
    let outcomes = kafka.delete(&names).await.map_err(super::failure_of)?;
    let mut refused = Vec::new();
    for (topic, outcome) in &outcomes {
        match outcome {
            Ok(()) => context.printer.say(format_args!("deleted {topic}")),
            // Somebody else was quicker.
            Err(refusal) if refusal.code == "UNKNOWN_TOPIC_OR_PARTITION" => {}
            Err(refusal) => refused.push(format!("topic {topic}: {refusal}")),
        }
    }
    match refused.split_first() {
        None => Ok(()),
        Some((first, more)) => {
            Err(Failure::new(Kind::Backend, format!("could not delete: {first}")).detail(more.to_vec()))
        }
    }
}
