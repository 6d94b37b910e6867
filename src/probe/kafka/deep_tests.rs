//! The whole conversation of each check, with a broker whose answers are made here.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, BrokerId, CreateTopicsRequest, CreateTopicsResponse, FetchResponse,
    MetadataResponse, ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::deep::checks;
use crate::probe::deep::PROBE;
use crate::probe::target::{Deadline, Target};
use crate::probe::testing::{Fake, environment, serve, stack_of, status, system, told};
use crate::stack::Service;

/// What a broker answers, or how it fails to.
enum Say {
    Answer(BytesMut),
    Nothing,
    HangUp,
}

/// What goes wrong with a broker, and what it has been told.
#[derive(Default)]
struct Script {
    /// The id of the controller; 1 is the broker itself.
    controller: i32,
    /// The topic is there.
    exists: bool,
    /// Error codes of CreateTopics, in turn; 0 once they are used up.
    create: Vec<i16>,
    /// … of Produce.
    produce: Vec<i16>,
    /// The log of the topic: what was produced, as it came.
    log: Vec<Bytes>,
    /// Fetch finds nothing so often.
    empty: usize,
    /// What is read is something else.
    garbled: bool,
    /// Requests that are never answered, and those that it hangs up at.
    deaf: Vec<ApiKey>,
    hangs_up: Vec<ApiKey>,
    /// The highest versions that it takes.
    most: i16,
}

fn healthy() -> Script {
    Script { controller: 1, most: 4, ..Script::default() }
}

fn encoded<T: Encodable>(message: &T, version: i16) -> BytesMut {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes, version).unwrap();
    bytes
}

impl Script {
    fn answer(&mut self, key: ApiKey, version: i16, body: &mut Bytes, own: SocketAddr) -> Say {
        if self.deaf.contains(&key) {
            return Say::Nothing;
        }
        if self.hangs_up.contains(&key) {
            return Say::HangUp;
        }
        Say::Answer(match key {
            ApiKey::ApiVersions => {
                let api = |key: ApiKey| {
                    let least = match key {
                        ApiKey::Produce => 3,
                        ApiKey::Fetch => 4,
                        ApiKey::CreateTopics => 2,
                        _ => 0,
                    };
                    ApiVersion::default()
                        .with_api_key(key as i16)
                        .with_min_version(least)
                        .with_max_version(self.most)
                };
                let keys = [ApiKey::Produce, ApiKey::Fetch, ApiKey::Metadata, ApiKey::CreateTopics];
                encoded(&ApiVersionsResponse::default().with_api_keys(keys.map(api).to_vec()), 0)
            }
            ApiKey::Metadata => encoded(&self.metadata(own), version),
            ApiKey::CreateTopics => {
                let request = CreateTopicsRequest::decode(body, version).unwrap();
                let code = if self.create.is_empty() { 0 } else { self.create.remove(0) };
                self.exists |= !request.validate_only && (code == 0 || code == 36);
                let result = |topic: &kafka_protocol::messages::create_topics_request::CreatableTopic| {
                    CreatableTopicResult::default().with_name(topic.name.clone()).with_error_code(code)
                };
                let results = request.topics.iter().map(result).collect();
                encoded(&CreateTopicsResponse::default().with_topics(results), version)
            }
            ApiKey::Produce => {
                let request = ProduceRequest::decode(body, version).unwrap();
                let topic = &request.topic_data[0];
                let code = if self.produce.is_empty() { 0 } else { self.produce.remove(0) };
                if code == 0 {
                    self.log.push(topic.partition_data[0].records.clone().unwrap());
                }
                let partition = PartitionProduceResponse::default().with_error_code(code).with_base_offset(0);
                let topic = TopicProduceResponse::default()
                    .with_name(topic.name.clone())
                    .with_partition_responses(vec![partition]);
                encoded(&ProduceResponse::default().with_responses(vec![topic]), version)
            }
            ApiKey::Fetch => {
                let mut records = self.log.last().cloned().unwrap_or_default();
                if self.empty > 0 {
                    self.empty -= 1;
                    records.clear();
                }
                if self.garbled {
                    records = records.slice(..records.len() - 1);
                }
                let partition = PartitionData::default().with_records(Some(records));
                let topic = FetchableTopicResponse::default().with_partitions(vec![partition]);
                encoded(&FetchResponse::default().with_responses(vec![topic]), version)
            }
            other => panic!("{other:?} wasn't offered"),
        })
    }

    fn metadata(&self, own: SocketAddr) -> MetadataResponse {
        let broker = MetadataResponseBroker::default()
            .with_node_id(BrokerId(1))
            .with_host(StrBytes::from_static_str("127.0.0.1"))
            .with_port(own.port().into());
        let name = Some(StrBytes::from_static_str(PROBE).into());
        let mut topic = MetadataResponseTopic::default().with_name(name);
        if self.exists {
            let partition = MetadataResponsePartition::default()
                .with_leader_id(BrokerId(1))
                .with_replica_nodes(vec![BrokerId(1)])
                .with_isr_nodes(vec![BrokerId(1)]);
            topic = topic.with_partitions(vec![partition]);
        } else {
            topic = topic.with_error_code(3);
        }
        MetadataResponse::default()
            .with_brokers(vec![broker])
            .with_controller_id(BrokerId(self.controller))
            .with_topics(vec![topic])
    }
}

async fn broker(script: Script) -> (SocketAddr, Arc<Mutex<Script>>) {
    let script = Arc::new(Mutex::new(script));
    let shared = script.clone();
    let address = serve(move |mut stream| {
        let script = script.clone();
        async move {
            let own = stream.local_addr().unwrap();
            let mut size = [0; 4];
            while stream.read_exact(&mut size).await.is_ok() {
                let mut request = vec![0; u32::from_be_bytes(size) as usize];
                stream.read_exact(&mut request).await.unwrap();
                let mut request = Bytes::from(request);
                let key = ApiKey::try_from(i16::from_be_bytes([request[0], request[1]])).unwrap();
                let version = i16::from_be_bytes([request[2], request[3]]);
                let header =
                    RequestHeader::decode(&mut request, key.request_header_version(version)).unwrap();
                assert_eq!(header.client_id.as_deref(), Some(PROBE));
                let said = script.lock().unwrap().answer(key, version, &mut request, own);
                let body = match said {
                    Say::Answer(body) => body,
                    Say::Nothing => std::future::pending().await,
                    Say::HangUp => return,
                };
                assert!(!request.has_remaining() || !matches!(key, ApiKey::Produce | ApiKey::CreateTopics));
                let head = ResponseHeader::default().with_correlation_id(header.correlation_id);
                let head = encoded(&head, key.response_header_version(version));
                let mut framed = BytesMut::new();
                framed.put_u32((head.len() + body.len()) as u32);
                framed.extend_from_slice(&head);
                framed.extend_from_slice(&body);
                let _ = stream.write_all(&framed).await;
            }
        }
    })
    .await;
    (address, shared)
}

async fn asked_of(service: Service, address: SocketAddr, name: &str) -> String {
    let (stack, status) = (stack_of([service.clone()]), status("kafka", 1));
    let platform = Fake::default().with(status.clone()).published("kafka", 9092, address);
    let deadline = Deadline::after(Duration::from_millis(600));
    let target = Target { stack: &stack, service: &service, status: &status, platform: &platform, deadline };
    let check = checks(target).into_iter().find(|check| check.name == name).unwrap();
    told(check.work.await)
}

async fn asked(script: Script, name: &str) -> String {
    asked_of(system("kafka", 9092), broker(script).await.0, name).await
}

#[tokio::test]
async fn a_record_there_and_back() {
    let check = |script| asked(script, "produce and consume");
    let there = || Script { exists: true, ..healthy() };
    let lines = [
        check(there()).await,
        // The topic is made; another run was faster; the default can't be kept; it is refused for good.
        check(healthy()).await,
        check(Script { create: vec![36], ..healthy() }).await,
        check(Script { create: vec![38], ..healthy() }).await,
        check(Script { create: vec![44, 44, 44, 44], ..healthy() }).await,
        check(Script { create: vec![29, 29, 29, 29], ..healthy() }).await,
        // Leaders move, followers are slow.
        check(Script { produce: vec![6, 3], empty: 3, ..there() }).await,
        check(Script { produce: vec![19; 99], ..there() }).await,
        check(Script { produce: vec![56; 99], ..there() }).await,
        check(Script { produce: vec![29; 99], ..there() }).await,
        check(Script { garbled: true, ..there() }).await,
        check(Script { deaf: vec![ApiKey::Produce], ..there() }).await,
        check(Script { deaf: vec![ApiKey::CreateTopics], ..healthy() }).await,
        check(Script { most: 3, ..there() }).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: a record was written to vv-probe and read back
    ok: a record was written to vv-probe and read back
    ok: a record was written to vv-probe and read back
    ok: a record was written to vv-probe and read back
    warn: a policy of the cluster forbids to create the topic vv-probe (POLICY_VIOLATION) -> create.topic.policy.class.name sets the policy
    warn: who hasn't logged in may not create the topic vv-probe (TOPIC_AUTHORIZATION_FAILED) -> allow it to User:ANONYMOUS, or publish a listener that may do it, if vv is to prove it
    ok: a record was written to vv-probe and read back
    fail: a record is refused: fewer replicas are in sync than min.insync.replicas wants (NOT_ENOUGH_REPLICAS) -> are all brokers up? On a single one, set KAFKA_MIN_INSYNC_REPLICAS=1 or raise the replication factor
    fail: can't write a record: a log directory is offline (KAFKA_STORAGE_ERROR) -> is its disk full, read-only or broken? Free space, then restart the broker
    warn: who hasn't logged in may not write a record (TOPIC_AUTHORIZATION_FAILED) -> allow it to User:ANONYMOUS, or publish a listener that may do it, if vv is to prove it
    fail: a record that was just written reads otherwise
    fail: 127.0.0.1:PORT doesn't answer Produce within 0.6 s
    fail: the broker is there, but no controller answers CreateTopics within 0.6 s -> is a controller (with ZooKeeper: is ZooKeeper) up, and reached by the broker?
    lasting: takes no Fetch request of a version that vv knows
    ");
}

#[tokio::test]
async fn old_and_new_brokers() {
    for most in [4, 5, 7, 8, 9, 11, 12, 18] {
        let told = asked(Script { most, empty: 1, ..healthy() }, "produce and consume").await;
        assert_eq!(told, "ok: a record was written to vv-probe and read back", "up to {most}");
    }
}

#[tokio::test]
async fn the_topic_is_made_once_and_as_promised() {
    let (address, script) = broker(healthy()).await;
    for _ in 0..3 {
        let told = asked_of(system("kafka", 9092), address, "produce and consume").await;
        assert_eq!(told, "ok: a record was written to vv-probe and read back");
    }
    let log = script.lock().unwrap().log.clone();
    assert_eq!(log.len(), 3);
    assert!(log[0] != log[1] && log[1] != log[2], "each run has a value of its own");
}

#[tokio::test]
async fn a_topic_that_could_be() {
    let check = |script| asked(script, "create topic");
    let lines = [
        check(healthy()).await,
        check(Script { create: vec![41], ..healthy() }).await,
        check(Script { create: vec![41; 99], ..healthy() }).await,
        check(Script { create: vec![41; 99], controller: -1, ..healthy() }).await,
        check(Script { deaf: vec![ApiKey::CreateTopics], ..healthy() }).await,
        check(Script { most: 3, ..healthy() }).await,
        asked(healthy(), "controller").await,
        asked(Script { controller: -1, ..healthy() }, "controller").await,
        asked(healthy(), "disk").await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: a topic could be created
    ok: a topic could be created
    fail: can't create a topic: no controller does it in time (NOT_CONTROLLER) -> is a controller (or ZooKeeper) up?
    fail: can't create a topic: no controller does it in time (NOT_CONTROLLER) -> is a controller (or ZooKeeper) up?
    fail: the broker is there, but no controller answers CreateTopics within 0.6 s -> is a controller (with ZooKeeper: is ZooKeeper) up, and reached by the broker?
    ok: a topic could be created
    ok: broker 1 is the controller
    fail: no controller is elected: no topic can be created, no leader chosen -> can the brokers reach ZooKeeper? vv health shows whether it is up
    not asked: the broker doesn't tell of its log directories
    ");
}

#[tokio::test]
async fn who_has_not_logged_in_is_turned_away() {
    let check = "produce and consume";
    let unsaid = asked(Script { hangs_up: vec![ApiKey::Metadata], ..healthy() }, check).await;
    let said = |protocol: &str| {
        let map = format!("OUT:{protocol}");
        let listeners =
            [("KAFKA_LISTENERS", "OUT://:9092"), ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", map.as_str())];
        environment(system("kafka", 9092), &listeners)
    };
    let (address, _) = broker(healthy()).await;
    let lines = [
        unsaid,
        asked_of(said("SASL_PLAINTEXT"), address, check).await,
        asked_of(said("SASL_SSL"), address, check).await,
        asked_of(said("PLAINTEXT"), address, check).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    not asked: 127.0.0.1:PORT: it hangs up on who hasn't logged in (SASL)
    not asked: the listener on port 9092 wants a login (SASL)
    not asked: the listener on port 9092 wants TLS
    ok: a record was written to vv-probe and read back
    ");
}
