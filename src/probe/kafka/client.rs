//! A conversation with one broker: requests of any kind that it takes, by the codecs of the `kafka-protocol` crate.
//! <https://kafka.apache.org/protocol>

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

use super::wire;
use crate::probe::answer::{Answer, ProbeFailure};
use crate::probe::deep::{Outcome, PROBE};
use crate::probe::net::{Place, Wire};
use crate::probe::target::Target;

/// More than the metadata of a hundred thousand partitions takes, in bytes.
const LIMIT: usize = 32 * 1024 * 1024;

/// Why a check ends before it is through.
pub(super) enum End {
    /// With an answer after all: it can't be asked, or it is refused in a way that says nothing about the system.
    Answer(Answer),
    /// The system fails.
    Failure(ProbeFailure),
}

impl From<ProbeFailure> for End {
    fn from(failure: ProbeFailure) -> Self {
        Self::Failure(failure)
    }
}

impl From<End> for Outcome {
    fn from(end: End) -> Self {
        match end {
            End::Answer(answer) => Ok(answer),
            End::Failure(failure) => Err(failure),
        }
    }
}

/// A step of a check.
pub(super) type Step<T> = Result<T, End>;

/// A version of a request that both sides know.
pub(super) struct Version<R> {
    number: i16,
    request: std::marker::PhantomData<R>,
}

impl<R> Version<R> {
    /// Its number.
    pub fn number(&self) -> i16 {
        self.number
    }
}

/// A connection to a broker, and which requests it takes.
pub(super) struct Client<'a> {
    wire: Wire,
    target: Target<'a>,
    place: Place,
    takes: HashMap<i16, (i16, i16)>,
    sent: i32,
}

impl<'a> Client<'a> {
    /// Connects and asks which requests the broker takes.
    pub async fn open(target: Target<'a>, place: Place) -> Step<Self> {
        let wire = Wire::open(place, target.deadline).await?;
        let mut client = Self { wire, target, place, takes: HashMap::new(), sent: 0 };
        // The version that every broker answers.
        let first = Version { number: 0, request: std::marker::PhantomData::<ApiVersionsRequest> };
        let versions = client.call(&first, &ApiVersionsRequest::default()).await?;
        client.takes =
            versions.api_keys.iter().map(|api| (api.api_key, (api.min_version, api.max_version))).collect();
        Ok(client)
    }

    /// The highest version of a request that the broker takes, up to `most`; none where it doesn't take it.
    pub fn version<R: Request>(&self, most: i16) -> Option<Version<R>> {
        let (least, newest) = *self.takes.get(&R::KEY)?;
        let number = most.min(newest).min(R::VERSIONS.max);
        (number >= least.max(R::VERSIONS.min))
            .then_some(Version { number, request: std::marker::PhantomData })
    }

    /// … of a request that every broker has.
    pub fn expect_version<R: Request>(&self, most: i16) -> Step<Version<R>> {
        self.version(most).ok_or_else(|| {
            let name = name::<R>();
            ProbeFailure::lasting(format!("takes no {name} request of a version that vv knows")).into()
        })
    }

    /// Sends a request and reads its answer.
    pub async fn call<R: Request>(&mut self, version: &Version<R>, request: &R) -> Step<R::Response> {
        let answer = self.exchange(version, request).await;
        match answer {
            Err(End::Failure(_)) if self.target.deadline.left().is_zero() => Err(self.late::<R>().into()),
            other => other,
        }
    }

    /// Whether the broker has hung up on the first request after ApiVersions: a listener with SASL answers that to
    /// anybody, and hangs up on anything else.
    pub fn turned_away(&self) -> bool {
        self.sent == 2 && self.wire.ended()
    }

    /// The broker takes a request and then says nothing; some are passed on to the controller.
    fn late<R: Request>(&self) -> ProbeFailure {
        let (name, limit) = (name::<R>(), self.target.deadline.limit_text());
        match ApiKey::try_from(R::KEY) {
            Ok(ApiKey::CreateTopics | ApiKey::DescribeQuorum) => ProbeFailure::new(format!(
                "the broker is there, but no controller answers {name} within {limit}"
            ))
            .hint("is a controller (with ZooKeeper: is ZooKeeper) up, and reached by the broker?"),
            _ => ProbeFailure::new(format!("{} doesn't answer {name} within {limit}", self.place.address)),
        }
    }

    async fn exchange<R: Request>(&mut self, version: &Version<R>, request: &R) -> Step<R::Response> {
        self.sent += 1;
        let framed = encode(self.sent, version, request)
            .map_err(|error| ProbeFailure::lasting(format!("{} can't be asked: {error}", name::<R>())))?;
        self.wire.send(&framed).await?;
        let size = self.wire.exact(4).await?;
        if size[..2] == wire::TLS_ALERT {
            return Err(End::Answer(Answer::NotAsked("the listener wants TLS".into())));
        }
        let foreign = |wire: &Wire| End::from(wire.foreign("Kafka"));
        let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize;
        if !(4..=LIMIT).contains(&size) {
            return Err(foreign(&self.wire));
        }
        let mut answer = Bytes::from(self.wire.exact(size).await?);
        let decoded = ResponseHeader::decode(&mut answer, R::Response::header_version(version.number))
            .ok()
            .filter(|header| header.correlation_id == self.sent)
            .and_then(|_| R::Response::decode(&mut answer, version.number).ok());
        decoded.ok_or_else(|| foreign(&self.wire))
    }
}

/// What Kafka calls a request.
fn name<R: Request>() -> String {
    ApiKey::try_from(R::KEY).map(|key| format!("{key:?}")).unwrap_or_else(|()| format!("request {}", R::KEY))
}

/// A request as it is sent: its size, its header, itself.
fn encode<R: Request>(correlation: i32, version: &Version<R>, request: &R) -> anyhow::Result<Bytes> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version.number)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str(PROBE)));
    let mut body = BytesMut::new();
    header.encode(&mut body, R::header_version(version.number))?;
    request.encode(&mut body, version.number)?;
    let mut framed = BytesMut::with_capacity(4 + body.len());
    framed.put_u32(body.len() as u32);
    framed.extend_from_slice(&body);
    Ok(framed.freeze())
}
