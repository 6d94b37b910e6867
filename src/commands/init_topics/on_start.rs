//! The topics of a start: compared while it is planned, applied once the brokers are ready.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::Shared;
use super::cluster::{self, Access};
use crate::commands::context::{Context, helper_image, invalid_stack};
use crate::engine::platform::EnginePlatform;
use crate::engine::{Engine, EngineError};
use crate::failure::{Kind, Result};
use crate::plan::declared::{Comparison, Difference};
use crate::plan::observed::ObservedContainer;
use crate::plan::operation::Change;
use crate::run::BackendError;
use crate::run::apply::Applier;
use crate::stack::Stack;
use crate::stack::embedded::Layered;
use crate::stack::files::Disk;
use crate::stack::vv::Declared;
use crate::topics::admin::{Admin, AdminError};
use crate::topics::apply::{End, apply};
use crate::topics::declaration::Declaration;
use crate::topics::kafka::brokers;
use crate::topics::plan::{TopicPlan, plan};
use crate::topics::{declared, words};

/// How long brokers that run may take to tell what they hold; else it is compared when they are ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a stack declares, and as whom its brokers are asked.
#[derive(Clone)]
pub struct Topics {
    pub(super) declaration: Declaration,
    pub(super) access: Access,
}

impl Topics {
    /// The topics of the stack; nothing where it declares none.
    ///
    /// # Errors
    /// What is wrong with the declaration, or with the environment's properties for Kafka.
    pub fn of(context: &Context, stack: &Stack) -> Result<Option<Self>> {
        if stack.vv.topics.is_none() {
            return Ok(None);
        }
        let files = Layered::new(&Disk);
        let read = declared(stack, &files, &context.load_options()?.cwd).map_err(invalid_stack)?;
        let Some(declaration) = read else { return Ok(None) };
        for warning in &declaration.warnings {
            context.printer.warn(warning);
        }
        Ok(Some(Self { declaration, access: Access::of_environment(context)? }))
    }

    /// Compares them with what the brokers hold, where these run and answer.
    pub async fn compare(
        &self,
        stack: &Stack,
        engine: Arc<dyn Engine>,
        containers: &[ObservedContainer],
    ) -> Comparison {
        let unknown =
            Comparison { what: Declared::Topics, difference: Difference::Unknown, notes: Vec::new() };
        let brokers = brokers(stack);
        if brokers.is_empty() {
            let note =
                "topics are declared, and no service is known to be Kafka: x-vv.kind: kafka says which is";
            return Comparison { notes: vec![note.to_owned()], ..unknown };
        }
        let runs = |name: &str| containers.iter().any(|c| c.service == name && !c.oneoff && c.state.is_up());
        if !brokers.iter().all(|broker| runs(&broker.name)) {
            return unknown;
        }
        let Ok(platform) = platform(engine, containers.to_vec()).await else { return unknown };
        let asked = self.difference(stack, platform, Instant::now() + PATIENCE);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok((_, plan))) => Comparison {
                what: Declared::Topics,
                difference: Difference::Known(changes(&plan)),
                notes: notes(&plan),
            },
            _ => unknown,
        }
    }

    async fn difference(
        &self,
        stack: &Stack,
        platform: Shared,
        end: Instant,
    ) -> Result<(crate::topics::kafka::Kafka, TopicPlan), AdminError> {
        let kafka = cluster::now(stack, platform, self.access.clone(), end).await?;
        let cluster = kafka.read(&self.declaration.names()).await?;
        let plan = plan(&self.declaration, &cluster);
        Ok((kafka, plan))
    }

    /// Applies them to brokers that are ready, within this time.
    pub fn applier(&self, stack: Stack, engine: Arc<dyn Engine>, timeout: Duration) -> Arc<dyn Applier> {
        Arc::new(ApplyTopics { topics: self.clone(), stack, engine, timeout })
    }
}

async fn platform(
    engine: Arc<dyn Engine>,
    containers: Vec<ObservedContainer>,
) -> Result<Shared, EngineError> {
    let platform = EnginePlatform::from_containers(engine, containers).await?;
    Ok(Arc::new(platform.with_helper(helper_image())))
}

fn changes(plan: &TopicPlan) -> Vec<Change> {
    let planned = plan.changes.iter().flat_map(words::planned);
    planned.map(|(symbol, what, cause)| Change { symbol, what, cause: cause.to_owned() }).collect()
}

/// What stays as it is, and should be known.
fn notes(plan: &TopicPlan) -> Vec<String> {
    let impossible = plan.impossible.iter().map(|impossible| {
        format!("topic {} stays as it is: {}", impossible.topic, words::reasons(&impossible.reasons))
    });
    let drift = plan.drift.iter().map(|drift| format!("topic {}: {}", drift.topic, words::drift(drift)));
    impossible.chain(drift).collect()
}

struct ApplyTopics {
    topics: Topics,
    stack: Stack,
    engine: Arc<dyn Engine>,
    timeout: Duration,
}

#[async_trait]
impl Applier for ApplyTopics {
    async fn apply(&self, say: &(dyn Fn(String) + Send + Sync)) -> Result<Vec<String>, BackendError> {
        let end = Instant::now() + self.timeout;
        let containers = self.engine.containers(&self.stack.name).await;
        let containers = containers.map_err(|error| unasked(error.to_string()))?;
        let platform = platform(Arc::clone(&self.engine), containers).await;
        let platform = platform.map_err(|error| unasked(error.to_string()))?;
        let (kafka, plan) = self.topics.difference(&self.stack, platform, end).await.map_err(of_admin)?;
        if !plan.changes.is_empty() {
            say(words::counted(plan.changes.len(), "topic"));
        }
        let left = end.saturating_duration_since(Instant::now());
        let applied = apply(&kafka, &self.topics.declaration, &plan, left).await;
        let Some(kind) = applied.failure() else { return Ok(notes(&plan)) };
        let told: Vec<String> = applied
            .topics
            .iter()
            .filter(|outcome| outcome.end != End::Done)
            .map(|outcome| format!("topic {}: {}", outcome.topic, words::end(&outcome.end)))
            .collect();
        Err(BackendError::of_all(kind, &told, "vv init-topics --check shows each"))
    }
}

fn unasked(message: String) -> BackendError {
    BackendError { kind: Kind::Failed, message, hints: Vec::new() }
}

fn of_admin(error: AdminError) -> BackendError {
    BackendError { kind: error.kind(), message: error.message, hints: error.hint.into_iter().collect() }
}
