use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::probe::target::Deadline;
use crate::probe::testing::{
    Fake, closing, environment, nobody, serve, silent, stack_of, status, system, told,
};

/// What a server of 3.6.4 answers, alone.
const SRVR: &str = "Zookeeper version: 3.6.4--d65253dcf68e9097c6e95a126463fd5fdeb4521c, built on 12/18/2022 18:10 GMT\n\
    Latency min/avg/max: 0/0.0/0\nReceived: 2\nSent: 1\nConnections: 1\nOutstanding: 0\nZxid: 0x0\nMode: standalone\nNode count: 5\n";
const NOT_THERE: &str = "mntr is not executed because it is not in the whitelist.\n";
/// An opened session: version, agreed timeout, id, password, not read-only.
const OPENED: &[u8] = b"\0\0\0\x25\0\0\0\0\0\0\x0f\xa0\x01\0\0\x2a\x5c\x11\0\0\0\0\0\x10................\0";
/// The names in `/`: one, `zookeeper`.
const CHILDREN: &[u8] = b"\0\0\0\x21\0\0\0\x01\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x01\0\0\0\x09zookeeper";
const CUT: &[u8] = b"\0\0\0\x25\0\0\0\0\0";
const CLOSED_ROOT: &[u8] = b"\0\0\0\x10\0\0\0\x01\0\0\0\0\0\0\0\x03\xff\xff\xff\x9a";

/// A server that answers words with words and frames with frames, in turn.
async fn server(mntr: &'static str, srvr: &'static str, frames: &'static [&'static [u8]]) -> SocketAddr {
    serve(move |mut stream| async move {
        let mut frames = frames.iter();
        let mut said = [0; 256];
        loop {
            let Ok(read @ 1..) = stream.read(&mut said).await else { return };
            let answer = match &said[..read] {
                b"mntr" => mntr.as_bytes(),
                b"srvr" => srvr.as_bytes(),
                _ => match frames.next() {
                    Some(frame) => frame,
                    None => return,
                },
            };
            stream.write_all(answer).await.unwrap();
            if said[..read].len() == 4 {
                return;
            }
        }
    })
    .await
}

async fn asked_of(service: Service, address: SocketAddr) -> String {
    let (stack, status) = (stack_of([service.clone()]), status("zookeeper", 1));
    let platform = Fake::default().with(status.clone()).published("zookeeper", 2181, address);
    let deadline = Deadline::after(Duration::from_millis(500));
    let target = Target { stack: &stack, service: &service, status: &status, platform: &platform, deadline };
    let each =
        checks(target).into_iter().map(async |check| format!("{}: {}", check.name, told(check.work.await)));
    futures_util::future::join_all(each).await.join("\n")
}

async fn asked(address: SocketAddr) -> String {
    asked_of(system("zookeeper", 2181), address).await
}

#[tokio::test]
async fn every_state_has_its_words() {
    let no_quorum = "This ZooKeeper instance is not currently serving requests\n";
    let lines = [
        asked(server(NOT_THERE, SRVR, &[OPENED, CHILDREN]).await).await,
        asked(
            server(
                NOT_THERE,
                "srvr is not executed because it is not in the whitelist.\n",
                &[OPENED, CLOSED_ROOT],
            )
            .await,
        )
        .await,
        asked(server(no_quorum, no_quorum, &[]).await).await,
        asked(server("nothing of the kind", SRVR, &[b"HTTP/1.1 400 Bad Request\r\n"]).await).await,
        asked(server("zk_server_state\tread-only\n", SRVR, &[OPENED, CUT]).await).await,
        asked(closing().await).await,
        asked(nobody().await).await,
        asked(silent().await).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    session: ok: a session was opened and / was read
    ensemble: ok: standalone, requests don't pile up
    session: ok: a session was opened (/ is closed to strangers)
    ensemble: not asked: srvr isn't allowed: put srvr and mntr into 4lw.commands.whitelist (ZOO_4LW_COMMANDS_WHITELIST)
    session: fail: 127.0.0.1:PORT opens no session: it hangs up -> has it a quorum, and room for another client (maxClientCnxns)?
    ensemble: fail: doesn't serve: it has no quorum -> are the other servers of the ensemble up?
    session: fail: 127.0.0.1:PORT answers, but not as ZooKeeper
    ensemble: fail: tells neither its mode nor that it may not
    session: fail: 127.0.0.1:PORT stops in the middle of its answer for 0.5 s
    ensemble: fail: serves reads only: it has lost its quorum -> are the other servers of the ensemble up?
    session: fail: 127.0.0.1:PORT opens no session: it hangs up -> has it a quorum, and room for another client (maxClientCnxns)?
    ensemble: fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 2181 in the container
    session: fail: 127.0.0.1:PORT refuses connections (container port 2181)
    ensemble: fail: 127.0.0.1:PORT refuses connections (container port 2181)
    session: fail: 127.0.0.1:PORT accepts but says nothing within 0.5 s
    ensemble: fail: 127.0.0.1:PORT accepts but says nothing within 0.5 s
    ");
}

#[test]
fn how_a_server_stands() {
    let mntr = |state: &str, waiting: &str, synced: &str| {
        format!(
            "zk_version\t3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12 22:16 UTC\n\
             zk_server_state\t{state}\nzk_outstanding_requests\t{waiting}\nzk_znode_count\t5\n{synced}"
        )
    };
    let lines = [
        judge(&mntr("standalone", "0", ""), None),
        judge(&mntr("standalone", "7", ""), Some(1)),
        judge(&mntr("standalone", "0", ""), Some(3)),
        judge(&mntr("leader", "0", "zk_synced_followers\t2\n"), Some(3)),
        judge(&mntr("leader", "0", "zk_synced_followers\t2.0\n"), Some(3)),
        judge(&mntr("leader", "0", "zk_synced_followers\t1\n"), Some(3)),
        judge(&mntr("follower", "250", ""), Some(3)),
        judge(SRVR, None),
    ];
    insta::assert_snapshot!(lines.map(told).join("\n"), @r"
    ok: standalone, requests don't pile up
    ok: standalone, requests don't pile up
    warn: runs alone, though 3 servers are declared -> does its image read that variable? An ensemble needs server ids as well (ZOOKEEPER_SERVER_ID, ZOO_MY_ID)
    ok: leader, requests don't pile up
    ok: leader, requests don't pile up
    warn: leads, but 1 of 2 others follow -> are the others up? Without more than half of all nothing is served
    warn: follower, and 250 requests wait -> is its disk slow? Every write waits for it
    ok: standalone, requests don't pile up
    ");
}

#[test]
fn how_many_servers_are_declared() {
    let declared =
        |name: &str, value: &str| servers(&environment(system("zookeeper", 2181), &[(name, value)]));
    assert_eq!(declared("ZOOKEEPER_SERVERS", "zk1:2888:3888;zk2:2888:3888;zk3:2888:3888"), Some(3));
    let official = "server.1=zoo1:2888:3888;2181 server.2=zoo2:2888:3888;2181";
    assert_eq!(declared("ZOO_SERVERS", official), Some(2));
    assert_eq!(declared("ZOO_SERVERS", "zk1:2888:3888,zk2:2888:3888"), Some(2));
    assert_eq!(declared("OTHER", "a:1"), None);
}

#[test]
fn what_is_sent() {
    assert_eq!(connect_request()[..12], *b"\0\0\0\x2d\0\0\0\0\0\0\0\0");
    assert_eq!(children_request("/"), b"\0\0\0\x0e\0\0\0\x01\0\0\0\x08\0\0\0\x01/\0");
}
