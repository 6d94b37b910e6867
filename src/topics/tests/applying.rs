//! Carrying a plan out, and everything that can happen on the way.

use std::time::Duration;

use super::{applied, planned};
use crate::failure::Kind;
use crate::topics::admin::{AdminError, Refusal};
use crate::topics::apply::{Applied, End, prune};
use crate::topics::testing::{Call, Fake, Fault, new, refusal};

/// A line for each topic: what was done, and how it ended.
fn told(applied: &Applied) -> Vec<String> {
    let lines = applied.topics.iter().map(|outcome| {
        let end = match &outcome.end {
            End::Done => "done".to_owned(),
            End::Refused(refusal) => format!("refused: {refusal}"),
            End::Impossible(reasons) => format!("impossible: {reasons:?}"),
            End::Unknown(error) => format!("unknown: {error}"),
            End::Leaderless => "leaderless".to_owned(),
        };
        format!("{} {} {end}", outcome.topic, outcome.done.len())
    });
    lines.collect()
}

const TEXT: &str = "
- {name: a, partitions: 2}
- {name: b, partitions: 2}
- {name: c, partitions: 3, config: {retention.ms: 5, segment.bytes: null}}
";

/// `c` is there, and must be grown and set.
fn begun() -> Fake {
    Fake::new(1).with("c", 1, 1, &[("segment.bytes", "5000")])
}

/// It was done as planned, and nothing is left.
#[track_caller]
fn settled(fake: &Fake) {
    let plan = planned(TEXT, fake);
    assert!(plan.is_settled(), "{plan:?}");
}

#[test]
fn each_kind_of_change_is_one_request() {
    let fake = begun();
    let applied = applied(TEXT, &fake);
    assert_eq!(told(&applied), ["a 1 done", "b 1 done", "c 3 done"]);
    assert_eq!(fake.asked(), ["Create(a, b)", "Grow(c)", "Alter(c)", "Led(a, b, c)", "Read"]);
    assert_eq!(applied.failure(), None);
    assert_eq!(applied.changed().count(), 3);
    settled(&fake);
}

#[test]
fn nothing_to_do_asks_nothing() {
    let fake = Fake::new(1).with("a", 1, 1, &[]);
    assert_eq!(applied("[a]", &fake), Applied::default());
    assert_eq!(fake.asked(), Vec::<String>::new());
}

#[test]
fn settings_alone_wait_for_no_leader() {
    let fake = Fake::new(1).with("a", 1, 1, &[]);
    applied("- {name: a, config: {retention.ms: 5}}", &fake);
    assert_eq!(fake.asked(), ["Alter(a)", "Read"]);
}

#[test]
fn what_was_set_is_asked_for_until_it_is_told() {
    let text = "- {name: a, config: {retention.ms: 5, segment.bytes: null}}";
    let of = |config: &[(&str, &str)]| Fake::new(1).with("a", 1, 1, config);
    for (fake, changes) in
        [(of(&[]), 1), (of(&[("retention.ms", "7")]), 1), (of(&[("segment.bytes", "5000")]), 2)]
    {
        let fake = fake.failing(Call::Read, Fault::Lags).failing(Call::Read, Fault::Lags);
        assert_eq!(told(&applied(text, &fake)), [format!("a {changes} done")]);
        assert_eq!(fake.asked(), ["Alter(a)", "Read", "Read", "Read"], "the third one tells it");
    }
    // One of many is asked, and then the rest.
    let fake = of(&[]).with("b", 1, 1, &[]).with("c", 1, 1, &[]).failing(Call::Read, Fault::Lags);
    let many = "{defaults: {config: {retention.ms: 5}}, topics: [a, b, c]}";
    assert_eq!(told(&applied(many, &fake)), ["a 1 done", "b 1 done", "c 1 done"]);
    assert_eq!(fake.asked(), ["Alter(a, b, c)", "Read", "Read", "Read"]);
    // Who stays behind doesn't undo what the controller took, and is waited for until the time is up.
    let fake = (0..500).fold(of(&[]), |fake, _| fake.failing(Call::Read, Fault::Lags));
    assert_eq!(told(&applied(text, &fake)), ["a 1 done"]);
}

#[test]
fn a_broker_that_is_away_for_a_while_is_waited_for() {
    let fake = begun()
        .failing(Call::Create, Fault::Unreachable)
        .failing(Call::Grow, Fault::Unreachable)
        .failing(Call::Alter, Fault::Unreachable)
        .failing(Call::Read, Fault::Unreachable)
        .failing(Call::Create, Fault::Unreachable);
    assert_eq!(told(&applied(TEXT, &fake)), ["a 1 done", "b 1 done", "c 3 done"]);
    let asked = fake.asked();
    assert_eq!(
        asked,
        [
            "Create(a, b)",
            "Grow(c)",
            "Alter(c)",
            "Read",
            "Read",
            "Create(a, b)",
            "Grow(c)",
            "Alter(c)",
            "Read",
            "Create(a, b)",
            "Led(a, b, c)",
            "Read"
        ],
        "it is looked at again before anything is sent again"
    );
    settled(&fake);
}

#[test]
fn a_request_that_dies_half_way_is_gone_on_with() {
    for died in 0..=2 {
        let fake = begun().failing(Call::Create, Fault::DiesAfter(died));
        assert_eq!(told(&applied(TEXT, &fake)), ["a 1 done", "b 1 done", "c 3 done"]);
        let rest = ["Create(a, b)", "Create(b)", ""][died];
        let again: Vec<String> =
            fake.asked().into_iter().skip(4).filter(|ask| ask.starts_with("Create")).collect();
        assert_eq!(again.concat(), rest, "what was done isn't done again");
        settled(&fake);
    }
    for call in [Call::Grow, Call::Alter] {
        let fake = begun().failing(call, Fault::DiesAfter(1)).failing(call, Fault::DiesAfter(0));
        assert_eq!(told(&applied(TEXT, &fake)), ["a 1 done", "b 1 done", "c 3 done"], "{call:?}");
        settled(&fake);
    }
}

#[test]
fn an_answer_that_leaves_a_topic_out_is_looked_up() {
    let fake = begun().failing(Call::Create, Fault::Forgets("b"));
    assert_eq!(told(&applied(TEXT, &fake)), ["a 1 done", "b 1 done", "c 3 done"]);
    settled(&fake);
}

#[test]
fn a_request_that_isnt_answered_beside_others_that_are_is_no_refusal() {
    let why = AdminError { message: "the connection was closed".into(), hint: None, retriable: true };
    let unanswered = || Fault::Refuses("b", Refusal::unanswered(&why));
    let fake = begun().failing(Call::Create, unanswered());
    assert_eq!(told(&applied(TEXT, &fake)), ["a 1 done", "b 1 done", "c 3 done"]);
    settled(&fake);
    // For as long as there is time.
    let fake = (0..500).fold(begun(), |fake, _| fake.failing(Call::Create, unanswered()));
    let applied = applied(TEXT, &fake);
    let told = told(&applied);
    assert!(told[1].starts_with("b 0 unknown: "), "{told:?}");
    assert_eq!((told[0].as_str(), told[2].as_str()), ("a 1 done", "c 3 done"));
    assert_eq!(applied.failure(), Some(Kind::NotReady));
    let fake = Fake::new(1).with("b", 1, 1, &[]);
    let fake = (0..500).fold(fake, |fake, _| fake.failing(Call::Delete, unanswered()));
    let (_, ends) = pruned(&fake, &["b"]);
    assert!(matches!(&ends[..], [End::Unknown(error)] if error.retriable), "{ends:?}");
}

#[test]
fn an_answer_that_never_comes_ends_with_the_time() {
    let fake = begun().failing(Call::Create, Fault::Silent);
    let applied = applied(TEXT, &fake);
    assert_eq!(
        told(&applied),
        [
            "a 0 unknown: the cluster didn't answer in time",
            "b 0 unknown: the cluster didn't answer in time",
            "c 3 done"
        ]
    );
    assert_eq!(applied.failure(), Some(Kind::NotReady));
    settled(&fake);
}

#[test]
fn a_cluster_that_stays_away_is_said_to_be_away() {
    let fake = (0..500).fold(begun(), |fake, _| fake.failing(Call::Read, Fault::Unreachable));
    let fake = fake.failing(Call::Create, Fault::DiesAfter(1));
    let applied = applied(TEXT, &fake);
    assert_eq!(
        told(&applied),
        [
            "a 0 unknown: kafka:9092: connection refused",
            "b 0 unknown: kafka:9092: connection refused",
            "c 3 done"
        ]
    );
    assert!(fake.asked().len() < 80, "it isn't asked without a pause");
}

#[test]
fn a_refused_login_is_final() {
    let fake = begun().failing(Call::Create, Fault::Denied);
    let applied = applied(TEXT, &fake);
    assert_eq!(told(&applied)[0], "a 0 unknown: kafka:9092: the login as 'vv' was refused");
    assert_eq!(applied.failure(), Some(Kind::Backend));
    assert_eq!(fake.asked(), ["Create(a, b)", "Grow(c)", "Alter(c)", "Led(c)", "Read"], "once is enough");
    // While it is looked at again.
    let fake = begun().failing(Call::Create, Fault::Unreachable).failing(Call::Read, Fault::Denied);
    assert_eq!(super::applied(TEXT, &fake).failure(), Some(Kind::Backend));
}

#[test]
fn one_refused_topic_fails_no_other() {
    let policy = refusal("POLICY_VIOLATION", "Topics need 3 replicas.", false);
    let fake = begun().failing(Call::Create, Fault::Refuses("a", policy));
    let applied = applied(TEXT, &fake);
    assert_eq!(
        told(&applied),
        ["a 0 refused: POLICY_VIOLATION: Topics need 3 replicas.", "b 1 done", "c 3 done"]
    );
    assert_eq!(applied.failure(), Some(Kind::Backend));
    let created = fake.asked().into_iter().filter(|ask| ask.starts_with("Create"));
    assert_eq!(created.collect::<Vec<_>>(), ["Create(a, b)"], "a refusal isn't asked for again");
}

#[test]
fn a_refused_setting_doesnt_hide_that_partitions_were_added() {
    let refused = refusal("INVALID_CONFIG", "Unknown topic config name: segment.bytes", false);
    let fake = begun().failing(Call::Alter, Fault::Refuses("c", refused));
    let told = told(&applied(TEXT, &fake));
    assert_eq!(told[2], "c 1 refused: INVALID_CONFIG: Unknown topic config name: segment.bytes");
    assert_eq!(fake.cluster().topics["c"].partitions.len(), 3);
}

#[test]
fn what_may_go_better_is_tried_again() {
    let busy = refusal("NOT_CONTROLLER", "This is not the correct controller for this cluster.", true);
    let fake = begun()
        .failing(Call::Create, Fault::Refuses("a", busy.clone()))
        .failing(Call::Create, Fault::Refuses("a", busy.clone()))
        .failing(Call::Grow, Fault::Refuses("c", busy.clone()));
    assert_eq!(told(&applied(TEXT, &fake)), ["a 1 done", "b 1 done", "c 3 done"]);
    settled(&fake);
    // For as long as there is time.
    let fake =
        (0..500).fold(begun(), |fake, _| fake.failing(Call::Create, Fault::Refuses("a", busy.clone())));
    let told = told(&applied(TEXT, &fake));
    assert_eq!(told[0], "a 0 refused: NOT_CONTROLLER: This is not the correct controller for this cluster.");
    assert_eq!(told[1..], ["b 1 done", "c 3 done"]);
}

#[test]
fn two_runs_at_once_do_each_others_work() {
    // The same topic, made by the other.
    let fake = begun().failing(Call::Create, Fault::Appears(new("a", Some(2), None, &[])));
    assert_eq!(told(&applied(TEXT, &fake)), ["a 0 done", "b 1 done", "c 3 done"]);
    settled(&fake);
    // With fewer partitions: it is grown.
    let fake = begun().failing(Call::Create, Fault::Appears(new("a", Some(1), None, &[])));
    assert_eq!(told(&applied(TEXT, &fake)), ["a 1 done", "b 1 done", "c 3 done"]);
    settled(&fake);
    // With more: Kafka can't make it what is declared.
    let fake = begun().failing(Call::Create, Fault::Appears(new("a", Some(9), None, &[])));
    let applied = applied(TEXT, &fake);
    assert_eq!(told(&applied)[0], "a 0 impossible: [Shrink { declared: 2, actual: 9 }]");
    assert_eq!(applied.failure(), Some(Kind::Failed));
    // Grown by the other.
    let fake = begun().failing(Call::Grow, Fault::Grows("c", 3));
    assert_eq!(told(&super::applied(TEXT, &fake)), ["a 1 done", "b 1 done", "c 2 done"]);
    settled(&fake);
    // Deleted in between: it is made again.
    let fake = begun().failing(Call::Grow, Fault::Vanishes("c"));
    assert_eq!(told(&super::applied(TEXT, &fake))[2], "c 1 done");
    settled(&fake);
}

#[test]
fn a_broker_that_contradicts_itself_is_believed_after_a_while() {
    let wrong = refusal("INVALID_PARTITIONS", "Topic already has 3 partition(s).", false);
    let fake = (0..50).fold(begun(), |fake, _| fake.failing(Call::Grow, Fault::Refuses("c", wrong.clone())));
    assert_eq!(
        told(&applied(TEXT, &fake))[2],
        "c 2 refused: INVALID_PARTITIONS: Topic already has 3 partition(s)."
    );
    assert_eq!(fake.asked().iter().filter(|ask| ask.starts_with("Grow")).count(), 6);
}

/// What is left after topics were deleted, and how each ended.
fn pruned(fake: &Fake, topics: &[&str]) -> (String, Vec<End>) {
    let topics: Vec<String> = topics.iter().map(ToString::to_string).collect();
    let ends = super::asynchronous(prune(fake, &topics, Duration::from_secs(60)));
    let left = fake.cluster().topics.into_keys().collect::<Vec<_>>().join(" ");
    (left, ends.into_iter().map(|(_, end)| end).collect())
}

#[test]
fn deleting_goes_on_after_trouble_and_deletes_nothing_else() {
    let fake = || Fake::new(1).with("a", 1, 1, &[]).with("b", 1, 1, &[]).with("c", 1, 1, &[]);
    let done = |left: &str| (left.to_owned(), vec![End::Done, End::Done]);
    assert_eq!(pruned(&fake(), &["a", "b"]), done("c"));
    assert_eq!(pruned(&fake(), &["gone", "b"]), done("a c"));
    for fault in [
        Fault::DiesAfter(1),
        Fault::DiesAfter(2),
        Fault::Unreachable,
        Fault::Forgets("a"),
        Fault::Vanishes("b"),
    ] {
        let fake = fake().failing(Call::Delete, fault).failing(Call::Read, Fault::Unreachable);
        assert_eq!(pruned(&fake, &["a", "b"]), done("c"));
    }
    let busy = refusal("NOT_CONTROLLER", "not the controller", true);
    assert_eq!(pruned(&fake().failing(Call::Delete, Fault::Refuses("a", busy)), &["a", "b"]), done("c"));
    let disabled = refusal("TOPIC_DELETION_DISABLED", "Topic deletion is disabled.", false);
    let fake = fake().failing(Call::Delete, Fault::Refuses("a", disabled.clone()));
    assert_eq!(pruned(&fake, &["a", "b"]), ("a c".to_owned(), vec![End::Refused(disabled), End::Done]));
    let away = Fake::new(1).with("a", 1, 1, &[]).failing(Call::Delete, Fault::Silent);
    assert!(matches!(pruned(&away, &["a"]).1[..], [End::Unknown(_)]));
    let denied = Fake::new(1).with("a", 1, 1, &[]).failing(Call::Delete, Fault::Denied);
    assert!(matches!(pruned(&denied, &["a"]).1[..], [End::Unknown(_)]));
}

#[test]
fn a_topic_without_leaders_isnt_done() {
    let fake = begun().leaderless("a");
    let applied = applied(TEXT, &fake);
    assert_eq!(told(&applied), ["a 1 leaderless", "b 1 done", "c 3 done"]);
    assert_eq!(applied.failure(), Some(Kind::NotReady));
    let fake = begun().failing(Call::Led, Fault::Unreachable);
    assert_eq!(told(&super::applied(TEXT, &fake))[0], "a 1 unknown: kafka:9092: connection refused");
}
