//! RabbitMQ: handshake and login into the stack's virtual host, in AMQP 0-9-1.

mod deep;

pub(super) use deep::deep;

use super::amqp::{self, FRAME_END, FRAME_HEADER, Frame, FrameKind, HEADER, Method};
use super::answer::{Answer, ProbeFailure, first_line};
use super::credentials;
use super::net::{Place, Wire};
use super::target::Target;

/// Logs in.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let (login, host) = credentials::rabbitmq(target.service);
    let (mut wire, product) = match log_in(target, place, 0).await? {
        Session::Open { wire, product } => (wire, product),
        Session::Shut(answer) => return Ok(answer),
    };
    // The login has worked; a farewell that fails changes nothing.
    if wire.send(&amqp::close()).await.is_ok() {
        let _ = receive(&mut wire).await;
    }
    Ok(Answer::Seen(format!("logged in to {host} as {}, {product}", login.user)))
}

/// What a login comes to.
enum Session {
    /// The virtual host is open.
    Open { wire: Wire, product: String },
    /// The login couldn't be tried.
    Shut(Answer),
}

/// Logs in and opens the stack's virtual host; the server gives the connection up after two heartbeats (seconds; 0:
/// never) without a word.
async fn log_in(target: &Target<'_>, place: Place, heartbeat: u16) -> Result<Session, ProbeFailure> {
    let (login, host) = credentials::rabbitmq(target.service);
    let password = login.password.as_deref().unwrap_or_default();
    let mut wire = Wire::open(place, target.deadline).await?;

    wire.send(&HEADER).await?;
    let product = match receive(&mut wire).await? {
        Method::Start { product, mechanisms } if mechanisms.split(' ').any(|name| name == "PLAIN") => product,
        Method::Start { product, mechanisms } => {
            return Ok(Session::Shut(Answer::Doubtful {
                detail: format!("{product} answers, but takes no login by password (only {mechanisms})"),
                hint: "its auth_mechanisms leave PLAIN out; say how to ask with x-vv.probe.exec".into(),
            }));
        }
        other => return Err(unexpected(&wire, other, "connection.start")),
    };

    wire.send(&amqp::start_ok(&login.user, password)).await?;
    match receive(&mut wire).await? {
        Method::Tune { channels, frame } => wire.send(&amqp::tune_ok(channels, frame, heartbeat)).await?,
        Method::Close { code: 403, .. } => {
            return Err(ProbeFailure::lasting(format!("refuses the login of user {}", login.user)).hint(
                "RABBITMQ_DEFAULT_USER and _PASS count at the first start only, and are kept in its volume; guest may \
                 come from the container itself only",
            ));
        }
        other => return Err(unexpected(&wire, other, "connection.tune")),
    }

    wire.send(&amqp::open(&host)).await?;
    match receive(&mut wire).await? {
        Method::OpenOk => Ok(Session::Open { wire, product }),
        Method::Close { code: 530, text } if text.contains("not found") => Err(ProbeFailure::lasting(
            format!("has no virtual host {host}"),
        )
        .hint("RABBITMQ_DEFAULT_VHOST is made at the first start only; rabbitmqctl add_vhost makes one")),
        Method::Close { code: 530, .. } => {
            Err(ProbeFailure::lasting(format!("user {} may not use the virtual host {host}", login.user))
                .hint("rabbitmqctl set_permissions grants it"))
        }
        other => Err(unexpected(&wire, other, "connection.open-ok")),
    }
}

/// The next method.
async fn receive(wire: &mut Wire) -> Result<Method, ProbeFailure> {
    loop {
        match frame(wire).await? {
            Frame { kind: FrameKind::Method, payload } => {
                return amqp::decode(&payload).ok_or_else(|| wire.foreign("RabbitMQ"));
            }
            Frame { kind: FrameKind::Heartbeat, .. } => {}
            Frame { .. } => return Err(wire.foreign("RabbitMQ")),
        }
    }
}

/// The next frame.
async fn frame(wire: &mut Wire) -> Result<Frame, ProbeFailure> {
    let header = wire.exact(FRAME_HEADER).await?;
    if header.starts_with(b"AMQP") {
        return Err(ProbeFailure::lasting("speaks AMQP, but not version 0-9-1"));
    }
    let Some((kind, size)) = amqp::frame_header(&header) else { return Err(wire.foreign("RabbitMQ")) };
    let mut payload = wire.exact(size + 1).await?;
    if payload.pop() != Some(FRAME_END) {
        return Err(wire.foreign("RabbitMQ"));
    }
    Ok(Frame { kind, payload })
}

fn unexpected(wire: &Wire, method: Method, wanted: &str) -> ProbeFailure {
    match method {
        Method::Close { code, text } => ProbeFailure::new(format!("hangs up: {code} {}", first_line(&text))),
        Method::ChannelClose { code, text } => {
            ProbeFailure::new(format!("closes the channel: {code} {}", first_line(&text)))
        }
        _ => ProbeFailure::new(format!("{}, no {wanted}", wire.foreign("RabbitMQ").detail)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use bytes::BufMut;

    use crate::probe::testing::{
        BRIEF, answering, ask, ask_within, closing, environment, nobody, silent, system, told,
    };
    use crate::stack::Service;

    fn broker() -> Service {
        let login = [("RABBITMQ_DEFAULT_USER", "admin"), ("RABBITMQ_DEFAULT_PASS", "hunter22")];
        environment(environment(system("rabbitmq", 5672), &login), &[("RABBITMQ_DEFAULT_VHOST", "shop")])
    }

    async fn of(address: SocketAddr) -> String {
        told(ask(broker(), 5672, address).await)
    }

    fn frame(class: u16, method: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![1, 0, 0];
        bytes.put_u32(body.len() as u32 + 4);
        bytes.put_u16(class);
        bytes.put_u16(method);
        bytes.extend(body);
        bytes.push(0xce);
        bytes
    }

    fn long(text: &[u8]) -> Vec<u8> {
        [&(text.len() as u32).to_be_bytes(), text].concat()
    }

    /// connection.start of a RabbitMQ, with a table in its properties before what is looked for.
    fn start(mechanisms: &str) -> Vec<u8> {
        let capabilities = [b"\x07capabilF".as_slice(), &long(b"\x04nackt\x01")].concat();
        let product = [b"\x07productS".as_slice(), &long(b"RabbitMQ")].concat();
        let version = [b"\x07versionS".as_slice(), &long(b"3.10.8")].concat();
        let properties = [capabilities, product, version].concat();
        let body = [&[0, 9][..], &long(&properties), &long(mechanisms.as_bytes()), &long(b"en_US")].concat();
        frame(10, 10, &body)
    }

    fn close(code: u16, text: &str) -> Vec<u8> {
        frame(10, 50, &[&code.to_be_bytes()[..], &[text.len() as u8], text.as_bytes(), &[0; 4]].concat())
    }

    #[tokio::test]
    async fn every_state_has_its_words() {
        let start_ok = start("AMQPLAIN PLAIN");
        let tune = frame(10, 30, &[7, 0xff, 0, 2, 0, 0, 0, 0x3c]);
        let open_ok = frame(10, 41, &[0]);
        let close_ok = frame(10, 51, &[]);
        let refused = close(403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.");
        let no_host = close(530, "NOT_ALLOWED - vhost shop not found");
        let no_access = close(530, "NOT_ALLOWED - access to vhost 'shop' refused for user 'admin'");
        let closing_down = close(320, "CONNECTION_FORCED - broker forced connection closure");
        let lines = [
            // The server answers tune-ok with nothing, and open after it with open-ok.
            of(answering(&[&start_ok, &tune, &open_ok, &close_ok]).await).await,
            of(answering(&[&start_ok, &refused]).await).await,
            of(answering(&[&start_ok, &tune, &no_host]).await).await,
            of(answering(&[&start_ok, &tune, &no_access]).await).await,
            of(answering(&[&start_ok, &tune, &closing_down]).await).await,
            of(answering(&[&start("EXTERNAL")]).await).await,
            of(answering(&[b"AMQP\x00\x01\x00\x00"]).await).await,
            of(answering(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]).await).await,
            of(answering(&[&start_ok[..20]]).await).await,
            of(closing().await).await,
            of(nobody().await).await,
            told(ask_within(broker(), 5672, silent().await, BRIEF).await),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        ok: logged in to shop as admin, RabbitMQ 3.10.8
        lasting: refuses the login of user admin -> RABBITMQ_DEFAULT_USER and _PASS count at the first start only, and are kept in its volume; guest may come from the container itself only
        lasting: has no virtual host shop -> RABBITMQ_DEFAULT_VHOST is made at the first start only; rabbitmqctl add_vhost makes one
        lasting: user admin may not use the virtual host shop -> rabbitmqctl set_permissions grants it
        fail: hangs up: 320 CONNECTION_FORCED - broker forced connection closure
        warn: RabbitMQ 3.10.8 answers, but takes no login by password (only EXTERNAL) -> its auth_mechanisms leave PLAIN out; say how to ask with x-vv.probe.exec
        lasting: speaks AMQP, but not version 0-9-1
        fail: 127.0.0.1:PORT answers, but not as RabbitMQ
        fail: 127.0.0.1:PORT closes the connection in the middle of its answer
        fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 5672 in the container
        fail: 127.0.0.1:PORT refuses connections (container port 5672)
        fail: 127.0.0.1:PORT accepts but says nothing within 300 ms
        ");
    }
}
