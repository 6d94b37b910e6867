use std::net::SocketAddr;

use bytes::BufMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::probe::testing::{
    BRIEF, ask as once, ask_within, closing, deep_of, environment, nobody, serve, silent, system, told,
};
use crate::stack::Service;

const CHALLENGE: &[u8] = b"abcdefghijklmnopqrst";

fn database() -> Service {
    let login = [("MYSQL_USER", "app"), ("MYSQL_PASSWORD", "hunter22"), ("MYSQL_DATABASE", "shop")];
    environment(system("mysql", 3306), &login)
}

fn greets(plugin: &str) -> Vec<u8> {
    let mut bytes = b"\x0a8.0.36\0\x07\0\0\0".to_vec();
    bytes.put_slice(&CHALLENGE[..8]);
    // Capabilities 4.1, secure connection and plugins, but no TLS; character set, status, length of the challenge.
    bytes.put_slice(&[0, 0x00, 0x82, 33, 2, 0, 0x08, 0, 21]);
    bytes.put_bytes(0, 10);
    bytes.put_slice(&CHALLENGE[8..]);
    bytes.put_u8(0);
    bytes.put_slice(plugin.as_bytes());
    bytes.put_u8(0);
    bytes
}

fn error(code: u16, text: &str) -> Vec<u8> {
    [&[0xff], &code.to_le_bytes()[..], b"#08004", text.as_bytes()].concat()
}

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const END: &[u8] = &[0xfe, 0, 0, 2, 0];

/// A server that greets so, and answers each packet with the next of these.
async fn server(greeting: Vec<u8>, answers: Vec<Vec<Vec<u8>>>) -> SocketAddr {
    serve(move |mut stream| {
        let (greeting, answers) = (greeting.clone(), answers.clone());
        async move {
            let _ = stream.write_all(&packet::packet(0, &greeting)).await;
            for packets in answers {
                let mut header = [0; HEADER];
                if stream.read_exact(&mut header).await.is_err() {
                    return;
                }
                let (size, mut number) = packet::header(&header).unwrap();
                stream.read_exact(&mut vec![0; size]).await.unwrap();
                for payload in packets {
                    number += 1;
                    let _ = stream.write_all(&packet::packet(number, &payload)).await;
                }
            }
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    })
    .await
}

async fn of(greeting: Vec<u8>, answers: &[&[&[u8]]]) -> String {
    told(once(database(), 3306, server(greeting, owned(answers)).await).await)
}

fn owned(answers: &[&[&[u8]]]) -> Vec<Vec<Vec<u8>>> {
    answers.iter().map(|packets| packets.iter().map(|packet| packet.to_vec()).collect()).collect()
}

#[tokio::test]
async fn every_state_has_its_words() {
    let native = || greets("mysql_native_password");
    let sha2 = || greets("caching_sha2_password");
    let switch = [b"\xfemysql_native_password\0".as_slice(), CHALLENGE, b"\0"].concat();
    let strange = [b"\xfeauth_gssapi_client\0".as_slice(), CHALLENGE, b"\0"].concat();
    let denied = error(1045, "Access denied for user 'app'@'172.17.0.1' (using password: YES)");
    let no_password = environment(system("mysql", 3306), &[]);
    let lines = [
        of(native(), &[&[OK]]).await,
        of(sha2(), &[&[&[1, 3], OK]]).await,
        of(sha2(), &[&[&switch], &[OK]]).await,
        of(sha2(), &[&[&[1, 4]]]).await,
        of(native(), &[&[&strange]]).await,
        of(native(), &[&[&denied]]).await,
        of(native(), &[&[&error(1044, "Access denied for user 'app'@'%' to database 'shop'")]]).await,
        of(native(), &[&[&error(1049, "Unknown database 'shop'")]]).await,
        of(native(), &[&[&error(3118, "hunter22 is locked")]]).await,
        of(error(1040, "Too many connections"), &[]).await,
        of(error(1053, "Server shutdown in progress"), &[]).await,
        of(b"\xff\x69\x04Host '172.17.0.1' is blocked because of many connection errors".to_vec(), &[]).await,
        of(b"\xff\x6a\x04Host '172.17.0.1' is not allowed to connect to this MySQL server".to_vec(), &[])
            .await,
        told(once(no_password, 3306, server(native(), owned(&[&[&denied]])).await).await),
        of(b"\x09old".to_vec(), &[]).await,
        told(once(database(), 3306, closing().await).await),
        told(once(database(), 3306, nobody().await).await),
        told(ask_within(database(), 3306, silent().await, BRIEF).await),
        told(ask_within(database(), 3306, server(native(), Vec::new()).await, BRIEF).await),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: logged in to shop as app, version 8.0.36
    ok: logged in to shop as app, version 8.0.36
    ok: logged in to shop as app, version 8.0.36
    ok: answers, version 8.0.36; the login isn't tried: caching_sha2_password wants TLS, which the server doesn't offer
    ok: answers, version 8.0.36; the login isn't tried: the server wants auth_gssapi_client
    lasting: refuses the password of user app -> the password of a first start is kept in its volume: set it back, or change it there with ALTER USER
    lasting: user app may not use shop -> MYSQL_DATABASE and its user's rights are made at the first start only: GRANT gives them later
    lasting: has no database shop -> MYSQL_DATABASE is made at the first start only; with a volume from before: CREATE DATABASE, or remove the volume
    fail: refuses: ••• is locked (3118)
    fail: takes no more connections -> raise max_connections, or look for clients that don't close theirs
    fail: is shutting down
    lasting: blocks this host after too many broken connections -> mysqladmin flush-hosts lets it in again; what connects without logging in?
    lasting: doesn't let this host in: Host '172.17.0.1' is not allowed to connect to this MySQL server -> the user is made for another host: CREATE USER …@'%'
    warn: answers, version 8.0.36, and asks user root for a password that the stack doesn't give -> set MYSQL_PASSWORD or MYSQL_ROOT_PASSWORD, or mount its _FILE as a secret of the stack
    fail: 127.0.0.1:PORT answers, but not as MySQL
    fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 3306 in the container
    fail: 127.0.0.1:PORT refuses connections (container port 3306)
    fail: 127.0.0.1:PORT accepts but says nothing within 300 ms
    fail: greets, but a login isn't done within 300 ms
    ");
}

#[tokio::test]
async fn at_work() {
    fn value(text: &str) -> Vec<u8> {
        [&[text.len() as u8], text.as_bytes()].concat()
    }
    let of = async |state: &[&str], used: &str| {
        let state: Vec<u8> = state.iter().flat_map(|text| value(text)).collect();
        let threads = [value("Threads_connected"), value(used)].concat();
        let column: &[u8] = b"\x03def\0\0\0\x01c\0\x0c\x21\0\x0c\0\0\0\xfd\0\0\0\0\0";
        let answers: &[&[&[u8]]] =
            &[&[OK], &[&[2], column, column, END, &state, END], &[&[2], column, column, END, &threads, END]];
        deep_of(database(), 3306, server(greets("mysql_native_password"), owned(answers)).await).await
    };
    let refused = error(1142, "SELECT command denied to user 'app'");
    let lines = [
        of(&["0", "151"], "7").await,
        of(&["0", "151"], "140").await,
        of(&["1", "151"], "7").await,
        deep_of(
            database(),
            3306,
            server(greets("mysql_native_password"), owned(&[&[OK], &[&refused]])).await,
        )
        .await,
        deep_of(database(), 3306, server(greets("mysql_native_password"), owned(&[&[OK]])).await).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    query ok: answers queries, takes writes; 7 of 151 connections in use
    query warn: answers queries, takes writes; 140 of 151 connections in use -> look for clients that don't close theirs (SHOW PROCESSLIST), or raise max_connections
    query warn: answers queries, but read_only is on: services can't write -> a replica is meant to be so; else SET GLOBAL read_only = OFF (super_read_only too)
    query fail: refuses: SELECT command denied to user 'app' (1142)
    query fail: lets us in, but a query has no answer within 0.7 s -> is it overloaded? SHOW PROCESSLIST
    ");
}

/// Of <https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html>, computed
/// apart from this code.
#[test]
fn what_proves_a_password() {
    let hex = |plugin: &str| {
        packet::proof(plugin, "hunter22", CHALLENGE)
            .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    assert_eq!(hex("mysql_native_password").as_deref(), Some("f237df6bb75e0ba21b1c6d10c9f00d911287bffb"));
    assert_eq!(
        hex("caching_sha2_password").as_deref(),
        Some("237eb56c2e27b320dce5d97fccb69f8d579a536135d94854c8d7d4a54fbe7cd8")
    );
    assert_eq!(hex("dialog"), None);
    assert_eq!(packet::proof("caching_sha2_password", "", CHALLENGE), Some(Vec::new()));
}
