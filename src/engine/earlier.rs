//! Runs of a command in a container that were begun before, by another vv or by the engine itself, and still go on.
//!
//! An engine has no way to end a command in a container: it runs on when nobody listens any more. Its process can't be
//! killed from here either (the engine tells the host's number of it, and the image may have no `kill`). So a question
//! that is put again and again must not be begun again while it still runs, or the container fills up with it.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::{Engine, ExecState};

/// What came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// There is none, or it ended and its exit code isn't known.
    Nothing,
    /// One was under way and has ended meanwhile, with this exit code.
    Ended(i64),
    /// One still runs.
    Running,
}

/// Between two looks at what runs.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(250);

/// Waits until no run of this command goes on in a container, at most for `limit`. One call, and one for each command
/// that runs there. What the engine won't tell isn't waited for.
pub async fn in_container(
    engine: &dyn Engine,
    container: &str,
    command: &[String],
    limit: Duration,
) -> Earlier {
    match timeout(limit, engine.inspect(container)).await {
        Ok(Ok(details)) => among(engine, &details.execs, command, limit).await,
        _ => Earlier::Nothing,
    }
}

/// As [`in_container`], of these commands that were seen there.
pub async fn among(engine: &dyn Engine, execs: &[String], command: &[String], limit: Duration) -> Earlier {
    let mut open: Vec<&String> = execs.iter().collect();
    let (mut waited, mut code) = (false, None);
    let ended = timeout(limit, async {
        let mut pause = SHORTEST;
        while !open.is_empty() {
            let states = join_all(open.iter().map(|exec| engine.exec_state(exec))).await;
            let mut left = Vec::new();
            for (exec, state) in open.iter().zip(states) {
                match state {
                    Ok(state) if state.command != command => {}
                    Ok(ExecState { running: true, .. }) => left.push(*exec),
                    Ok(state) if waited => code = state.code.or(code),
                    Ok(_) | Err(_) => {}
                }
            }
            open = left;
            if !open.is_empty() {
                waited = true;
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
        }
    });
    match ended.await {
        Ok(()) => code.map_or(Earlier::Nothing, Earlier::Ended),
        Err(_) if waited => Earlier::Running,
        Err(_) => Earlier::Nothing,
    }
}
