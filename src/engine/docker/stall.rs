//! A limit on silence: what streams for long must go on streaming.

use std::time::Duration;

use futures_util::{Stream, StreamExt};

use crate::engine::EngineError;

/// How long a pull, a push or a build may be silent while nothing of the user's own runs.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The next item of a stream, or [`EngineError::Stalled`].
pub async fn next<S>(stream: &mut S, limit: Duration, attempt: &str) -> Result<Option<S::Item>, EngineError>
where
    S: Stream + Unpin,
{
    match tokio::time::timeout(limit, stream.next()).await {
        Ok(item) => Ok(item),
        Err(_) => Err(EngineError::Stalled { attempt: attempt.to_owned(), after: limit }),
    }
}
