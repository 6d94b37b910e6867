//! ClickHouse at work: a query with the stack's login into its database, its disks, its replicated tables
//! (<https://clickhouse.com/docs/interfaces/http>).

use super::answer::{Answer, ProbeFailure, first_line};
use super::credentials::{self, Login};
use super::deep::{DeepCheck, few};
use super::http::{self, Method, Reply, Request};
use super::listen::port;
use super::net::Place;
use super::target::Target;

/// Of a disk, in percent: with less free, it is time to look.
const SCARCE: u64 = 5;

/// Its checks.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let web = port(target.service, &["http", "https"], 8123);
    vec![
        DeepCheck::at("query", target, web, query),
        DeepCheck::at("disks", target, web, disks),
        DeepCheck::at("replicated tables", target, web, replicas),
    ]
}

/// That the stack's user may ask and write, in the stack's database.
async fn query(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    const ASK: &str =
        "SELECT currentDatabase(), version(), (SELECT value FROM system.settings WHERE name = 'readonly')";
    let (login, database) = credentials::clickhouse(target.service);
    let rows = match select(&target, place, ASK, true).await? {
        Ok(rows) => rows,
        Err(refusal) => return Err(refusal.failure(&login, &database)),
    };
    let row = rows.first().map(Vec::as_slice).unwrap_or_default();
    let [database, version, read_only] = row else {
        return Err(ProbeFailure::new("answers, but not as ClickHouse"));
    };
    let user = &login.user;
    if read_only != "0" {
        return Ok(Answer::Doubtful {
            detail: format!("user {user} may only read {database} (readonly = {read_only})"),
            hint: "give the user a profile without <readonly>, in users.d".into(),
        });
    }
    Ok(Answer::Seen(format!("SELECT in {database} as {user}, version {version}")))
}

/// That there is room on its disks.
async fn disks(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    const ASK: &str = "SELECT name, free_space, total_space, intDiv(free_space * 100, greatest(total_space, 1)) FROM system.disks";
    let rows = match select(&target, place, ASK, false).await? {
        Ok(rows) => rows,
        Err(refusal) => return Ok(refusal.unasked("system.disks")),
    };
    // Disks in an object store have no size.
    let sized = rows.iter().filter(|row| row.get(2).is_some_and(|total| total != "0" && total.len() < 19));
    let free = |row: &[String]| row.get(3).and_then(|text| text.parse::<u64>().ok()).unwrap_or(100);
    let shown = |row: &Vec<String>| format!("{} {} % free", row[0], free(row));
    let (scarce, fine): (Vec<_>, Vec<_>) = sized.partition(|row| free(row) < SCARCE);
    if !scarce.is_empty() {
        return Ok(Answer::Doubtful {
            detail: format!("little room is left: {}", few(scarce.into_iter().map(shown).collect())),
            hint: "free disk space (docker system df): without any, every INSERT fails".into(),
        });
    }
    Ok(Answer::Seen(match fine.is_empty() {
        true => "no disk of its own".into(),
        false => few(fine.into_iter().map(shown).collect()),
    }))
}

/// That no replicated table has lost its keeper: it takes no writes then.
async fn replicas(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    const ASK: &str = "SELECT concat(database, '.', table), is_readonly FROM system.replicas";
    let rows = match select(&target, place, ASK, false).await? {
        Ok(rows) => rows,
        Err(refusal) => return Ok(refusal.unasked("system.replicas")),
    };
    let locked: Vec<String> = rows
        .iter()
        .filter(|row| row.get(1).is_some_and(|flag| flag == "1"))
        .map(|row| row[0].clone())
        .collect();
    if !locked.is_empty() {
        return Err(ProbeFailure::new(format!("takes no writes to {}: read only", few(locked))).hint(
            "has it lost ZooKeeper (or ClickHouse Keeper)? SYSTEM RESTART REPLICA brings a table back",
        ));
    }
    Ok(Answer::Seen(match rows.len() {
        0 => "none".into(),
        1 => "1, writable".into(),
        many => format!("{many}, all writable"),
    }))
}

/// Runs a SELECT; its rows, or what was refused.
async fn select(
    target: &Target<'_>,
    place: Place,
    statement: &str,
    in_database: bool,
) -> Result<Result<Vec<Vec<String>>, Refusal>, ProbeFailure> {
    let (login, database) = credentials::clickhouse(target.service);
    let path = match in_database {
        true => format!("/?database={}", escaped(&database)),
        false => "/".to_owned(),
    };
    let request = Request {
        login: Some((&login.user, login.password.as_deref().unwrap_or_default())),
        body: Some(format!("{statement} FORMAT TSV").into_bytes()),
        ..Request::new(Method::POST, &path)
    };
    let reply = http::send(target, place, request).await?;
    if reply.status != 200 {
        return Ok(Err(Refusal::of(&reply)));
    }
    let text = String::from_utf8_lossy(&reply.body);
    Ok(Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()))
}

/// A name in a URL's query.
fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        text
    })
}

/// `Code: 192. DB::Exception: Unknown user nobody`
struct Refusal {
    status: u16,
    code: Option<u32>,
    said: String,
}

impl Refusal {
    fn of(reply: &Reply) -> Self {
        let said = reply.text();
        let code = said
            .strip_prefix("Code: ")
            .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
            .and_then(|digits| digits.parse().ok());
        let words = match said.split_once("DB::Exception: ") {
            Some((_, words)) => words.split(". (").next().unwrap_or(words),
            None => &said,
        };
        Self { status: reply.status, code, said: first_line(words) }
    }

    /// Codes: <https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp>.
    fn failure(&self, login: &Login, database: &str) -> ProbeFailure {
        let user = &login.user;
        match self.code {
            // UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED
            Some(192..=194 | 516) => ProbeFailure::lasting(format!("refuses the login of user {user}"))
                .hint("CLICKHOUSE_USER and _PASSWORD are read at each start: recreate the container after a change"),
            Some(81) => ProbeFailure::lasting(format!("has no database {database}")).hint(format!(
                "CLICKHOUSE_DB is made at the first start only; with a volume from before: CREATE DATABASE {database}"
            )),
            Some(202) => ProbeFailure::new("takes no more queries: too many at once")
                .hint("raise max_concurrent_queries, or look at SHOW PROCESSLIST"),
            Some(241) => ProbeFailure::new(format!("lacks memory for a query: {}", self.said))
                .hint("give the container more memory, or raise max_server_memory_usage"),
            // NOT_ENOUGH_SPACE
            Some(243) => ProbeFailure::new(format!("its disk is full: {}", self.said)).hint("docker system df"),
            Some(497) => ProbeFailure::lasting(format!("user {user} may not use {database}: {}", self.said)),
            Some(code) => ProbeFailure::new(format!("refuses a query: {} (code {code})", self.said)),
            None => ProbeFailure::new(format!("a query is answered with {}: {}", self.status, self.said)),
        }
    }

    /// A system table that can't be read tells nothing; that the login or every query is refused, the first check says.
    fn unasked(&self, table: &str) -> Answer {
        Answer::NotAsked(match self.code {
            Some(60) => format!("this version has no {table}"),
            Some(192..=194 | 497 | 516) => format!("the stack's user may not see {table}"),
            _ => format!("{table} can't be read: {}", self.said),
        })
    }
}

#[cfg(test)]
#[path = "clickhouse_tests.rs"]
mod tests;
