//! How an engine fails.

use std::time::Duration;

/// What an engine answers. `attempt` says what was tried, in words that follow "could not".
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// It can't be reached at all.
    #[error("{message}")]
    Unreachable {
        /// What was tried and what came back.
        message: String,
        /// What to do.
        hints: Vec<String>,
    },
    /// There is no such thing.
    #[error("could not {attempt}: {message}")]
    NotFound {
        /// What was tried.
        attempt: String,
        /// The engine's words.
        message: String,
    },
    /// A name is in use, or the thing is.
    #[error("could not {attempt}: {message}")]
    Conflict {
        /// What was tried.
        attempt: String,
        /// The engine's words.
        message: String,
    },
    /// A host port is taken.
    #[error("could not {attempt}: port {port} is already in use")]
    PortTaken {
        /// What was tried.
        attempt: String,
        /// The port with its address: `127.0.0.1:8500`.
        port: String,
    },
    /// The image has no such program.
    #[error("could not {attempt}: its command {program} isn't in the image {image}")]
    CommandMissing {
        /// What was tried.
        attempt: String,
        /// The program.
        program: String,
        /// The image.
        image: String,
    },
    /// Anything else that the engine refused.
    #[error("could not {attempt}: {message}")]
    Refused {
        /// What was tried.
        attempt: String,
        /// The engine's words.
        message: String,
    },
    /// A build failed in one of its steps.
    #[error("could not {attempt}: {step}: {message}")]
    BuildFailed {
        /// What was tried.
        attempt: String,
        /// The step: `Step 3/9 : RUN make`, `[2/4] RUN make`.
        step: String,
        /// The engine's words.
        message: String,
        /// The last lines that the step printed.
        output: Vec<String>,
    },
    /// No progress within this time.
    #[error("could not {attempt}: no progress for {after:?}")]
    Stalled {
        /// What was tried.
        attempt: String,
        /// The limit.
        after: Duration,
    },
}
