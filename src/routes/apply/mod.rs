//! Carries a plan out: each change after those that it needs, everything else at once; deletions last. What fails takes
//! only that with it which needs it, and a run that ends half-way leaves what the next one finishes.

mod one;
mod push;
mod run;
mod told;

use tokio::time::Instant;

use super::admin::{Admin, AdminError};
use super::declaration::Declaration;
use super::plan::{Change, RoutePlan};
use crate::failure::Kind;
use crate::stack::problem::Mark;

/// What came of a plan.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    /// One for each change, in the plan's order.
    pub outcomes: Vec<Outcome>,
    /// What the gateway said of entities that weren't to be changed, or of the configuration as a whole.
    pub said: Vec<Outcome>,
}

/// What came of a change.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What the entity is called.
    pub label: String,
    /// How it ended.
    pub end: End,
    /// Where what was refused is declared.
    pub mark: Option<Mark>,
}

/// How a change ended.
#[derive(Debug, Clone)]
pub enum End {
    /// The gateway holds it, or no longer holds it.
    Done,
    /// Kong refused.
    Refused {
        /// In Kong's own words, without secrets.
        message: String,
        /// Kong's number of the error.
        code: Option<i64>,
    },
    /// Whether it was done isn't known: nobody answered in time.
    Unanswered(AdminError),
    /// It wasn't tried.
    NotTried {
        /// Why.
        because: String,
    },
}

impl Applied {
    /// The kind of failure that decides the exit code; nothing where all is done. A refusal counts most, since it is
    /// certain.
    pub fn failure(&self) -> Option<Kind> {
        let kinds: Vec<Kind> =
            self.outcomes.iter().chain(&self.said).filter_map(|outcome| outcome.end.failure()).collect();
        [Kind::Backend, Kind::NotReady, Kind::Failed].into_iter().find(|kind| kinds.contains(kind))
    }

    /// Whether something was changed: what the proxy does may lag behind then.
    pub fn changed(&self) -> bool {
        self.outcomes.iter().any(|outcome| matches!(outcome.end, End::Done | End::Unanswered(_)))
    }
}

impl End {
    /// The kind of failure that it is.
    pub fn failure(&self) -> Option<Kind> {
        match self {
            End::Done => None,
            End::Refused { .. } => Some(Kind::Backend),
            End::Unanswered(error) => Some(error.failure()),
            End::NotTried { .. } => Some(Kind::Failed),
        }
    }
}

impl Outcome {
    /// That of a change when nothing is sent or taken; why is said once, and not here.
    fn not_tried(change: &Change, because: &str) -> Self {
        let end = End::NotTried { because: because.to_owned() };
        Self { label: change.label.clone(), end, mark: change.mark.clone() }
    }
}

/// Carries the plan out until `end`. `declaration` is what the plan was made of. `say` is told each change that ended,
/// as `3 of 40: route orders`.
pub async fn apply(
    admin: &Admin,
    declaration: &Declaration,
    plan: &RoutePlan,
    end: Instant,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Applied {
    let told = told::Told::of(declaration);
    // Why stands in the plan.
    if plan.blocked.is_some() {
        let not_sent = |change| Outcome::not_tried(change, "nothing is sent");
        return Applied { outcomes: plan.changes.iter().map(not_sent).collect(), said: Vec::new() };
    }
    if plan.database {
        run::run(admin, &told, plan, end, say).await
    } else {
        push::push(admin, &told, plan, end).await
    }
}
