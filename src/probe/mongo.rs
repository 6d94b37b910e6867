//! MongoDB: `hello`, which needs no login
//! (<https://www.mongodb.com/docs/manual/reference/command/hello/>).
//!
//! One command of two fields out, some fields of its answer in: its documents (<https://bsonspec.org/spec.html>) are
//! written and read by hand.

use bytes::{Buf, BufMut};

use super::answer::{Answer, ProbeFailure, first_line};
use super::net::{Place, Wire};
use super::target::Target;

/// More than the answer takes, in bytes.
const LIMIT: usize = 1024 * 1024;
/// OP_MSG (<https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>).
const MESSAGE: i32 = 2013;

/// Asks what it is.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let mut wire = Wire::open(place, target.deadline).await?;
    let mut said = say(&mut wire, "hello").await?;
    // CommandNotFound: before version 4.4.2 it had another name.
    if said.number("code") == Some(59) {
        said = say(&mut wire, "isMaster").await?;
    }
    if said.number("ok") != Some(1) {
        let why = first_line(said.text("errmsg").unwrap_or("it doesn't say why"));
        return Err(ProbeFailure::new(format!("answers hello with an error: {why}")));
    }
    let set = said.text("setName");
    if said.flag("isWritablePrimary") || said.flag("ismaster") {
        return Ok(Answer::Seen(match set {
            Some(set) => format!("primary of {set}"),
            None if said.text("msg") == Some("isdbgrid") => "a router (mongos)".into(),
            None => "takes writes, a single server".into(),
        }));
    }
    match set {
        Some(set) if said.flag("secondary") => Ok(Answer::Seen(format!("secondary of {set}"))),
        Some(set) if said.flag("arbiterOnly") => Ok(Answer::Seen(format!("arbiter of {set}"))),
        Some(set) => Err(ProbeFailure::new(format!("{set} has no primary yet: takes no writes"))
            .hint("are most of its members up? rs.status() says")),
        None if said.flag("isreplicaset") => Err(ProbeFailure::new(
            "was started with --replSet, but its replica set isn't initiated: takes no writes",
        )
        .hint("mongosh --eval 'rs.initiate()'; a step under x-vv.init can do it at each start")),
        None => Err(ProbeFailure::new("answers, but takes no writes yet")),
    }
}

async fn say(wire: &mut Wire, command: &str) -> Result<Document, ProbeFailure> {
    wire.send(&message(command)).await?;
    let header = wire.exact(16).await?;
    let mut header = header.as_slice();
    let (size, _, _, code) =
        (header.get_i32_le(), header.get_i32_le(), header.get_i32_le(), header.get_i32_le());
    // 5 bytes: flags, and the kind of the one section; then the document.
    let body = usize::try_from(size).ok().filter(|size| (26..LIMIT).contains(size)).map(|size| size - 16);
    let Some(body) = body.filter(|_| code == MESSAGE) else { return Err(wire.foreign("MongoDB")) };
    let payload = wire.exact(body).await?;
    Document::read(&payload[5..]).ok_or_else(|| wire.foreign("MongoDB"))
}

/// `{COMMAND: 1, $db: "admin"}`
fn message(command: &str) -> Vec<u8> {
    let mut fields = Vec::new();
    fields.put_u8(0x10);
    fields.put_slice(command.as_bytes());
    fields.put_u8(0);
    fields.put_i32_le(1);
    fields.put_slice(b"\x02$db\0");
    fields.put_i32_le(6);
    fields.put_slice(b"admin\0");
    let document = 4 + fields.len() + 1;
    let mut message = Vec::new();
    for number in [16 + 5 + document as i32, 1, 0, MESSAGE, 0] {
        message.put_i32_le(number);
    }
    message.put_u8(0);
    message.put_i32_le(document as i32);
    message.extend(fields);
    message.put_u8(0);
    message
}

/// The fields of a document that are texts, numbers and truths; those of other types are passed over.
struct Document(Vec<(String, Value)>);

enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl Document {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        let size = usize::try_from(bytes.try_get_i32_le().ok()?).ok()?;
        // The size counts itself.
        let mut rest = bytes.get(..size.checked_sub(4)?)?;
        let mut fields = Vec::new();
        loop {
            let kind = rest.try_get_u8().ok()?;
            if kind == 0 {
                return Some(Self(fields));
            }
            let end = rest.iter().position(|byte| *byte == 0)?;
            let name = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest.advance(end + 1);
            let value = match kind {
                0x01 => Some(Value::Number(rest.try_get_f64_le().ok()? as i64)),
                0x02 => {
                    let length = usize::try_from(rest.try_get_i32_le().ok()?).ok()?;
                    let text = rest.get(..length)?.strip_suffix(b"\0")?;
                    let text = String::from_utf8_lossy(text).into_owned();
                    rest.advance(length);
                    Some(Value::Text(text))
                }
                0x08 => Some(Value::Flag(rest.try_get_u8().ok()? != 0)),
                0x10 => Some(Value::Number(rest.try_get_i32_le().ok()?.into())),
                0x12 => Some(Value::Number(rest.try_get_i64_le().ok()?)),
                _ => {
                    let skipped = match kind {
                        // A document or an array, whose size counts itself.
                        0x03 | 0x04 => usize::try_from(i32::from_le_bytes(*rest.first_chunk()?)).ok()?,
                        // Bytes, with their size and kind before them.
                        0x05 => usize::try_from(i32::from_le_bytes(*rest.first_chunk()?)).ok()? + 5,
                        0x07 => 12,
                        0x09 | 0x11 => 8,
                        0x0a => 0,
                        0x13 => 16,
                        _ => return None,
                    };
                    rest = rest.get(skipped..)?;
                    None
                }
            };
            fields.extend(value.map(|value| (name, value)));
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Flag(true)))
    }
}

#[cfg(test)]
#[path = "mongo_tests.rs"]
mod tests;
