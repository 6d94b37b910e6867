//! PostgreSQL at work: it answers queries, takes writes and has connections left.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, SimpleQueryMessage};

use super::{Session, log_in};
use crate::probe::answer::{Answer, ProbeFailure, first_line};
use crate::probe::deep::DeepCheck;
use crate::probe::listen::{port, variable};
use crate::probe::net::Place;
use crate::probe::target::{Late, Target};
use crate::stack::Service;

/// Of the connections that services may have, in percent: with more in use, it is time to look.
const CROWDED: u64 = 90;

/// Its checks.
pub(in crate::probe) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let usual = variable(target.service, "PGPORT").and_then(|text| text.parse().ok()).unwrap_or(5432);
    let port = port(target.service, &["postgres", "postgresql"], usual);
    vec![
        DeepCheck::at("writes", target, port, writes),
        DeepCheck::at("connections", target, port, connections),
    ]
}

/// That it answers a query, and takes writes: rows of a temporary table, which takes room on the disk, in a
/// transaction that is rolled back.
async fn writes(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    const STATE: &str = "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')";
    let state = match query(&target, place, STATE).await? {
        Ok(rows) => rows.into_iter().next().unwrap_or_default(),
        Err(shut) => return Ok(shut),
    };
    match state.as_slice() {
        [recovery, _] if recovery == "t" && stands_by(target.service) => {
            return Ok(Answer::Seen("a standby, as the stack says: answers queries, takes no writes".into()));
        }
        [recovery, _] if recovery == "t" => {
            return Ok(Answer::Doubtful {
                detail: "in recovery: answers queries, but takes no writes".into(),
                hint: "a standby's files were left in its volume? SELECT pg_promote() makes it a primary"
                    .into(),
            });
        }
        [_, read_only] if read_only == "on" => {
            return Ok(Answer::Doubtful {
                detail: "answers queries, but default_transaction_read_only is on: services can't write".into(),
                hint: "ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf() (or ALTER DATABASE, \
                       ALTER ROLE … RESET, where it was set there)"
                    .into(),
            });
        }
        _ => {}
    }
    const WRITE: &str = "BEGIN; \
        CREATE TEMPORARY TABLE vv_probe ON COMMIT DROP AS \
        SELECT repeat('x', 1000) AS line FROM generate_series(1, 32); \
        SELECT count(*) FROM vv_probe; ROLLBACK";
    Ok(match query(&target, place, WRITE).await? {
        Ok(_) => Answer::Seen("answers queries, takes writes (rolled back)".into()),
        Err(shut) => shut,
    })
}

/// Whether the stack wants a standby.
fn stands_by(service: &Service) -> bool {
    ["POSTGRESQL_REPLICATION_MODE", "REPLICATION_MODE", "POSTGRES_REPLICATION_MODE"]
        .iter()
        .filter_map(|name| variable(service, name))
        .any(|mode| matches!(mode.to_ascii_lowercase().as_str(), "slave" | "replica" | "standby"))
}

/// How many connections are in use, of those that aren't kept back for superusers.
async fn connections(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    // What everybody may see; the details of pg_stat_activity are for superusers and the owner of a connection.
    const COUNT: &str = "SELECT (SELECT count(*) FROM pg_stat_activity WHERE usename IS NOT NULL AND datname IS NOT \
        NULL AND application_name IS DISTINCT FROM 'vv-probe'), current_setting('max_connections'), \
        current_setting('superuser_reserved_connections')";
    const MOST: &str = "SELECT count(*), usename, datname FROM pg_stat_activity WHERE usename IS NOT NULL AND datname \
        IS NOT NULL AND application_name IS DISTINCT FROM 'vv-probe' GROUP BY 2, 3 ORDER BY 1 DESC, 2, 3 LIMIT 1";
    let (count, most) = match query(&target, place, &format!("{COUNT}; {MOST}")).await? {
        Ok(rows) => {
            let mut rows = rows.into_iter();
            (rows.next().unwrap_or_default(), rows.next().unwrap_or_default())
        }
        Err(shut) => return Ok(shut),
    };
    let number = |index: usize| count.get(index).and_then(|text| text.parse::<u64>().ok());
    let (Some(used), Some(limit), Some(reserved)) = (number(0), number(1), number(2)) else {
        return Err(ProbeFailure::new("doesn't say how many connections it has"));
    };
    let room = limit.saturating_sub(reserved);
    let seen = format!("{used} of {room} connections in use");
    if used * 100 < room * CROWDED {
        return Ok(Answer::Seen(seen));
    }
    let whose = match most.as_slice() {
        [count, user, database] => format!(", most ({count}) by user {user} in {database}"),
        _ => String::new(),
    };
    let kept = if used >= room { "; the rest is for superusers" } else { "" };
    Ok(Answer::Doubtful {
        detail: format!("{seen}{whose}{kept}"),
        hint: "look for clients that don't close theirs, give each a smaller pool, or raise max_connections"
            .into(),
    })
}

/// Runs statements on a connection of their own; their rows one after the other, or why none could be opened.
async fn query(
    target: &Target<'_>,
    place: Place,
    statements: &str,
) -> Result<Result<Vec<Vec<String>>, Answer>, ProbeFailure> {
    let (client, connection) = match log_in(target, place).await? {
        Session::Open(session) => *session,
        Session::Shut(answer) => return Ok(Err(answer)),
    };
    // The connection is driven beside the query and dropped with it.
    let work = async {
        let answer = client.simple_query(statements);
        tokio::pin!(answer);
        tokio::select! {
            biased;
            rows = &mut answer => rows,
            _ = connection => answer.await,
        }
    };
    let messages = match target.deadline.bound(work).await {
        Ok(Ok(messages)) => messages,
        Ok(Err(error)) => return refused(&error).map(Err),
        Err(Late) => {
            return Err(ProbeFailure::new(format!(
                "lets us in, but a query has no answer within {}",
                target.deadline.limit_text()
            ))
            .hint("is it overloaded, or does a lock hold everything up? SELECT * FROM pg_stat_activity"));
        }
    };
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).unwrap_or_default().to_owned()).collect())
        }
        _ => None,
    });
    Ok(Ok(rows.collect()))
}

/// What a refused statement means.
fn refused(error: &Error) -> Result<Answer, ProbeFailure> {
    let Some(refusal) = error.as_db_error() else {
        return Err(ProbeFailure::new("hangs up in the middle of a query"));
    };
    let said = first_line(refusal.message());
    let code = refusal.code();
    Err(match code {
        &SqlState::DISK_FULL => ProbeFailure::new(format!("can't write, its disk is full: {said}"))
            .hint("docker system df shows what takes the room"),
        &SqlState::READ_ONLY_SQL_TRANSACTION => ProbeFailure::new(format!("takes no writes: {said}"))
            .hint("is it a standby, or set to read only?"),
        &SqlState::INSUFFICIENT_PRIVILEGE => {
            return Ok(Answer::NotAsked(format!("the stack's user may not make temporary tables: {said}")));
        }
        &SqlState::OUT_OF_MEMORY | &SqlState::CONFIGURATION_LIMIT_EXCEEDED => {
            ProbeFailure::new(format!("lacks resources: {said}"))
                .hint("raise the container's memory or shm_size")
        }
        code => ProbeFailure::new(format!("refuses a query: {said} ({})", code.code())),
    })
}

#[cfg(test)]
#[path = "deep_tests.rs"]
mod tests;
