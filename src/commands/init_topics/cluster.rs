//! How commands come to a cluster: which brokers, as whom, and waiting until they are ready.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Shared;
use crate::commands::context::Context;
use crate::engine::Engine;
use crate::failure::{Failure, Result};
use crate::platform::{Platform, ReplicaState};
use crate::probe::{ProbeFailure, checks};
use crate::stack::Stack;
use crate::topics::admin::AdminError;
use crate::topics::kafka::security::Security;
use crate::topics::kafka::{Connection, Kafka, Server, brokers, servers};

/// Between two looks at brokers that aren't ready.
const PAUSE: Duration = Duration::from_millis(200);
/// An answer that waiting won't change counts once it has been given for so long: a broker that starts may give it.
const BELIEVED: Duration = Duration::from_secs(5);
/// How long one question to a broker may take.
const QUESTION: Duration = Duration::from_secs(5);

/// Which brokers are asked, and as whom.
#[derive(Debug, Clone)]
pub(super) struct Access {
    /// Empty: the stack's.
    bootstrap: Vec<Server>,
    security: Security,
}

impl Access {
    /// From the command line, the file with properties, and the environment.
    pub fn read(bootstrap: &[String], config: Option<&Path>, context: &Context) -> Result<Self> {
        let security = Security::load(config, std::env::vars()).map_err(|error| {
            let failure = Failure::usage(format!("{}: {}", error.place, error.message));
            error.hint.into_iter().fold(failure, Failure::hint)
        })?;
        for note in &security.notes {
            context.printer.warn(note);
        }
        let named = bootstrap.iter().map(|text| servers(text)).collect::<Result<Vec<_>, _>>();
        let named = named.map_err(|problem| Failure::usage(format!("--bootstrap: {problem}")))?;
        let bootstrap = match named.is_empty() {
            false => named.concat(),
            true => security.bootstrap.clone().unwrap_or_default(),
        };
        Ok(Self { bootstrap, security })
    }

    /// What only the environment says, for the stack's own brokers.
    ///
    /// # Errors
    /// A variable makes no sense: wrong usage.
    pub fn of_environment(context: &Context) -> Result<Self> {
        Ok(Self { bootstrap: Vec::new(), ..Self::read(&[], None, context)? })
    }

    /// The brokers are named, and needn't be the stack's.
    pub fn is_elsewhere(&self) -> bool {
        !self.bootstrap.is_empty()
    }

    /// Connects to the brokers that are named.
    pub async fn connect(self, beside: Option<(&Stack, Shared)>, end: Instant) -> Result<Kafka, AdminError> {
        Kafka::connect(Connection::to(self.bootstrap, beside, self.security), left(end)).await
    }
}

/// The stack's own names, for brokers that advertise them; nothing where there is no engine to ask.
pub(super) async fn names_of(context: &Context, stack: &Stack) -> Option<Shared> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let engine = context.engine_within(PATIENCE).await.ok()?;
    let platform = context.platform(engine, stack).await.ok()?;
    Some(Arc::new(platform))
}

/// Connects to the stack's brokers once they are ready.
pub(super) async fn of_stack(
    context: &Context,
    engine: Arc<dyn Engine>,
    stack: &Stack,
    access: Access,
    end: Instant,
) -> Result<Kafka, AdminError> {
    let platform = ready(context, engine, stack, end).await?;
    now(stack, platform, access, end).await
}

/// Connects to the stack's brokers, which are ready.
pub(super) async fn now(
    stack: &Stack,
    platform: Shared,
    access: Access,
    end: Instant,
) -> Result<Kafka, AdminError> {
    let connection = Connection::of_stack(stack, platform, access.security).await?;
    Kafka::connect(connection, left(end)).await
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}

/// Waits until every broker of the stack that runs is ready, as a start does.
async fn ready(
    context: &Context,
    engine: Arc<dyn Engine>,
    stack: &Stack,
    end: Instant,
) -> Result<Shared, AdminError> {
    let mut lasting_since: Option<Instant> = None;
    let mut said = false;
    loop {
        let platform = context.platform(Arc::clone(&engine), stack).await;
        let platform = Arc::new(platform.map_err(|failure| unasked(failure.in_a_line()))?);
        let Some(failure) = first_failure(stack, platform.as_ref(), left(end).min(QUESTION)).await else {
            return Ok(platform);
        };
        let since = *lasting_since.get_or_insert_with(Instant::now);
        if !failure.lasting {
            lasting_since = None;
        }
        if failure.lasting && since.elapsed() >= BELIEVED || left(end) <= PAUSE {
            return Err(AdminError {
                message: format!("Kafka isn't ready: {}", failure.detail),
                hint: failure.hint,
                retriable: !failure.lasting,
            });
        }
        if !std::mem::replace(&mut said, true) {
            context.printer.say(format_args!("waiting until Kafka is ready: {}", failure.detail));
        }
        sleep(PAUSE).await;
    }
}

fn unasked(message: String) -> AdminError {
    AdminError { message, hint: None, retriable: true }
}

/// What is wrong with one of the brokers that run; that none runs is for the connection to tell.
async fn first_failure(stack: &Stack, platform: &dyn Platform, limit: Duration) -> Option<ProbeFailure> {
    for service in brokers(stack) {
        let replicas = platform.replicas(&service.name).await.unwrap_or_default();
        let running = replicas.iter().filter(|status| status.state == ReplicaState::Running);
        let asked = running.map(|status| checks::protocol(stack, service, platform, status, limit));
        let answers = futures_util::future::join_all(asked).await;
        if let Some(failure) = answers.into_iter().find_map(|answer| answer.err()) {
            return Some(failure);
        }
    }
    None
}
