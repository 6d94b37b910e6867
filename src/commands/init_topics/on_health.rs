//! Health's word on declared topics: there, led, in sync, and as declared.

use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::cluster;
use super::on_start::Topics;
use crate::commands::declared::Told;
use crate::platform::Replica;
use crate::probe::deep::few;
use crate::probe::{Check, Level, Outcome};
use crate::stack::Stack;
use crate::topics::admin::Admin;
use crate::topics::cluster::Cluster;
use crate::topics::declaration::Declaration;
use crate::topics::health::{Partitions, drifted, leaderless, missing, under_replicated};
use crate::topics::kafka::brokers;
use crate::topics::words;

/// What the check is called.
const NAME: &str = "declared topics";

/// What is seen: the outcome, its words, and what to do.
type Seen = (Outcome, String, Option<String>);

impl Topics {
    /// The service that the check is told of: the first of the brokers.
    pub fn told_of(stack: &Stack) -> Option<&str> {
        brokers(stack).first().map(|service| service.name.as_str())
    }

    /// Asks the brokers, within this time.
    pub async fn check(&self, stack: &Stack, service: &str, platform: Shared, limit: Duration) -> Told {
        let begun = Instant::now();
        let asked = async {
            let kafka = cluster::now(stack, platform, self.access.clone(), begun + limit).await?;
            kafka.read(&self.declaration.names()).await
        };
        let asked = tokio::time::timeout(limit, asked).await;
        let answered = matches!(asked, Ok(Ok(_)));
        let (outcome, detail, hint) = match asked {
            Ok(Ok(cluster)) => judge(&self.declaration, &cluster),
            Ok(Err(error)) => (Outcome::Fail, error.message, error.hint),
            Err(_) => {
                let detail = format!("no answer within {}", crate::output::short_duration(limit));
                (Outcome::Fail, detail, None)
            }
        };
        let replica = Replica { service: service.to_owned(), number: 0 };
        let took = begun.elapsed();
        let check = Check { replica, name: NAME.into(), level: Level::Deep, outcome, detail, hint, took };
        Told { check, answered }
    }
}

/// What a cluster comes to, the worst first.
fn judge(declaration: &Declaration, cluster: &Cluster) -> Seen {
    const APPLY: &str = "vv init-topics";
    let missing = missing(declaration, cluster);
    if !missing.is_empty() {
        return (Outcome::Fail, format!("missing: {}", few(missing)), Some(APPLY.into()));
    }
    let leaderless = leaderless(declaration, cluster);
    if !leaderless.is_empty() {
        let hint = "is every broker up? vv logs shows why one left";
        return (Outcome::Fail, format!("without a leader: {}", few(told(&leaderless))), Some(hint.into()));
    }
    let lagging = under_replicated(declaration, cluster);
    if !lagging.is_empty() {
        let hint = "a broker is down, or can't keep up with the leader";
        return (Outcome::Warn, format!("replicas not in sync: {}", few(told(&lagging))), Some(hint.into()));
    }
    let drifted = drifted(declaration, cluster);
    let changes =
        drifted.changes.iter().map(|change| format!("{}: {}", change.topic, words::actions(&change.actions)));
    let impossible =
        drifted.impossible.iter().map(|topic| format!("{}: {}", topic.topic, words::reasons(&topic.reasons)));
    let drift = drifted.drift.iter().map(|drift| format!("{}: {}", drift.topic, words::drift(drift)));
    let differing: Vec<String> = changes.chain(impossible).chain(drift).collect();
    if !differing.is_empty() {
        let hint = match drifted.changes.is_empty() {
            true => "vv init-topics --check shows each, and what to do",
            false => APPLY,
        };
        return (Outcome::Warn, format!("not as declared: {}", few(differing)), Some(hint.into()));
    }
    let count = declaration.topics.len();
    (Outcome::Ok, format!("{}, as declared", words::counted(count, "topic")), None)
}

fn told(partitions: &[Partitions]) -> Vec<String> {
    let told = partitions.iter().map(|Partitions { topic, numbers }| match numbers.as_slice() {
        [] => topic.clone(),
        numbers => {
            let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
            format!("{topic} ({})", numbers.join(", "))
        }
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topics::testing::{Fake, declaration};

    #[test]
    fn the_worst_is_told() {
        let declared = declaration("[{name: a, partitions: 2}, {name: b, config: {retention.ms: 1000}}, c]");
        let whole = || Fake::new(3).with("a", 2, 3, &[]).with("b", 1, 1, &[("retention.ms", "1000")]);
        let told = |fake: Fake| {
            let (outcome, detail, hint) = judge(&declared, &fake.cluster());
            format!("{outcome:?} {detail} -> {}", hint.unwrap_or_default())
        };
        let lagging = whole().with("c", 1, 1, &[]);
        lagging.kill(2);
        let said = [
            told(whole().with("c", 1, 1, &[])),
            told(whole()),
            told(whole().with("c", 1, 1, &[]).leaderless("c")),
            told(lagging),
            told(Fake::new(1).with("a", 1, 1, &[]).with("b", 1, 1, &[]).with("c", 1, 1, &[])),
            told(whole().with("c", 1, 1, &[("max.message.bytes", "5")])),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        Ok 3 topics, as declared -> 
        Fail missing: c -> vv init-topics
        Fail without a leader: c (0) -> is every broker up? vv logs shows why one left
        Warn replicas not in sync: a (0, 1) -> a broker is down, or can't keep up with the leader
        Warn not as declared: a: grow 1 → 2 partitions; b: set retention.ms 604800000 → 1000 -> vv init-topics
        Warn not as declared: c: max.message.bytes=5 is set and not declared -> vv init-topics --check shows each, and what to do
        ");
    }
}
