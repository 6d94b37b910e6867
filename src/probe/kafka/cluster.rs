//! The cluster behind a listener: what Metadata says of it, and a connection to whichever broker a question is for.

use std::time::Duration;

use kafka_protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};
use kafka_protocol::messages::{BrokerId, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::advertised::{self, Side};
use super::client::{Client, End, Step};
use super::wire::Broker;
use crate::probe::answer::{Answer, ProbeFailure};
use crate::probe::deep::Outcome;
use crate::probe::net::Place;
use crate::probe::target::{Deadline, Target};

/// Pauses between two looks: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(400));

/// The topics to look at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Topics<'a> {
    /// Every one that there is.
    All,
    /// None: only the brokers.
    None,
    /// This one; it isn't created by looking.
    Only(&'a str),
}

/// A cluster, as seen through the listener of one of its brokers.
#[derive(Clone, Copy)]
pub(super) struct Cluster<'a> {
    pub target: Target<'a>,
    asked: Place,
    side: Side,
}

impl<'a> Cluster<'a> {
    /// The cluster that answers at a place.
    pub fn at(target: Target<'a>, asked: Place) -> Self {
        Self { target, asked, side: Side::of(asked) }
    }

    /// Connects to the broker that was asked and looks around.
    pub async fn look(&self, topics: Topics<'_>) -> Step<(Client<'a>, MetadataResponse)> {
        let mut again = true;
        loop {
            let mut client = Client::open(self.target, self.asked).await?;
            match metadata(&mut client, topics).await {
                Ok(seen) => return Ok((client, seen)),
                // A broker that is just ending hangs up too, but doesn't accept a second time.
                Err(End::Failure(_)) if client.turned_away() && again => again = false,
                Err(End::Failure(_)) if client.turned_away() => {
                    let why = "it hangs up on who hasn't logged in (SASL)";
                    return Err(End::Answer(Answer::NotAsked(format!("{}: {why}", self.asked.address))));
                }
                Err(end) => return Err(end),
            }
        }
    }

    /// Connects to a broker that Metadata names.
    pub async fn broker(&self, seen: &MetadataResponse, id: BrokerId) -> Step<Client<'a>> {
        let found = seen.brokers.iter().find(|broker| broker.node_id == id);
        let found = found.ok_or_else(|| {
            End::from(ProbeFailure::new(format!("broker {} isn't there", id.0)).hint("is it up?"))
        })?;
        if seen.brokers.len() == 1 {
            return Client::open(self.target, self.asked).await;
        }
        let port = u16::try_from(found.port).unwrap_or_default();
        let broker = Broker { id: id.0, host: found.host.to_string(), port };
        let places = advertised::places(&self.target, self.asked, self.side, &broker).await;
        let mut failed = End::Answer(Answer::NotAsked(format!("broker {} has no address", id.0)));
        for place in places.map_err(End::Answer)? {
            match Client::open(self.target, place).await {
                Ok(client) => return Ok(client),
                Err(end) => failed = end,
            }
        }
        Err(failed)
    }
}

/// Asks for Metadata.
pub(super) async fn metadata(client: &mut Client<'_>, topics: Topics<'_>) -> Step<MetadataResponse> {
    let named = |name: &str| {
        MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name.to_owned()))))
    };
    // From 4 on, looking doesn't create; from 5 on, offline replicas are told; 13 can be refused as a whole.
    let version = client.expect_version::<MetadataRequest>(12)?;
    let request = MetadataRequest::default()
        .with_allow_auto_topic_creation(version.number() < 4)
        .with_topics(match topics {
            Topics::All => None,
            Topics::None => Some(Vec::new()),
            Topics::Only(name) => Some(vec![named(name)]),
        });
    client.call(&version, &request).await
}

/// Asks until the answer is as it should be, or the time is over: what is true of a cluster comes about bit by bit, and
/// a broker that has just come back isn't at once in every replica set.
pub(super) async fn settled<F: Future<Output = Step<Answer>>>(
    deadline: Deadline,
    ask: impl Fn() -> F,
) -> Outcome {
    let (mut pause, longest) = PAUSES;
    let mut last: Option<End> = None;
    loop {
        let end = match ask().await {
            Ok(answer @ (Answer::Seen(_) | Answer::NotAsked(_))) => return Ok(answer),
            Ok(answer) => End::Answer(answer),
            Err(End::Failure(failure)) if failure.lasting => return Err(failure),
            Err(end @ End::Answer(_)) => return end.into(),
            Err(end) => end,
        };
        if deadline.left().is_zero() {
            // What was seen before says more than that there was no time to look again.
            return last.unwrap_or(end).into();
        }
        if deadline.left() < pause {
            return end.into();
        }
        last = Some(end);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}
