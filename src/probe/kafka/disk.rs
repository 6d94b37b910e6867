//! The broker's log directories: that none is offline, and that there is room. A broker whose last directory fails ends
//! at the next record.

use kafka_protocol::messages::DescribeLogDirsRequest;
use kafka_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;

use super::client::{Client, End, Step};
use super::cluster::{Cluster, Topics};
use super::refusal::accepted;
use crate::probe::answer::{Answer, ProbeFailure};

const MIB: i64 = 1024 * 1024;
/// So little room is as good as none: a segment's indices alone take more.
const FULL: i64 = 2 * MIB;
/// So little room is worth a look, whatever the disk's size.
const LITTLE: i64 = 64 * MIB;
/// So little is, where it is less than a twentieth of the disk.
const LITTLE_OF_MUCH: i64 = 1024 * MIB;

/// Asks the broker that was asked for its own directories.
pub(super) async fn check(cluster: Cluster<'_>) -> Step<Answer> {
    let (mut client, _) = cluster.look(Topics::None).await?;
    match directories(&mut client).await? {
        Some(directories) => judge(&directories),
        None => Err(End::Answer(Answer::NotAsked("the broker doesn't tell of its log directories".into()))),
    }
}

/// That writing to this broker does no harm: one whose disk is full would end at a record.
pub(super) async fn has_room(client: &mut Client<'_>) -> Step<()> {
    let directories = directories(client).await?.unwrap_or_default();
    match directories.iter().find(|directory| is_full(directory)) {
        Some(directory) => Err(ProbeFailure::new(format!(
            "nothing was written: the disk of {} is full",
            directory.log_dir.as_str()
        ))
        .hint("free space: the broker ends when it can't write any more")
        .into()),
        None => Ok(()),
    }
}

async fn directories(client: &mut Client<'_>) -> Step<Option<Vec<DescribeLogDirsResult>>> {
    // From 4 on the answer tells the room.
    let Some(version) = client.version::<DescribeLogDirsRequest>(4) else { return Ok(None) };
    // No topic: only the directories.
    let request = DescribeLogDirsRequest::default().with_topics(Some(Vec::new()));
    let answer = client.call(&version, &request).await?;
    Ok((answer.error_code == 0).then_some(answer.results))
}

fn is_full(directory: &DescribeLogDirsResult) -> bool {
    directory.error_code == 0 && directory.total_bytes > 0 && directory.usable_bytes < FULL
}

fn judge(directories: &[DescribeLogDirsResult]) -> Step<Answer> {
    for directory in directories {
        let path = directory.log_dir.as_str();
        accepted(directory.error_code, None, &format!("use {path}"))?;
        if is_full(directory) {
            let failure = ProbeFailure::new(format!("the disk of {path} is full"));
            return Err(failure.hint("free space: the broker ends when it can't write any more").into());
        }
    }
    // Brokers before 3.3 don't tell.
    let known = |directory: &&DescribeLogDirsResult| directory.total_bytes > 0 && directory.usable_bytes >= 0;
    let tightest = directories.iter().filter(known).min_by_key(|directory| directory.usable_bytes);
    let count = match directories.len() {
        0 => return Err(End::Answer(Answer::NotAsked("the broker tells of no log directory".into()))),
        1 => "1 log directory".to_owned(),
        many => format!("{many} log directories"),
    };
    let Some(tightest) = tightest else { return Ok(Answer::Seen(count)) };
    let (usable, total) = (tightest.usable_bytes, tightest.total_bytes);
    if usable < LITTLE || (usable < LITTLE_OF_MUCH && usable < total / 20) {
        return Ok(Answer::Doubtful {
            detail: format!(
                "{} of {} are free on the disk of {}",
                size(usable),
                size(total),
                tightest.log_dir.as_str()
            ),
            hint:
                "free space or keep less (KAFKA_LOG_RETENTION_BYTES): the broker ends when the disk is full"
                    .into(),
        });
    }
    Ok(Answer::Seen(format!("{count}, not short of room")))
}

/// `12 MiB`, `3.5 GiB`.
fn size(bytes: i64) -> String {
    if bytes < 1024 * MIB {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{:.1} GiB", bytes as f64 / (1024 * MIB) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::deep::Outcome;
    use crate::probe::testing::told;
    use kafka_protocol::protocol::StrBytes;

    fn judged(directories: &[(i16, i64, i64)]) -> String {
        let one = |(code, total, usable): &(i16, i64, i64)| {
            DescribeLogDirsResult::default()
                .with_error_code(*code)
                .with_log_dir(StrBytes::from_static_str("/var/lib/kafka/data"))
                .with_total_bytes(*total)
                .with_usable_bytes(*usable)
        };
        let directories: Vec<DescribeLogDirsResult> = directories.iter().map(one).collect();
        told(judge(&directories).map_or_else(Outcome::from, Ok))
    }

    #[test]
    fn every_state_has_its_words() {
        let gib = 1024 * MIB;
        let lines = [
            judged(&[(0, 100 * gib, 40 * gib)]),
            judged(&[(0, -1, -1)]),
            judged(&[(0, 100 * gib, 40 * gib), (0, 500 * gib, 900 * MIB)]),
            judged(&[(0, 8 * gib, 900 * MIB)]),
            judged(&[(0, 128 * MIB, 40 * MIB)]),
            judged(&[(0, 128 * MIB, MIB)]),
            judged(&[(0, 100 * gib, 40 * gib), (56, -1, -1)]),
            judged(&[]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        ok: 1 log directory, not short of room
        ok: 1 log directory
        warn: 900 MiB of 500.0 GiB are free on the disk of /var/lib/kafka/data -> free space or keep less (KAFKA_LOG_RETENTION_BYTES): the broker ends when the disk is full
        ok: 1 log directory, not short of room
        warn: 40 MiB of 128 MiB are free on the disk of /var/lib/kafka/data -> free space or keep less (KAFKA_LOG_RETENTION_BYTES): the broker ends when the disk is full
        fail: the disk of /var/lib/kafka/data is full -> free space: the broker ends when it can't write any more
        fail: can't use /var/lib/kafka/data: a log directory is offline (KAFKA_STORAGE_ERROR) -> is its disk full, read-only or broken? Free space, then restart the broker
        not asked: the broker tells of no log directory
        ");
    }
}
