use std::net::SocketAddr;

use bytes::BufMut;

use crate::probe::testing::{
    BRIEF, answering, ask, ask_within, closing, nobody, replies, silent, system, told,
};

enum Field {
    Text(&'static str),
    Flag(bool),
    Double(f64),
    Int(i32),
    Long(i64),
    /// Of a type that is passed over.
    Raw(u8, &'static [u8]),
}

use Field::{Double, Flag, Int, Long, Raw, Text};

fn answer(fields: &[(&str, Field)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, field) in fields {
        let kind = match field {
            Text(_) => 2,
            Flag(_) => 8,
            Double(_) => 1,
            Int(_) => 16,
            Long(_) => 18,
            Raw(kind, _) => *kind,
        };
        body.put_u8(kind);
        body.put_slice(name.as_bytes());
        body.put_u8(0);
        match field {
            Text(text) => {
                body.put_i32_le(text.len() as i32 + 1);
                body.put_slice(text.as_bytes());
                body.put_u8(0);
            }
            Flag(flag) => body.put_u8((*flag).into()),
            Double(number) => body.put_f64_le(*number),
            Int(number) => body.put_i32_le(*number),
            Long(number) => body.put_i64_le(*number),
            Raw(_, bytes) => body.put_slice(bytes),
        }
    }
    let size = 4 + body.len() as i32 + 1;
    let mut message = Vec::new();
    for number in [16 + 5 + size, 7, 1, 2013, 0] {
        message.put_i32_le(number);
    }
    message.put_u8(0);
    message.put_i32_le(size);
    message.extend(body);
    message.put_u8(0);
    message
}

async fn of(address: SocketAddr) -> String {
    told(ask(system("mongo", 27017), 27017, address).await)
}

async fn says(fields: &[(&str, Field)]) -> String {
    of(answering(&[&answer(fields)]).await).await
}

#[tokio::test]
async fn every_state_has_its_words() {
    let ok = || ("ok", Double(1.0));
    // What a real answer has beside what is looked for: an object id, a date, a document, an array, bytes.
    let real = [
        ("topologyVersion", Raw(3, b"\x1c\0\0\0\x07processId\0abcdefghijkl\0")),
        ("localTime", Raw(9, &[0; 8])),
        ("hosts", Raw(4, b"\x05\0\0\0\0")),
        ("hash", Raw(5, b"\x02\0\0\0\0ab")),
        ("operationTime", Raw(17, &[0; 8])),
        ("nothing", Raw(10, b"")),
        ("maxWireVersion", Int(21)),
        ("term", Long(3)),
        ("setName", Text("rs0")),
        ("isWritablePrimary", Flag(true)),
        ok(),
    ];
    let not_found =
        answer(&[("ok", Double(0.0)), ("errmsg", Text("no such command: 'hello'")), ("code", Int(59))]);
    let master = answer(&[("ismaster", Flag(true)), ok()]);
    let lines = [
        says(&[("isWritablePrimary", Flag(true)), ok()]).await,
        says(&real).await,
        says(&[("isWritablePrimary", Flag(true)), ("msg", Text("isdbgrid")), ok()]).await,
        says(&[("setName", Text("rs0")), ("secondary", Flag(true)), ok()]).await,
        says(&[("setName", Text("rs0")), ("arbiterOnly", Flag(true)), ok()]).await,
        says(&[("setName", Text("rs0")), ("isWritablePrimary", Flag(false)), ok()]).await,
        says(&[
            ("isreplicaset", Flag(true)),
            ("info", Text("Does not have a valid replica set config")),
            ok(),
        ])
        .await,
        says(&[ok()]).await,
        says(&[("ok", Double(0.0)), ("errmsg", Text("interrupted at shutdown")), ("code", Int(11600))]).await,
        of(replies(&[("hello", &not_found), ("isMaster", &master)]).await).await,
        of(answering(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]).await).await,
        of(answering(&[&answer(&[("strange", Raw(0x6e, b""))])]).await).await,
        of(answering(&[&answer(&[ok()])[..30]]).await).await,
        of(closing().await).await,
        of(nobody().await).await,
        told(ask_within(system("mongo", 27017), 27017, silent().await, BRIEF).await),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: takes writes, a single server
    ok: primary of rs0
    ok: a router (mongos)
    ok: secondary of rs0
    ok: arbiter of rs0
    fail: rs0 has no primary yet: takes no writes -> are most of its members up? rs.status() says
    fail: was started with --replSet, but its replica set isn't initiated: takes no writes -> mongosh --eval 'rs.initiate()'; a step under x-vv.init can do it at each start
    fail: answers, but takes no writes yet
    fail: answers hello with an error: interrupted at shutdown
    ok: takes writes, a single server
    fail: 127.0.0.1:PORT answers, but not as MongoDB
    fail: 127.0.0.1:PORT answers, but not as MongoDB
    fail: 127.0.0.1:PORT closes the connection in the middle of its answer
    fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 27017 in the container
    fail: 127.0.0.1:PORT refuses connections (container port 27017)
    fail: 127.0.0.1:PORT accepts but says nothing within 300 ms
    ");
}
