//! A broker that speaks recorded shapes of answers, seen from outside and from inside.

use std::net::SocketAddr;

use bytes::{Buf, BufMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::advertised::Side;
use super::wire;
use crate::platform::Endpoint;
use crate::probe::net::Place;
use crate::probe::target::{Deadline, Target};
use crate::probe::testing::{
    BRIEF, Fake, PATIENCE, answering, ask, ask_within, closing, environment, nobody, serve, silent, stack_of,
    status, system, told,
};
use crate::stack::Service;

/// What a broker does after ApiVersions.
#[derive(Debug, Clone)]
enum Broker {
    /// Names these brokers: id, host, port.
    Names(Vec<(i32, String, u16)>),
    /// Hangs up, as a listener with SASL does.
    HangsUp,
}

fn kafka() -> Service {
    system("kafka", 9092)
}

/// A broker that takes these versions of Metadata.
async fn broker(versions: (i16, i16), then: Broker) -> SocketAddr {
    serve(move |mut stream| {
        let then = then.clone();
        async move {
            let mut size = [0; 4];
            while stream.read_exact(&mut size).await.is_ok() {
                let mut request = vec![0; u32::from_be_bytes(size) as usize];
                stream.read_exact(&mut request).await.unwrap();
                let mut request = request.as_slice();
                let (key, version) = (request.get_i16(), request.get_i16());
                let mut answer = Vec::new();
                answer.put_i32(request.get_i32());
                match (key, &then) {
                    (18, _) => api_versions(&mut answer, versions),
                    (3, Broker::Names(brokers)) => {
                        // Port 0 stands for the broker's own.
                        let own = stream.local_addr().unwrap().port();
                        let named = |(id, host, port): &(i32, String, u16)| {
                            (*id, host.clone(), if *port == 0 { own } else { *port })
                        };
                        metadata(&mut answer, version, &brokers.iter().map(named).collect::<Vec<_>>());
                    }
                    _ => return,
                }
                stream
                    .write_all(&[&(answer.len() as u32).to_be_bytes()[..], &answer].concat())
                    .await
                    .unwrap();
            }
        }
    })
    .await
}

fn api_versions(answer: &mut Vec<u8>, (least, most): (i16, i16)) {
    answer.put_i16(0);
    answer.put_i32(3);
    for (key, least, most) in [(1, 4, 17), (3, least, most), (18, 0, 4)] {
        answer.put_i16(key);
        answer.put_i16(least);
        answer.put_i16(most);
    }
}

fn metadata(answer: &mut Vec<u8>, version: i16, brokers: &[(i32, String, u16)]) {
    if version >= 3 {
        answer.put_i32(0);
    }
    answer.put_i32(brokers.len() as i32);
    for (id, host, port) in brokers {
        answer.put_i32(*id);
        answer.put_i16(host.len() as i16);
        answer.put_slice(host.as_bytes());
        answer.put_i32((*port).into());
        answer.put_i16(-1);
    }
    if version >= 2 {
        answer.put_i16(-1); // cluster id
    }
    answer.put_i32(1); // controller
    answer.put_i32(0); // topics
}

fn names(brokers: &[(i32, &str, u16)]) -> Broker {
    Broker::Names(brokers.iter().map(|(id, host, port)| (*id, (*host).to_owned(), *port)).collect())
}

async fn of(address: SocketAddr) -> String {
    told(ask(kafka(), 9092, address).await)
}

#[tokio::test]
async fn from_outside() {
    let other = broker((0, 13), names(&[])).await;
    let dead = nobody().await;
    let web = answering(&[b"HTTP/1.1 400\r\n\r\n"]).await;
    let lines = [
        of(broker((0, 13), names(&[(1, "127.0.0.1", 0)])).await).await,
        of(broker((0, 13), names(&[(1, "127.0.0.1", 0), (2, "localhost", other.port())])).await).await,
        of(broker((0, 13), names(&[])).await).await,
        // The classic trap, in its four shapes.
        of(broker((0, 13), names(&[(1, "kafka.invalid", 9092)])).await).await,
        of(broker((0, 13), names(&[(1, "127.0.0.1", dead.port())])).await).await,
        of(broker((0, 13), names(&[(1, "127.0.0.1", closing().await.port())])).await).await,
        of(broker((0, 13), names(&[(1, "localhost", 0), (2, "127.0.0.1", web.port())])).await).await,
        // No answer at all is something else.
        of(broker((0, 13), Broker::HangsUp).await).await,
        of(answering(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]).await).await,
        of(answering(&[b"\x15\x03\x03\x00\x02\x02\x50"]).await).await,
        of(answering(&[b"\0\0\0\x0a\0\0"]).await).await,
        of(closing().await).await,
        of(nobody().await).await,
        told(ask_within(kafka(), 9092, silent().await, BRIEF).await),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: 1 broker, advertised as 127.0.0.1:PORT
    ok: 2 brokers, advertised as 127.0.0.1:PORT, localhost:PORT
    fail: answers, but no broker is registered yet
    lasting: advertised listener unreachable: the bootstrap at 127.0.0.1:PORT answers and sends clients on to kafka.invalid:9092 (broker 1): the name kafka.invalid doesn't resolve from here -> advertise the listener on container port 9092 as localhost:PORT in KAFKA_ADVERTISED_LISTENERS, and keep another listener for the containers
    lasting: advertised listener unreachable: the bootstrap at 127.0.0.1:PORT answers and sends clients on to 127.0.0.1:PORT (broker 1): nothing listens: 127.0.0.1:PORT refuses connections -> it is published as localhost:PORT, but KAFKA_ADVERTISED_LISTENERS says 127.0.0.1:PORT: --port-offset and other changes of a published port don't reach into variables; advertise the listener on container port 9092 as localhost:PORT in KAFKA_ADVERTISED_LISTENERS, and keep another listener for the containers
    lasting: advertised listener unreachable: the bootstrap at 127.0.0.1:PORT answers and sends clients on to 127.0.0.1:PORT (broker 1): 127.0.0.1:PORT accepts and closes the connection without an answer -> it is published as localhost:PORT, but KAFKA_ADVERTISED_LISTENERS says 127.0.0.1:PORT: --port-offset and other changes of a published port don't reach into variables; advertise the listener on container port 9092 as localhost:PORT in KAFKA_ADVERTISED_LISTENERS, and keep another listener for the containers
    fail: advertised listener unreachable: the bootstrap at 127.0.0.1:PORT answers and sends clients on to 127.0.0.1:PORT (broker 2): 127.0.0.1:PORT answers, but not as Kafka -> advertise the listener on container port 9092 as localhost:PORT in KAFKA_ADVERTISED_LISTENERS, and keep another listener for the containers
    warn: 127.0.0.1:PORT answers ApiVersions and hangs up at Metadata -> does this listener want a login (SASL)? Publish a PLAINTEXT one for local work
    fail: 127.0.0.1:PORT answers, but not as Kafka
    lasting: the listener wants TLS -> publish a PLAINTEXT listener for local work
    fail: 127.0.0.1:PORT closes the connection in the middle of its answer
    fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 9092 in the container
    fail: 127.0.0.1:PORT refuses connections (container port 9092)
    fail: 127.0.0.1:PORT accepts but says nothing within 300 ms
    ");
}

#[tokio::test]
async fn old_and_new_brokers() {
    for versions in [(0, 1), (0, 2), (0, 4), (1, 8), (7, 13), (8, 8)] {
        let brokers = names(&[(1, "127.0.0.1", 0)]);
        let told = of(broker(versions, brokers).await).await;
        assert_eq!(told, "ok: 1 broker, advertised as 127.0.0.1:PORT", "{versions:?}");
    }
    let ancient = broker((0, 0), names(&[])).await;
    assert_eq!(of(ancient).await, "lasting: takes no Metadata request of a version that vv knows");
}

/// The broker asked at the container's own address, which here is one that isn't the machine's loopback.
async fn from_inside(advertised: &[(i32, &str, u16)], change: impl FnOnce(&mut Service)) -> String {
    let address = broker((0, 13), names(advertised)).await;
    let mut service = kafka();
    service.ports.clear();
    change(&mut service);
    let other = system("kafka", 9092);
    let other = Service { name: "kafka-2".into(), ..other };
    let kafka = status("kafka", 1);
    let inside = |address| Endpoint { address, published: false };
    let second = broker((0, 13), names(&[])).await;
    let platform = Fake::default()
        .with(kafka.clone())
        .with(status("kafka-2", 1))
        .at("kafka", 9092, inside(address))
        .at("kafka", 9999, inside(nobody().await))
        .at("kafka-2", 9092, inside(second));
    let stack = stack_of([service.clone(), other]);
    let deadline = Deadline::after(PATIENCE);
    let target = Target { stack: &stack, service: &service, status: &kafka, platform: &platform, deadline };
    let place = Place::of(inside(address), 9092);
    told(super::ask_from(&target, place, Side::Inside).await)
}

#[tokio::test]
async fn names_of_the_stack_stand_for_its_replicas() {
    let as_is = |_: &mut Service| {};
    let lines = [
        from_inside(&[(1, "kafka", 9092)], as_is).await,
        from_inside(&[(1, "kafka-1", 9092)], as_is).await,
        from_inside(&[(1, "0123456789ab", 9092)], as_is).await,
        from_inside(&[(1, "broker", 9092)], |service| service.hostname = Some("broker".into())).await,
        from_inside(&[(1, "kafka", 9092), (2, "kafka-2", 9092)], as_is).await,
        // Its network knows a port that can't be reached from here.
        from_inside(&[(1, "kafka", 9092), (2, "kafka-2", 9093)], as_is).await,
        from_inside(&[(1, "kafka", 9999)], as_is).await,
        from_inside(&[(1, "localhost", 9092)], as_is).await,
        from_inside(&[(1, "nobody.invalid", 9092)], as_is).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: 1 broker, advertised as kafka:9092
    ok: 1 broker, advertised as kafka-1:9092
    ok: 1 broker, advertised as 0123456789ab:9092
    ok: 1 broker, advertised as broker:9092
    ok: 2 brokers, advertised as kafka:9092, kafka-2:9092
    ok: 2 brokers, advertised as kafka:9092, kafka-2:9093
    lasting: advertised listener unreachable: the bootstrap at 127.0.0.1:PORT answers and sends clients on to kafka:9999 (broker 1): nothing listens: 127.0.0.1:PORT refuses connections -> advertise the listener for the containers as kafka:9092 in KAFKA_ADVERTISED_LISTENERS
    lasting: advertised listener unreachable: the bootstrap at 127.0.0.1:PORT answers and sends clients on to localhost:PORT (broker 1): for every other container that is itself -> advertise the listener for the containers as kafka:9092 in KAFKA_ADVERTISED_LISTENERS
    lasting: advertised listener unreachable: the bootstrap at 127.0.0.1:PORT answers and sends clients on to nobody.invalid:9092 (broker 1): the name nobody.invalid is none of the stack's and doesn't resolve from here -> advertise the listener for the containers as kafka:9092 in KAFKA_ADVERTISED_LISTENERS
    ");
}

#[tokio::test]
async fn listeners_that_want_more_are_asked_less() {
    let secured = |protocol: &str| {
        environment(
            kafka(),
            &[
                ("KAFKA_LISTENERS", "OUT://:9092"),
                ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", &format!("OUT:{protocol}")),
            ],
        )
    };
    let sasl = told(ask(secured("SASL_PLAINTEXT"), 9092, broker((0, 13), Broker::HangsUp).await).await);
    assert_eq!(sasl, "ok: 127.0.0.1:PORT answers ApiVersions; the listener wants a login");
    let tls = told(ask(secured("SASL_SSL"), 9092, nobody().await).await);
    assert_eq!(tls, "not asked: the listener at 127.0.0.1:PORT wants TLS");
}

#[test]
fn what_is_sent() {
    assert_eq!(
        wire::api_versions_request(),
        b"\0\0\0\x12\0\x12\0\0\0\0\x76\x76\0\x08vv-probe",
        "size, key 18, version 0, correlation, client id"
    );
    assert_eq!(wire::metadata_request(1), b"\0\0\0\x16\0\x03\0\x01\0\0\x76\x76\0\x08vv-probe\0\0\0\0");
    assert_eq!(wire::metadata_request(5), b"\0\0\0\x17\0\x03\0\x05\0\0\x76\x76\0\x08vv-probe\0\0\0\0\0");
}

#[test]
fn what_is_cut_or_absurd_is_refused() {
    let mut good = Vec::new();
    good.put_i32(0x7676);
    metadata(&mut good, 1, &[(1, "kafka".into(), 9092)]);
    assert!(wire::decode_metadata(&good, 1).is_some());
    for end in 0..25 {
        assert_eq!(wire::decode_metadata(&good[..end], 1), None, "cut after {end}");
    }
    assert_eq!(wire::response_size(b"HTTP"), None);
    assert_eq!(wire::response_size(&[0xff; 4]), None);
    assert_eq!(wire::response_size(&[0, 0, 0, 3]), None);
    let mut endless = Vec::new();
    endless.put_i32(0x7676);
    endless.put_i32(i32::MAX);
    assert_eq!(wire::decode_metadata(&endless, 1), None);
}
