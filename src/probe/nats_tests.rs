use std::net::SocketAddr;

use crate::probe::testing::{
    BRIEF, ask, ask_within, closing, deep_of, nobody, replies, serve, silent, system, told,
};
use crate::stack::Service;

fn server(command: &[&str]) -> Service {
    let mut service = system("nats", 4222);
    service.command = Some(command.iter().map(|word| (*word).to_owned()).collect());
    service
}

/// A server that greets, and answers what holds these words with these lines.
async fn greeting(info: &str, answers: &[(&str, &str)]) -> SocketAddr {
    let info = format!("INFO {info}\r\n");
    let answers: Vec<(String, String)> =
        answers.iter().map(|(words, lines)| ((*words).into(), (*lines).into())).collect();
    serve(move |mut stream| {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (info, answers) = (info.clone(), answers.clone());
        async move {
            let _ = stream.write_all(info.as_bytes()).await;
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                let said = String::from_utf8_lossy(&buffer[..count]).into_owned();
                let subject =
                    said.strip_prefix("SUB ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
                if let Some((_, answer)) = answers.iter().find(|(words, _)| said.contains(words)) {
                    let _ = stream.write_all(answer.replace("SUBJECT", subject).as_bytes()).await;
                }
            }
        }
    })
    .await
}

const INFO: &str = r#"{"server_id":"N","version":"2.9.10","jetstream":true,"max_payload":1048576}"#;
const WANTS: &str = r#"{"server_id":"N","version":"2.9.10","auth_required":true}"#;
const PONG: (&str, &str) = ("CONNECT", "PONG\r\n");

#[tokio::test]
async fn every_state_has_its_words() {
    let login = || server(&["--user", "app", "--pass", "hunter22"]);
    let of = async |service: Service, address| told(ask(service, 4222, address).await);
    let foreign = serve(|mut stream| async move {
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 smtp.example.org\r\n").await;
    })
    .await;
    let violation = ("CONNECT", "-ERR 'Authorization Violation'\r\n");
    let lines = [
        of(server(&[]), greeting(INFO, &[PONG]).await).await,
        of(login(), greeting(WANTS, &[("\"pass\":\"hunter22\"", "PING\r\n+OK\r\nPONG\r\n")]).await).await,
        of(
            server(&["--auth=hunter22"]),
            greeting(WANTS, &[("\"auth_token\":\"hunter22\"", "PONG\r\n")]).await,
        )
        .await,
        of(server(&[]), greeting(WANTS, &[violation]).await).await,
        of(login(), greeting(WANTS, &[violation]).await).await,
        of(server(&[]), greeting(INFO, &[("CONNECT", "-ERR 'maximum connections exceeded'\r\n")]).await)
            .await,
        of(login(), greeting(INFO, &[("CONNECT", "-ERR 'hunter22 went wrong'\r\n")]).await).await,
        of(server(&[]), greeting(r#"{"version":"2.9.10","tls_required":true}"#, &[]).await).await,
        of(server(&[]), foreign).await,
        of(server(&[]), closing().await).await,
        of(server(&[]), nobody().await).await,
        told(ask_within(server(&[]), 4222, silent().await, BRIEF).await),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    ok: PONG, version 2.9.10, JetStream
    ok: PONG, version 2.9.10
    ok: PONG, version 2.9.10
    warn: answers, but wants a login that the stack doesn't give -> its command's --user and --pass are understood; users of a mounted nats.conf aren't
    lasting: refuses the stack's login -> does the running server have other --user and --pass? Recreate the container
    fail: takes no more connections -> raise max_connections, or look for clients that don't close theirs
    fail: answers with an error: ••• went wrong
    ok: answers; it wants TLS from here on
    fail: 127.0.0.1:PORT answers, but not as NATS
    fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 4222 in the container
    fail: 127.0.0.1:PORT refuses connections (container port 4222)
    fail: 127.0.0.1:PORT accepts but says nothing within 300 ms
    ");
}

#[tokio::test]
async fn a_message_to_itself() {
    let of =
        async |answer: &str| deep_of(server(&[]), 4222, greeting(INFO, &[PONG, ("SUB", answer)]).await).await;
    let lines = [
        of("MSG SUBJECT 1 8\r\nvv-probe\r\nPONG\r\n").await,
        of("MSG SUBJECT 1 8\r\nsth-else\r\n").await,
        of("PONG\r\n").await,
        of("-ERR 'Permissions Violation for Subscription to \"vv-probe.1\"'\r\n").await,
        deep_of(server(&[]), 4222, greeting(WANTS, &[]).await).await,
        deep_of(server(&[]), 4222, replies(&[]).await).await,
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    message ok: a message was sent and came back
    message fail: a message comes out otherwise than it went in
    message fail: a message that was sent doesn't come
    message not asked: the stack's user may not use the subject vv-probe.*
    message warn: answers, but wants a login that the stack doesn't give -> its command's --user and --pass are understood; users of a mounted nats.conf aren't
    message fail: 127.0.0.1:PORT accepts but says nothing within 0.7 s
    ");
}
