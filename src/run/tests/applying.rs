//! What is told to systems.

use std::sync::Arc;

use async_trait::async_trait;

use super::support::*;
use crate::failure::{Failure, Kind};
use crate::plan::operation::{Action, Apply, OperationId, Target};
use crate::plan::spec::ContainerSpec;
use crate::run::apply::Applier;
use crate::run::{BackendError, RunError};
use crate::stack::vv::Declared;

/// Takes a second, and says so; then it is done, or refused.
struct Scripted(Result<(), BackendError>);

#[async_trait]
impl Applier for Scripted {
    async fn apply(&self, say: &(dyn Fn(String) + Send + Sync)) -> Result<Vec<String>, BackendError> {
        say("creating 2 topics".to_owned());
        tokio::time::sleep(secs(1)).await;
        self.0.clone().map(|()| vec!["topic old stays as it is".to_owned()])
    }
}

fn bench(result: Result<(), BackendError>) -> Bench {
    let mut bench = Bench::new();
    bench.options.appliers.insert(Declared::Topics, Arc::new(Scripted(result)));
    bench
}

/// A broker, its topics, and who comes after them.
fn steps() -> Steps {
    let mut steps = Steps::default();
    let kafka = steps.up("kafka", ContainerSpec::default(), &[]);
    let applied = apply(&mut steps, &[kafka]);
    let made = steps.create(ContainerSpec::default(), "orders", &[]);
    steps.start("orders", &[made, applied]);
    steps
}

fn apply(steps: &mut Steps, after: &[OperationId]) -> OperationId {
    let action = Action::Apply(Apply { what: Declared::Topics, changes: None });
    steps.add(action, Target::Declared(Declared::Topics), after)
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_starts_once_it_is_applied() {
    let bench = bench(Ok(()));
    let outcome = bench.run(&steps()).await.unwrap();
    assert_eq!(bench.elapsed(), secs(1));
    assert_eq!(outcome.notes, ["topic old stays as it is"]);
    let lines = bench.recorder.lines();
    let place = |line: &str| lines.iter().position(|other| other.contains(line)).unwrap();
    assert!(place("creating 2 topics") < place("done 2"), "{lines:?}");
    assert!(place("done 2") < place("started 4"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_start_with_the_systems_own_words() {
    let error = BackendError {
        kind: Kind::Backend,
        message: "topic orders: INVALID_CONFIG: Unknown topic config name: retntion.ms".to_owned(),
        hints: vec!["see topics.yml:3:5".to_owned()],
    };
    let bench = bench(Err(error));
    let error = bench.run(&steps()).await.unwrap_err();
    assert_eq!(bench.engine.count("start_container"), 1);
    let failure = Failure::from(error);
    assert_eq!(failure.kind, Kind::Backend);
    assert_eq!(
        failure.error.to_string(),
        "could not apply topics: topic orders: INVALID_CONFIG: Unknown topic config name: retntion.ms"
    );
    assert_eq!(failure.hints, ["see topics.yml:3:5"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_gives_it_up() {
    let bench = bench(Ok(()));
    let interrupt = bench.interrupt.clone();
    bench.later(ms(200), move |_| interrupt.cancel());
    let error = bench.run(&steps()).await.unwrap_err();
    assert_eq!(bench.elapsed(), ms(200));
    assert!(matches!(error, RunError::Interrupted(what) if what.done == 3 && what.left == 2));
}
