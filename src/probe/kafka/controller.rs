//! The controller: that there is one, that it answers, and that the others of a KRaft quorum follow it.

use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::describe_quorum_response::ReplicaState;
use kafka_protocol::messages::{DescribeQuorumRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::client::{Client, Step, Version};
use super::cluster::{Cluster, Topics};
use super::refusal::accepted;
use crate::probe::answer::{Answer, ProbeFailure};

/// The topic that a KRaft cluster keeps its own state in.
const STATE: &str = "__cluster_metadata";
/// How far behind the leader a voter may be before it counts as gone, in milliseconds. It asks several times a second.
const BEHIND: i64 = 30_000;

/// Asks who controls the cluster.
pub(super) async fn check(cluster: Cluster<'_>) -> Step<Answer> {
    let (mut client, seen) = cluster.look(Topics::None).await?;
    match client.version::<DescribeQuorumRequest>(2) {
        Some(version) => quorum(&mut client, &version).await,
        None => elected(&seen),
    }
}

/// A cluster that keeps its state in ZooKeeper: the controller is one of the brokers. (A broker of a KRaft cluster
/// names any broker here.)
fn elected(seen: &MetadataResponse) -> Step<Answer> {
    let id = seen.controller_id.0;
    if id < 0 {
        let failure =
            ProbeFailure::new("no controller is elected: no topic can be created, no leader chosen");
        return Err(failure.hint("can the brokers reach ZooKeeper? vv health shows whether it is up").into());
    }
    if seen.brokers.iter().all(|broker| broker.node_id.0 != id) {
        let failure = ProbeFailure::new(format!("broker {id} is the controller, but isn't there"));
        return Err(failure.hint(format!("another is elected when ZooKeeper gives broker {id} up")).into());
    }
    Ok(Answer::Seen(format!("broker {id} is the controller")))
}

/// A KRaft cluster: the question is passed on to the controller, so that an answer proves that it is alive.
async fn quorum(client: &mut Client<'_>, version: &Version<DescribeQuorumRequest>) -> Step<Answer> {
    let topic = TopicData::default()
        .with_topic_name(TopicName(StrBytes::from_static_str(STATE)))
        .with_partitions(vec![PartitionData::default()]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    let answer = client.call(version, &request).await?;
    accepted(answer.error_code, answer.error_message.as_ref(), "ask the controller")?;
    let Some(state) = answer.topics.first().and_then(|topic| topic.partitions.first()) else {
        return Err(ProbeFailure::new("the controller doesn't know itself").into());
    };
    accepted(state.error_code, state.error_message.as_ref(), "ask the controller")?;
    judge(state.leader_id.0, &state.current_voters)
}

/// What the voters' last words come to.
fn judge(leader: i32, voters: &[ReplicaState]) -> Step<Answer> {
    if leader < 0 {
        let failure =
            ProbeFailure::new("no controller is elected: no topic can be created, no leader chosen");
        return Err(failure.hint("are more than half of the quorum's voters up?").into());
    }
    let heard = |voter: &ReplicaState| voter.last_caught_up_timestamp;
    let now = voters.iter().filter(|voter| voter.replica_id == leader).map(heard).next().unwrap_or(-1);
    // Before version 1 there is no time in the answer.
    let timed = now > 0;
    let behind = |voter: &&ReplicaState| timed && voter.replica_id != leader && now - heard(voter) > BEHIND;
    let gone: Vec<String> =
        voters.iter().filter(behind).map(|voter| voter.replica_id.0.to_string()).collect();
    match (gone.len(), voters.len()) {
        (0, 0 | 1) => Ok(Answer::Seen(format!("controller {leader} leads"))),
        (0, all) => Ok(Answer::Seen(format!("controller {leader} leads, all {all} voters follow"))),
        (lost, all) => Ok(Answer::Doubtful {
            detail: format!(
                "controller {leader} leads, but {lost} of {all} voters don't follow: {}",
                gone.join(", ")
            ),
            hint: "bring them back: without more than half of the voters nothing can be changed".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::deep::Outcome;
    use crate::probe::testing::told;
    use kafka_protocol::messages::BrokerId;
    use kafka_protocol::messages::metadata_response::MetadataResponseBroker;

    fn quorum_of(leader: i32, voters: &[(i32, i64)]) -> String {
        let voter = |(id, heard): &(i32, i64)| {
            ReplicaState::default().with_replica_id(BrokerId(*id)).with_last_caught_up_timestamp(*heard)
        };
        let voters: Vec<ReplicaState> = voters.iter().map(voter).collect();
        told(judge(leader, &voters).map_or_else(Outcome::from, Ok))
    }

    fn elected_of(id: i32, brokers: &[i32]) -> String {
        let broker = |id: &i32| MetadataResponseBroker::default().with_node_id(BrokerId(*id));
        let seen = MetadataResponse::default()
            .with_controller_id(BrokerId(id))
            .with_brokers(brokers.iter().map(broker).collect());
        told(elected(&seen).map_or_else(Outcome::from, Ok))
    }

    #[test]
    fn every_state_has_its_words() {
        let now = 1_700_000_000_000;
        let lines = [
            quorum_of(1, &[(1, now)]),
            quorum_of(2, &[(1, now - 400), (2, now), (3, now - 29_000)]),
            quorum_of(2, &[(1, -1), (2, -1), (3, -1)]),
            quorum_of(2, &[(1, now - 31_000), (2, now), (3, -1)]),
            quorum_of(-1, &[(1, -1)]),
            elected_of(1, &[1, 2]),
            elected_of(3, &[1, 2]),
            elected_of(-1, &[1, 2]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        ok: controller 1 leads
        ok: controller 2 leads, all 3 voters follow
        ok: controller 2 leads, all 3 voters follow
        warn: controller 2 leads, but 2 of 3 voters don't follow: 1, 3 -> bring them back: without more than half of the voters nothing can be changed
        fail: no controller is elected: no topic can be created, no leader chosen -> are more than half of the quorum's voters up?
        ok: broker 1 is the controller
        fail: broker 3 is the controller, but isn't there -> another is elected when ZooKeeper gives broker 3 up
        fail: no controller is elected: no topic can be created, no leader chosen -> can the brokers reach ZooKeeper? vv health shows whether it is up
        ");
    }
}
