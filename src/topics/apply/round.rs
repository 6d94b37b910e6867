//! One round of requests: what is open is sent, each kind in one call, and what came of it is noted topic by topic.

use std::collections::BTreeMap;

use tokio::time::{Instant, timeout_at};

use super::{End, Outcome};
use crate::topics::admin::{Admin, AdminError, Alteration, NewTopic, Outcome as Answer, Refusal};
use crate::topics::cluster::Cluster;
use crate::topics::declaration::Declaration;
use crate::topics::plan::{self, Action, Change};

/// How often the broker may contradict what was just read of it, before it is believed.
const CONTRADICTIONS: u32 = 5;

/// A topic on its way.
pub(super) struct Open {
    pub topic: String,
    /// What is still to be done.
    todo: Vec<Action>,
    done: Vec<Action>,
    /// Set when nothing more is to be tried.
    end: Option<End>,
    /// What went wrong last, with what is still to be done.
    trouble: Option<End>,
    contradictions: u32,
    /// It was, or is, to get new partitions.
    fresh: bool,
}

/// The kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Create,
    Grow,
    Alter,
}

impl Call {
    fn of(action: &Action) -> Self {
        match action {
            Action::Create(_) => Call::Create,
            Action::Grow { .. } => Call::Grow,
            Action::Set { .. } | Action::Unset { .. } => Call::Alter,
        }
    }
}

impl Open {
    pub fn new(change: &Change) -> Self {
        let mut open = Self {
            topic: change.topic.clone(),
            todo: Vec::new(),
            done: Vec::new(),
            end: None,
            trouble: None,
            contradictions: 0,
            fresh: false,
        };
        open.set_todo(change.actions.clone());
        open
    }

    /// Whether something is still to be done, and may be.
    pub fn is_open(&self) -> bool {
        self.end.is_none() && !self.todo.is_empty()
    }

    /// Whether it is done, and leaders are to be waited for.
    pub fn has_new_partitions(&self) -> bool {
        self.fresh && self.end.is_none() && self.todo.is_empty()
    }

    /// What was done so far.
    pub fn done(&self) -> &[Action] {
        &self.done
    }

    /// Nothing more is to be tried.
    pub fn end(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    /// The time is up, or nobody can be asked any more. What a broker said of the topic itself tells more.
    pub fn lost(&mut self, error: &AdminError) {
        let told =
            self.trouble.take().filter(|trouble| matches!(trouble, End::Refused(_)) && error.retriable);
        self.end(told.unwrap_or_else(|| End::Unknown(error.clone())));
    }

    pub fn into_outcome(self) -> Outcome {
        let end = match (self.end, self.todo.is_empty()) {
            (Some(end), _) => end,
            (None, true) => End::Done,
            (None, false) => self.trouble.unwrap_or_else(|| End::Unknown(too_late())),
        };
        Outcome { topic: self.topic, done: self.done, end }
    }

    fn set_todo(&mut self, todo: Vec<Action>) {
        self.fresh |= todo.iter().any(|action| matches!(Call::of(action), Call::Create | Call::Grow));
        self.todo = todo;
    }

    fn takes_part(&self, call: Call) -> bool {
        self.todo.iter().any(|action| Call::of(action) == call)
    }

    /// What came of a call that this topic took part in.
    fn take(&mut self, call: Call, answer: Result<Answer, AdminError>) {
        match answer {
            Ok(Ok(())) => {
                let (done, todo) = std::mem::take(&mut self.todo)
                    .into_iter()
                    .partition::<Vec<_>, _>(|action| Call::of(action) == call);
                self.done.extend(done);
                self.todo = todo;
            }
            Ok(Err(refusal)) => match verdict(call, &refusal) {
                Verdict::Final => self.end(End::Refused(refusal)),
                Verdict::Contradiction if self.contradictions >= CONTRADICTIONS => {
                    self.end(End::Refused(refusal));
                }
                Verdict::Contradiction => {
                    self.contradictions += 1;
                    self.trouble = Some(End::Refused(refusal));
                }
                Verdict::Later => self.trouble = Some(End::Refused(refusal)),
            },
            Err(error) if error.retriable => self.trouble = Some(End::Unknown(error)),
            Err(error) => self.end(End::Unknown(error)),
        }
    }

    /// What is still to be done, now that the cluster was read again.
    fn compare(&mut self, todo: Vec<Action>) {
        let before = std::mem::take(&mut self.todo);
        if matches!(self.trouble, Some(End::Unknown(_))) {
            // The answer was lost, and the deed wasn't.
            let still = |action: &Action| todo.iter().any(|other| same_subject(action, other));
            self.done.extend(before.into_iter().filter(|action| !still(action)));
        }
        if todo.is_empty() {
            self.trouble = None;
        }
        self.set_todo(todo);
    }
}

/// Whether two actions are about the same thing of a topic. One that isn't there has nothing else to be done to it.
fn same_subject(one: &Action, other: &Action) -> bool {
    match (one, other) {
        (Action::Set { key, .. } | Action::Unset { key, .. }, Action::Set { key: other, .. })
        | (Action::Set { key, .. } | Action::Unset { key, .. }, Action::Unset { key: other, .. }) => {
            key == other
        }
        _ => Call::of(one) == Call::of(other),
    }
}

/// What a refusal means for going on.
enum Verdict {
    /// It will be refused again.
    Final,
    /// It may be taken later.
    Later,
    /// The broker knows another state than it told.
    Contradiction,
}

fn verdict(call: Call, refusal: &Refusal) -> Verdict {
    match (call, refusal.code.as_str()) {
        // Somebody else was quicker, or it is still being deleted.
        (Call::Create, "TOPIC_ALREADY_EXISTS") => Verdict::Later,
        // Somebody deleted it, or not every broker knows it yet.
        (Call::Grow | Call::Alter, "UNKNOWN_TOPIC_OR_PARTITION") => Verdict::Later,
        // Somebody else has grown it, or it's not the number of partitions that is wrong.
        (Call::Grow, "INVALID_PARTITIONS") => Verdict::Contradiction,
        _ if refusal.retriable => Verdict::Later,
        _ => Verdict::Final,
    }
}

/// Sends what is open: each kind of change as one call, all at once, since a topic that is made has nothing else to be
/// done to it, and partitions and settings don't depend on each other.
pub(super) async fn send(admin: &dyn Admin, topics: &mut [Open], deadline: Instant) {
    let (creates, grows, alters) = requests(topics);
    let (created, grown, altered) = tokio::join!(
        within(deadline, !creates.is_empty(), admin.create(&creates)),
        within(deadline, !grows.is_empty(), admin.grow(&grows)),
        within(deadline, !alters.is_empty(), admin.alter(&alters)),
    );
    // A refusal of one call ends a topic, and the answers of the others still count.
    for open in topics.iter_mut().filter(|open| open.is_open()) {
        for (call, answers) in [(Call::Create, &created), (Call::Grow, &grown), (Call::Alter, &altered)] {
            if !open.takes_part(call) {
                continue;
            }
            let answer = match answers {
                Ok(answers) => match answers.get(&open.topic) {
                    Some(Err(refusal)) if let Some(error) = refusal.as_unanswered() => Err(error),
                    Some(answer) => Ok(answer.clone()),
                    None => Err(silent()),
                },
                Err(error) => Err(error.clone()),
            };
            open.take(call, answer);
        }
    }
}

type Grows = BTreeMap<String, u32>;
type Alters = BTreeMap<String, BTreeMap<String, Alteration>>;

fn requests(topics: &[Open]) -> (Vec<NewTopic>, Grows, Alters) {
    let (mut creates, mut grows, mut alters) = (Vec::new(), Grows::new(), Alters::new());
    for open in topics.iter().filter(|open| open.is_open()) {
        for action in &open.todo {
            let mut alter = |key: &String, alteration: Alteration| {
                alters.entry(open.topic.clone()).or_default().insert(key.clone(), alteration);
            };
            match action {
                Action::Create(new) => creates.push(new.clone()),
                Action::Grow { to, .. } => {
                    grows.insert(open.topic.clone(), *to);
                }
                Action::Set { key, to, .. } => alter(key, Alteration::Set(to.clone())),
                Action::Unset { key, .. } => alter(key, Alteration::Unset),
            }
        }
    }
    (creates, grows, alters)
}

type Answers = Result<BTreeMap<String, Answer>, AdminError>;

async fn within(deadline: Instant, wanted: bool, call: impl Future<Output = Answers>) -> Answers {
    match wanted {
        true => timeout_at(deadline, call).await.unwrap_or_else(|_| Err(too_late())),
        false => Ok(BTreeMap::new()),
    }
}

/// Compares what is open with what the cluster holds now.
pub(super) fn compare(topics: &mut [Open], declaration: &Declaration, cluster: &Cluster) {
    let open = |name: &str| topics.iter().any(|open| open.is_open() && open.topic == name);
    let rest = Declaration {
        topics: declaration.topics.iter().filter(|topic| open(&topic.name)).cloned().collect(),
        warnings: Vec::new(),
    };
    let plan = plan::plan(&rest, cluster);
    for open in topics.iter_mut().filter(|open| open.is_open()) {
        if let Some(impossible) = plan.impossible.iter().find(|impossible| impossible.topic == open.topic) {
            open.end(End::Impossible(impossible.reasons.clone()));
            continue;
        }
        let change = plan.changes.iter().find(|change| change.topic == open.topic);
        open.compare(change.map(|change| change.actions.clone()).unwrap_or_default());
    }
}

/// The time is up.
pub(super) fn too_late() -> AdminError {
    AdminError {
        message: "the cluster didn't answer in time".to_owned(),
        hint: Some("run it again: it goes on with what is missing".to_owned()),
        retriable: true,
    }
}

fn silent() -> AdminError {
    AdminError {
        message: "the broker's answer doesn't speak of this topic".to_owned(),
        hint: None,
        retriable: true,
    }
}
