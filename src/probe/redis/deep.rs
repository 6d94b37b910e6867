//! Redis at work: it takes writes, keeps what it is told to keep, and a replica follows its master.

use super::{DISK, LINE, command, open, refusal};
use crate::probe::answer::{Answer, ProbeFailure, first_line};
use crate::probe::deep::{DeepCheck, Look, PROBE, settled, unique};
use crate::probe::listen::port;
use crate::probe::net::{Place, Wire};
use crate::probe::target::Target;

/// Of the memory that it may use, in percent: with more in use, and nothing to be thrown out, it is time to look.
const FULL: u64 = 90;
/// More than what INFO takes, in bytes.
const BULK: usize = 256 * 1024;

/// Its checks.
pub(in crate::probe) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    let port = port(target.service, &["redis"], 6379);
    vec![
        DeepCheck::at("writes", target, port, writes),
        DeepCheck::at("persistence", target, port, persistence),
        DeepCheck::at("replication", target, port, replication),
    ]
}

/// That a key is written, read and removed again. It would be gone after a minute by itself.
async fn writes(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let (mut wire, password) = open(&target, place).await?;
    let Some(info) = Info::read(&mut wire, password).await? else { return Ok(unasked("INFO")) };
    if info.text("redis_mode") == "sentinel" {
        return Ok(Answer::NotAsked("a sentinel keeps no keys".into()));
    }
    if info.text("role") == "slave" && info.text("slave_read_only") != "0" {
        return Ok(Answer::Seen("a replica: answers, and takes no writes, as it should".into()));
    }
    let key = format!("{PROBE}:{}", unique());
    match reply(&mut wire, &["SET", &key, PROBE, "EX", "60"]).await? {
        Reply::Line(line) if line == "+OK" => {}
        Reply::Line(line) => return refused(&wire, &line, password, &info),
        Reply::Bulk(_) => return Err(wire.foreign("Redis")),
    }
    let read = reply(&mut wire, &["GET", &key]).await?;
    let removed = reply(&mut wire, &["DEL", &key]).await?;
    match (read, removed) {
        (Reply::Bulk(Some(value)), Reply::Line(count)) if value == PROBE && count.starts_with(':') => {}
        (Reply::Bulk(_), Reply::Line(line)) if line.starts_with('-') => {
            return Err(ProbeFailure::new(format!(
                "a key can be written, but not removed: {}",
                first_line(&line)
            )));
        }
        (Reply::Line(line), _) if line.starts_with('-') => {
            return refused(&wire, &line, password, &info);
        }
        _ => return Err(ProbeFailure::new("a key that was just written reads otherwise")),
    }
    let (used, limit) = (info.number("used_memory"), info.number("maxmemory"));
    let policy = info.text("maxmemory_policy");
    let memory = match limit {
        0 => format!("{} in memory", size(used)),
        _ => format!("{} of {} in memory", size(used), size(limit)),
    };
    if limit > 0 && policy == "noeviction" && used * 100 >= limit * FULL {
        return Ok(Answer::Doubtful {
            detail: format!("a key was written, read and removed, but memory is nearly full: {memory}"),
            hint: "raise maxmemory, or let it throw out old keys with --maxmemory-policy allkeys-lru".into(),
        });
    }
    Ok(Answer::Seen(format!("a key was written, read and removed; {memory}")))
}

/// That what it keeps on disk could be written the last time.
async fn persistence(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let (mut wire, password) = open(&target, place).await?;
    let Some(info) = Info::read(&mut wire, password).await? else { return Ok(unasked("INFO")) };
    if info.text("loading") == "1" {
        return Err(ProbeFailure::new("is loading its data into memory"));
    }
    let logged = info.text("aof_enabled") == "1";
    if logged && info.text("aof_last_write_status") == "err" {
        return Err(ProbeFailure::new("can't write its append-only file (AOF): takes no writes").hint(DISK));
    }
    if info.text("rdb_last_bgsave_status") == "err" {
        return Err(ProbeFailure::new(
            "its last snapshot (RDB) failed: takes no writes until one works, by default",
        )
        .hint(DISK));
    }
    if logged && info.text("aof_last_bgrewrite_status") == "err" {
        return Ok(Answer::Doubtful {
            detail: "the last rewrite of its append-only file failed: it grows without end".into(),
            hint: DISK.into(),
        });
    }
    let unsaved = info.number("rdb_changes_since_last_save");
    Ok(Answer::Seen(match logged {
        true => "append-only file and snapshots can be written".into(),
        false => format!("snapshots can be written, {unsaved} changes since the last"),
    }))
}

/// That a replica has its master. One that has just started asks for everything first.
async fn replication(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    settled(target.deadline, || async move {
        let (mut wire, password) = open(&target, place).await?;
        let Some(info) = Info::read(&mut wire, password).await? else {
            return Ok(Look::Final(Ok(unasked("INFO"))));
        };
        Ok(match info.text("redis_mode") {
            "sentinel" => Look::Final(Ok(Answer::NotAsked("a sentinel keeps no keys".into()))),
            _ => link(&info),
        })
    })
    .await
}

fn link(info: &Info) -> Look {
    if info.text("role") != "slave" {
        let replicas = match info.number("connected_slaves") {
            0 => "no replica".to_owned(),
            1 => "1 replica".to_owned(),
            many => format!("{many} replicas"),
        };
        return Look::Final(Ok(Answer::Seen(format!("master, {replicas}"))));
    }
    let master = format!("{}:{}", info.text("master_host"), info.text("master_port"));
    if info.text("master_link_status") == "up" {
        return Look::Final(Ok(Answer::Seen(format!("replica of {master}"))));
    }
    if info.text("master_sync_in_progress") == "1" {
        return Look::NotYet(Ok(Answer::Doubtful {
            detail: format!("still takes over everything from its master {master}"),
            hint: "wait, and ask again".into(),
        }));
    }
    Look::NotYet(Err(ProbeFailure::new(format!(
        "a replica without its master: {master} can't be reached, what it answers grows old"
    ))
    .hint("does the master run under that name, and does --masterauth fit its password?")))
}

/// What a refused write means.
fn refused(wire: &Wire, line: &str, password: bool, info: &Info) -> Result<Answer, ProbeFailure> {
    let error = line.strip_prefix('-').unwrap_or_default();
    Err(match error.split(' ').next().unwrap_or_default() {
        "OOM" => ProbeFailure::new(format!(
            "takes no writes: its memory is full ({} of {}), and its policy ({}) throws nothing out",
            size(info.number("used_memory")),
            size(info.number("maxmemory")),
            info.text("maxmemory_policy")
        ))
        .hint("raise maxmemory, or let it throw out old keys with --maxmemory-policy allkeys-lru"),
        "NOREPLICAS" => ProbeFailure::new("takes no writes: fewer replicas than min-replicas-to-write"),
        "CLUSTERDOWN" => ProbeFailure::new(format!("takes no writes: {}", first_line(error)))
            .hint("redis-cli --cluster check says which slots nobody serves"),
        // The key belongs to another node of the cluster, which has its own check.
        "MOVED" | "ASK" => return Ok(Answer::Seen("a node of a cluster, which is up".into())),
        "NOPERM" => return Ok(unasked("SET")),
        "READONLY" => ProbeFailure::new("takes no writes: it is a replica"),
        _ => refusal(wire, line, password),
    })
}

fn unasked(command: &str) -> Answer {
    Answer::NotAsked(format!("the stack's user may not use {command}"))
}

/// A reply of the few types that are asked for.
enum Reply {
    /// With its type's sign: `+OK`, `-ERR …`, `:1`.
    Line(String),
    /// Nothing where there is no value.
    Bulk(Option<String>),
}

async fn reply(wire: &mut Wire, words: &[&str]) -> Result<Reply, ProbeFailure> {
    wire.send(&command(words)).await?;
    let line = wire.line(LINE).await?;
    let Some(length) = line.strip_prefix('$') else { return Ok(Reply::Line(line)) };
    if length.starts_with('-') {
        return Ok(Reply::Bulk(None));
    }
    let length: usize =
        length.parse().ok().filter(|length| *length <= BULK).ok_or_else(|| wire.foreign("Redis"))?;
    let mut value = wire.exact(length + 2).await?;
    value.truncate(length);
    Ok(Reply::Bulk(Some(String::from_utf8_lossy(&value).into_owned())))
}

/// What INFO says (<https://redis.io/docs/latest/commands/info/>).
struct Info(String);

impl Info {
    /// Asks for it; nothing where the user may not.
    async fn read(wire: &mut Wire, password: bool) -> Result<Option<Self>, ProbeFailure> {
        match reply(wire, &["INFO"]).await? {
            Reply::Bulk(Some(text)) => Ok(Some(Self(text))),
            Reply::Line(line) if line.starts_with("-NOPERM") => Ok(None),
            Reply::Line(line) => Err(refusal(wire, &line, password)),
            Reply::Bulk(None) => Err(wire.foreign("Redis")),
        }
    }

    fn text(&self, name: &str) -> &str {
        let values = self.0.lines().filter_map(|line| line.split_once(':'));
        values.into_iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value.trim_end())
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
#[path = "deep_tests.rs"]
mod tests;
