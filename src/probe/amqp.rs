//! The few frames of AMQP 0-9-1 that a login, and a message there and back, take. Pure.
//! <https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf>, chapters 2.3 and 4.2.

use bytes::{Buf, BufMut};

/// What a client says first; what a server that wants another version answers with.
pub(super) const HEADER: [u8; 8] = *b"AMQP\x00\x00\x09\x01";
/// Type, channel and size of a frame.
pub(super) const FRAME_HEADER: usize = 7;
/// The byte that ends a frame.
pub(super) const FRAME_END: u8 = 0xce;
/// More than any frame that is asked for takes, in bytes.
pub(super) const FRAME_LIMIT: usize = 64 * 1024;

/// The one channel that is used, beside 0, which is the connection's own.
const CHANNEL: u16 = 1;

/// What is on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub kind: FrameKind,
    pub payload: Vec<u8>,
}

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Method,
    /// What comes before a message's bytes.
    Header,
    /// A message's bytes.
    Body,
    Heartbeat,
}

/// A method that a server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Method {
    /// The start of the negotiation, with the server's product and version, and its login mechanisms.
    Start { product: String, mechanisms: String },
    /// The server's limits.
    Tune { channels: u16, frame: u32 },
    /// The virtual host is open.
    OpenOk,
    /// The server hangs up.
    Close { code: u16, text: String },
    /// The server has seen our hanging up.
    CloseOk,
    /// Publishers are held up, for this reason: an alarm (<https://www.rabbitmq.com/docs/connection-blocked>).
    Blocked(String),
    /// They no longer are.
    Unblocked,
    /// The channel is open.
    ChannelOpenOk,
    /// The server closes the channel.
    ChannelClose { code: u16, text: String },
    /// The queue of this name is there.
    QueueOk(String),
    /// A message follows.
    GetOk,
    /// The queue is empty.
    GetEmpty,
    /// Any other.
    Other(u16, u16),
}

/// What a frame header announces, and the size of its payload.
pub(super) fn frame_header(mut header: &[u8]) -> Option<(FrameKind, usize)> {
    let (kind, channel, size) =
        (header.try_get_u8().ok()?, header.try_get_u16().ok()?, header.try_get_u32().ok()?);
    let kind = match kind {
        1 if size >= 4 => FrameKind::Method,
        2 => FrameKind::Header,
        3 => FrameKind::Body,
        8 => FrameKind::Heartbeat,
        _ => return None,
    };
    (channel <= CHANNEL && size <= FRAME_LIMIT as u32).then_some((kind, size as usize))
}

/// Reads a method frame's payload.
pub(super) fn decode(mut payload: &[u8]) -> Option<Method> {
    let (class, method) = (payload.try_get_u16().ok()?, payload.try_get_u16().ok()?);
    Some(match (class, method) {
        (10, 10) => {
            payload.try_get_u16().ok()?;
            let properties = long_string(&mut payload)?;
            let mechanisms = String::from_utf8_lossy(long_string(&mut payload)?).into_owned();
            let named = |name: &[u8]| table_string(properties, name);
            let product = match (named(b"product"), named(b"version")) {
                (Some(product), Some(version)) => format!("{product} {version}"),
                (Some(product), None) => product,
                _ => "an AMQP server".into(),
            };
            Method::Start { product, mechanisms }
        }
        (10, 30) => {
            Method::Tune { channels: payload.try_get_u16().ok()?, frame: payload.try_get_u32().ok()? }
        }
        (10, 41) => Method::OpenOk,
        (10, 50) => {
            let code = payload.try_get_u16().ok()?;
            Method::Close { code, text: String::from_utf8_lossy(short_string(&mut payload)?).into_owned() }
        }
        (10, 51) => Method::CloseOk,
        (10, 60) => Method::Blocked(String::from_utf8_lossy(short_string(&mut payload)?).into_owned()),
        (10, 61) => Method::Unblocked,
        (20, 11) => Method::ChannelOpenOk,
        (20, 40) => {
            let code = payload.try_get_u16().ok()?;
            Method::ChannelClose {
                code,
                text: String::from_utf8_lossy(short_string(&mut payload)?).into_owned(),
            }
        }
        (50, 11) => Method::QueueOk(String::from_utf8_lossy(short_string(&mut payload)?).into_owned()),
        (60, 71) => Method::GetOk,
        (60, 72) => Method::GetEmpty,
        _ => Method::Other(class, method),
    })
}

/// start-ok: a login by user and password.
pub(super) fn start_ok(user: &str, password: &str) -> Vec<u8> {
    let mut capabilities = Vec::new();
    // Without it, the server answers a wrong password by hanging up without a word.
    put_short(&mut capabilities, "authentication_failure_close");
    capabilities.put_slice(&[b't', 1]);
    // Without it, a publisher that is held up isn't told why.
    put_short(&mut capabilities, "connection.blocked");
    capabilities.put_slice(&[b't', 1]);
    let mut properties = Vec::new();
    put_short(&mut properties, "product");
    properties.put_u8(b'S');
    put_long(&mut properties, b"vv-probe");
    put_short(&mut properties, "capabilities");
    properties.put_u8(b'F');
    put_long(&mut properties, &capabilities);
    method(10, 11, |payload| {
        put_long(payload, &properties);
        put_short(payload, "PLAIN");
        put_long(payload, format!("\0{user}\0{password}").as_bytes());
        put_short(payload, "en_US");
    })
}

/// tune-ok: the server's limits, a heartbeat in seconds (0: none).
pub(super) fn tune_ok(channels: u16, frame: u32, heartbeat: u16) -> Vec<u8> {
    method(10, 31, |payload| {
        payload.put_u16(channels);
        payload.put_u32(frame);
        payload.put_u16(heartbeat);
    })
}

/// open: a virtual host. Its name is at most 255 bytes by the protocol; a longer one is cut.
pub(super) fn open(virtual_host: &str) -> Vec<u8> {
    method(10, 40, |payload| {
        put_short(payload, virtual_host);
        payload.put_slice(&[0, 0]);
    })
}

/// close: a polite end, which keeps a warning out of the server's log.
pub(super) fn close() -> Vec<u8> {
    method(10, 50, |payload| {
        payload.put_u16(200);
        put_short(payload, "bye");
        payload.put_u32(0);
    })
}

/// channel.open
pub(super) fn open_channel() -> Vec<u8> {
    on_channel(20, 10, |payload| put_short(payload, ""))
}

/// queue.declare: one that the server names, for this connection alone, gone with it.
pub(super) fn declare_own_queue() -> Vec<u8> {
    on_channel(50, 10, |payload| {
        payload.put_u16(0);
        put_short(payload, "");
        // exclusive and auto-delete
        payload.put_u8(0b0000_1100);
        payload.put_u32(0);
    })
}

/// basic.publish straight into a queue, by the exchange that every virtual host has.
pub(super) fn publish(queue: &str, message: &[u8]) -> Vec<u8> {
    let mut frames = on_channel(60, 40, |payload| {
        payload.put_u16(0);
        put_short(payload, "");
        put_short(payload, queue);
        payload.put_u8(0);
    });
    let mut header = Vec::new();
    header.put_u16(60);
    header.put_u16(0);
    header.put_u64(message.len() as u64);
    // No property is set.
    header.put_u16(0);
    frames.extend(frame(2, CHANNEL, &header));
    frames.extend(frame(3, CHANNEL, message));
    frames
}

/// basic.get: the next message of a queue, without an acknowledgement.
pub(super) fn get(queue: &str) -> Vec<u8> {
    on_channel(60, 70, |payload| {
        payload.put_u16(0);
        put_short(payload, queue);
        payload.put_u8(1);
    })
}

fn method(class: u16, method: u16, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    frame(1, 0, &call(class, method, fill))
}

fn on_channel(class: u16, method: u16, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    frame(1, CHANNEL, &call(class, method, fill))
}

fn call(class: u16, method: u16, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut payload = Vec::new();
    payload.put_u16(class);
    payload.put_u16(method);
    fill(&mut payload);
    payload
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME_HEADER + payload.len() + 1);
    frame.put_u8(kind);
    frame.put_u16(channel);
    frame.put_u32(payload.len() as u32);
    frame.extend_from_slice(payload);
    frame.put_u8(FRAME_END);
    frame
}

fn put_short(bytes: &mut Vec<u8>, text: &str) {
    let text = &text.as_bytes()[..text.len().min(255)];
    bytes.put_u8(text.len() as u8);
    bytes.put_slice(text);
}

fn put_long(bytes: &mut Vec<u8>, content: &[u8]) {
    bytes.put_u32(content.len() as u32);
    bytes.put_slice(content);
}

fn short_string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = bytes.try_get_u8().ok()?;
    take(bytes, length.into())
}

fn long_string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = bytes.try_get_u32().ok()?;
    take(bytes, length as usize)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// A string of a table, by its key. Values of types that no server's properties hold end the search.
fn table_string(mut table: &[u8], wanted: &[u8]) -> Option<String> {
    while !table.is_empty() {
        let key = short_string(&mut table)?;
        match table.try_get_u8().ok()? {
            b'S' => {
                let value = long_string(&mut table)?;
                if key == wanted {
                    return Some(String::from_utf8_lossy(value).into_owned());
                }
            }
            b'F' | b'A' | b'x' => drop(long_string(&mut table)?),
            b't' | b'b' | b'B' => drop(take(&mut table, 1)?),
            b's' | b'u' => drop(take(&mut table, 2)?),
            b'I' | b'i' | b'f' => drop(take(&mut table, 4)?),
            b'l' | b'd' | b'T' => drop(take(&mut table, 8)?),
            b'V' => {}
            _ => return None,
        }
    }
    None
}
