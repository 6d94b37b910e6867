//! How many topics fit into one request. Pure.

use std::collections::BTreeMap;

use crate::topics::admin::{Alteration, NewTopic};

/// A KRaft controller commits what one request brings about in one batch, and refuses a batch of more than 10,000
/// records (`QuorumController.MAX_RECORDS_PER_USER_OP`): a topic is a record, and so are each of its partitions and
/// settings. Half of that leaves room for what else is in a batch. ZooKeeper has no such limit.
const RECORDS: usize = 5_000;
/// What a topic is taken for whose partitions the broker decides (`num.partitions`).
const BY_DEFAULT: usize = 3;

/// Cuts a list into pieces of at most [`RECORDS`] records, in its order. What is larger by itself goes alone: whether
/// it is too large is the controller's to say.
fn pieces<T>(all: &[T], records: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (index, item) in all.iter().enumerate() {
        let more = records(item);
        if index > start && sum + more > RECORDS {
            pieces.push(&all[start..index]);
            (start, sum) = (index, 0);
        }
        sum += more;
    }
    if start < all.len() {
        pieces.push(&all[start..]);
    }
    pieces
}

/// Topics to be made.
pub(super) fn of_new(topics: &[NewTopic]) -> Vec<&[NewTopic]> {
    let partitions = |topic: &NewTopic| topic.partitions.map_or(BY_DEFAULT, |count| count as usize);
    pieces(topics, |topic| 1 + partitions(topic) + topic.config.len())
}

/// Topics to be grown; only the new partitions become records, and those that exist aren't known here.
pub(super) fn of_grown<'a>(topics: &'a [(&'a str, u32)]) -> Vec<&'a [(&'a str, u32)]> {
    pieces(topics, |(_, count)| *count as usize)
}

/// Topics whose settings change.
pub(super) fn of_altered<'a>(
    topics: &'a [(&'a str, &'a BTreeMap<String, Alteration>)],
) -> Vec<&'a [(&'a str, &'a BTreeMap<String, Alteration>)]> {
    pieces(topics, |(_, changes)| changes.len())
}

/// Topics to be deleted: with the record that says so, each may take those of its settings along.
pub(super) fn of_deleted<'a>(topics: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    pieces(topics, |_| 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes<T>(pieces: &[&[T]]) -> Vec<usize> {
        pieces.iter().map(|piece| piece.len()).collect()
    }

    fn topics(count: usize, partitions: Option<u32>, settings: usize) -> Vec<NewTopic> {
        let config = (0..settings).map(|n| (format!("setting.{n}"), "1".to_owned())).collect();
        let topic = NewTopic { name: "t".into(), partitions, replication_factor: None, config };
        vec![topic; count]
    }

    #[test]
    fn partitions_and_settings_count() {
        let of = |count, partitions, settings| sizes(&of_new(&topics(count, partitions, settings)));
        assert_eq!(of(0, None, 0), Vec::<usize>::new());
        assert_eq!(of(56, Some(5), 3), [56]);
        assert_eq!(of(1000, Some(3), 1), [1000], "5,000 records in one");
        assert_eq!(of(1000, None, 1), [1000]);
        assert_eq!(of(1000, Some(3), 2), [833, 167]);
        assert_eq!(of(3, Some(2500), 0), [1, 1, 1]);
        assert_eq!(of(2, Some(20_000), 0), [1, 1], "each alone; the controller says what it thinks of it");
        let grown: Vec<(&str, u32)> = [("a", 4000), ("b", 1000), ("c", 1)].into();
        assert_eq!(sizes(&of_grown(&grown)), [2, 1]);
        assert_eq!(sizes(&of_deleted(&["t"; 6000])), [2500, 2500, 1000]);
    }
}
