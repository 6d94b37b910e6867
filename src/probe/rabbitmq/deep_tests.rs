use std::net::SocketAddr;
use std::time::Duration;

use bytes::BufMut;

use crate::probe::testing::{
    Fake, LOOKING, answering, deep_lines, deep_of, environment, page, stack_of, status, system,
};
use crate::stack::Service;

fn broker() -> Service {
    let login = [("RABBITMQ_DEFAULT_USER", "admin"), ("RABBITMQ_DEFAULT_PASS", "hunter22")];
    environment(system("rabbitmq", 5672), &login)
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.put_u16(channel);
    bytes.put_u32(payload.len() as u32);
    bytes.extend(payload);
    bytes.push(0xce);
    bytes
}

fn method(channel: u16, class: u16, method: u16, body: &[u8]) -> Vec<u8> {
    frame(1, channel, &[&class.to_be_bytes(), &method.to_be_bytes(), body].concat())
}

fn short(text: &str) -> Vec<u8> {
    [&[text.len() as u8], text.as_bytes()].concat()
}

/// A login that works, with a heartbeat in between.
fn greeting() -> [Vec<u8>; 3] {
    let start = [&[0, 9, 0, 0, 0, 0][..], b"\0\0\0\x05PLAIN", b"\0\0\0\x05en_US"].concat();
    let opened = [frame(8, 0, b""), method(0, 10, 41, &[0])].concat();
    [method(0, 10, 10, &start), method(0, 10, 30, &[7, 0xff, 0, 2, 0, 0, 0, 0x3c]), opened]
}

async fn after_login(answers: &[&[u8]]) -> String {
    let greeting = greeting();
    let mut all: Vec<&[u8]> = greeting.iter().map(Vec::as_slice).collect();
    all.extend(answers);
    deep_of(broker(), 5672, answering(&all).await).await
}

fn message(body: &[u8]) -> Vec<u8> {
    let got = [&[0; 9][..], &short(""), &short("amq.gen-1"), &[0; 4]].concat();
    let header = [&[0, 60, 0, 0][..], &(body.len() as u64).to_be_bytes(), &[0, 0]].concat();
    [method(1, 60, 71, &got), frame(2, 1, &header), frame(3, 1, body)].concat()
}

#[tokio::test]
async fn every_state_has_its_words() {
    let channel = method(1, 20, 11, &[0; 4]);
    let queue = method(1, 50, 11, &[short("amq.gen-1"), vec![0; 8]].concat());
    let blocked = |reason: &str| method(0, 10, 60, &short(reason));
    let refused =
        |code: u16, text: &str| method(1, 20, 40, &[&code.to_be_bytes(), &short(text)[..], &[0; 4]].concat());
    let empty = method(1, 60, 72, &[0]);
    let lines = [
        after_login(&[&channel, &queue, &empty, &message(b"another's word..")]).await,
        after_login(&[&channel, &queue, &blocked("low on memory")]).await,
        after_login(&[&channel, &queue, &blocked("low on disk")]).await,
        after_login(&[
            &channel,
            &refused(403, "ACCESS_REFUSED - configure access to queue 'amq.gen-1' refused"),
        ])
        .await,
        after_login(&[&refused(504, "CHANNEL_ERROR - second 'channel.open' seen")]).await,
        after_login(&[&method(
            0,
            10,
            50,
            &[&320_u16.to_be_bytes()[..], &short("CONNECTION_FORCED - shutdown"), &[0; 4]].concat(),
        )])
        .await,
        after_login(&[&channel, &queue]).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    message fail: a message comes out otherwise than it went in
    message fail: an alarm holds all publishers up: low on memory -> let consumers catch up, give the container more memory, or raise vm_memory_high_watermark
    message fail: an alarm holds all publishers up: low on disk -> free disk space (docker system df), or lower disk_free_limit
    message not asked: the stack's user may not make a queue of its own: ACCESS_REFUSED - configure access to queue 'amq.gen-1' refused
    message fail: closes the channel: 504 CHANNEL_ERROR - second 'channel.open' seen
    message fail: hangs up: 320 CONNECTION_FORCED - shutdown
    message fail: 127.0.0.1:PORT closes the connection in the middle of its answer
    ");
}

/// The whole way, with a server that gives back what it gets.
#[tokio::test]
async fn a_message_there_and_back() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = crate::probe::testing::serve(|mut stream| async move {
        let mut told = Vec::new();
        let mut answered = 0;
        let mut buffer = [0; 4096];
        // What the client sends, by what is found in it, and the answers, in their order.
        loop {
            match stream.read(&mut buffer).await {
                Ok(count @ 1..) => told.extend_from_slice(&buffer[..count]),
                _ => return,
            }
            let found = |bytes: &[u8]| told.windows(bytes.len()).position(|window| window == bytes);
            let greeting = greeting();
            let word =
                found(b"amq.gen-1\0\xce").and_then(|at| told.get(at + 11 + 7 + 14 + 1 + 7..)?.get(..16));
            let answers = [
                found(b"AMQP").map(|_| greeting[0].clone()),
                found(b"\0\x0a\0\x0b").map(|_| greeting[1].clone()),
                found(b"\0\x0a\0\x28").map(|_| greeting[2].clone()),
                found(b"\0\x14\0\x0a").map(|_| method(1, 20, 11, &[0; 4])),
                found(b"\0\x32\0\x0a").map(|_| method(1, 50, 11, &[short("amq.gen-1"), vec![0; 8]].concat())),
                found(b"\0\x3c\0\x46").and(word).map(message),
                found(b"\0\x0a\0\x32").map(|_| method(0, 10, 51, &[])),
            ];
            while let Some(Some(answer)) = answers.get(answered) {
                answered += 1;
                let _ = stream.write_all(answer).await;
            }
        }
    })
    .await;
    insta::assert_snapshot!(deep_of(broker(), 5672, address).await, @"message ok: a message went through a queue of its own");
}

async fn alarms(address: SocketAddr) -> String {
    let mut service = broker();
    service.image = "rabbitmq:3.12-management".into();
    let platform = Fake::default().with(status("rabbitmq", 1)).published("rabbitmq", 15672, address);
    deep_lines(&stack_of([service.clone()]), &service, &platform, LOOKING)
        .await
        .replace("message not asked: port 5672 isn't published\n", "")
}

#[tokio::test]
async fn what_the_management_page_says() {
    let alarm = r#"{"alarms":[{"node":"rabbit@rmq","resource":"memory"}],"reason":"There are alarms in effect in the cluster","status":"failed"}"#;
    let lines = [
        alarms(page(200, "", r#"{"status":"ok"}"#).await).await,
        alarms(page(503, "", alarm).await).await,
        alarms(page(503, "", &alarm.replace("memory", "disk")).await).await,
        alarms(page(401, "", r#"{"error":"not_authorized","reason":"Login failed"}"#).await).await,
        alarms(page(404, "", r#"{"error":"Object Not Found"}"#).await).await,
        alarms(page(500, "", "").await).await,
        alarms(crate::probe::testing::closing().await).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    alarms ok: no alarm is on
    alarms fail: an alarm holds all publishers up: low on memory at rabbit@rmq -> let consumers catch up, give the container more memory, or raise vm_memory_high_watermark
    alarms fail: an alarm holds all publishers up: low on disk at rabbit@rmq -> free disk space (docker system df), or lower disk_free_limit
    alarms warn: user admin may not use the management page -> rabbitmqctl set_user_tags admin administrator
    alarms not asked: this version's management page has no health checks
    alarms fail: GET /api/health/checks/alarms: 500
    alarms warn: no management page: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 15672 in the container -> take an image with -management in its tag, or rabbitmq-plugins enable rabbitmq_management
    ");
    // Without a sign of the plugin, it isn't asked for.
    tokio::time::timeout(Duration::from_secs(20), async {
        let bare = deep_of(broker(), 5672, crate::probe::testing::nobody().await).await;
        assert!(!bare.contains("alarms"), "{bare}");
    })
    .await
    .unwrap();
}
