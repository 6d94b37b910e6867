//! The few packets of MySQL's protocol that a login and a query take. Pure.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>

use bytes::{Buf, BufMut};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Size (three bytes) and number of a packet.
pub(super) const HEADER: usize = 4;
/// More than any packet that is asked for takes, in bytes.
pub(super) const LIMIT: usize = 64 * 1024;

const CONNECT_WITH_DB: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
/// The server, and then the client, speaks TLS.
const SSL: u32 = 1 << 11;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGIN_AUTH: u32 = 1 << 19;

/// What the server says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Greeting {
    pub version: String,
    pub tls: bool,
    pub challenge: Vec<u8>,
    pub plugin: String,
}

/// What the server says in a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// It is done.
    Ok,
    /// It refuses.
    Error { code: u16, text: String },
    /// It wants another way to log in.
    Switch { plugin: String, challenge: Vec<u8> },
    /// It goes on with this way to log in.
    More(Vec<u8>),
}

/// The size of the payload, and the packet's number.
pub(super) fn header(bytes: &[u8; HEADER]) -> Option<(usize, u8)> {
    let size = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) as usize;
    (1..=LIMIT).contains(&size).then_some((size, bytes[3]))
}

/// A packet of this number.
pub(super) fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.put_uint_le(payload.len() as u64, 3);
    bytes.put_u8(number);
    bytes.extend_from_slice(payload);
    bytes
}

/// Reads the first packet: a greeting, or an error (too many connections, a blocked host).
pub(super) fn greeting(mut bytes: &[u8]) -> Option<Result<Greeting, Said>> {
    match bytes.try_get_u8().ok()? {
        0xff => return Some(Err(error(bytes)?)),
        10 => {}
        _ => return None,
    }
    let version = String::from_utf8_lossy(text(&mut bytes)?).into_owned();
    // The connection's number.
    bytes.try_get_u32_le().ok()?;
    let mut challenge = bytes.get(..8)?.to_vec();
    bytes.advance(9.min(bytes.len()));
    let lower = u32::from(bytes.try_get_u16_le().ok()?);
    // Character set and status.
    bytes.get(..3)?;
    bytes.advance(3);
    let can = lower | u32::from(bytes.try_get_u16_le().ok()?) << 16;
    let length = usize::from(bytes.try_get_u8().ok()?);
    bytes.get(..10)?;
    bytes.advance(10);
    let more = length.saturating_sub(8).max(13).min(bytes.len());
    challenge.extend(&bytes[..more.saturating_sub(1)]);
    bytes.advance(more);
    let plugin = match can & PLUGIN_AUTH {
        0 => "mysql_native_password".to_owned(),
        _ => String::from_utf8_lossy(text(&mut bytes).unwrap_or(bytes)).into_owned(),
    };
    Some(Ok(Greeting {
        // MariaDB hides behind an old version, for replicas.
        // What follows the second dash is the packager's.
        version: version
            .strip_prefix("5.5.5-")
            .unwrap_or(&version)
            .splitn(3, '-')
            .take(2)
            .collect::<Vec<_>>()
            .join("-"),
        tls: can & SSL != 0,
        challenge,
        plugin,
    }))
}

/// Reads any later packet of a login.
pub(super) fn said(bytes: &[u8]) -> Option<Said> {
    let mut rest = bytes.get(1..)?;
    Some(match bytes[0] {
        0x00 => Said::Ok,
        0x01 if bytes.len() > 1 => Said::More(rest.to_vec()),
        0xfe => {
            let plugin = String::from_utf8_lossy(text(&mut rest)?).into_owned();
            Said::Switch { plugin, challenge: rest.strip_suffix(b"\0").unwrap_or(rest).to_vec() }
        }
        0xff => error(rest)?,
        _ => return None,
    })
}

fn error(mut bytes: &[u8]) -> Option<Said> {
    let code = bytes.try_get_u16_le().ok()?;
    // A mark and five letters of SQL's own states, except before the login.
    let words = if bytes.starts_with(b"#") { bytes.get(6..)? } else { bytes };
    Some(Said::Error { code, text: String::from_utf8_lossy(words).into_owned() })
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = &bytes[..end];
    bytes.advance(end + 1);
    Some(text)
}

/// What begins a login, and is all that is sent before TLS.
pub(super) fn beginning(tls: bool, database: bool) -> Vec<u8> {
    let mut can = PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH;
    if tls {
        can |= SSL;
    }
    if database {
        can |= CONNECT_WITH_DB;
    }
    let mut bytes = Vec::new();
    bytes.put_u32_le(can);
    bytes.put_u32_le(LIMIT as u32);
    // utf8_general_ci, which every version knows.
    bytes.put_u8(33);
    bytes.put_bytes(0, 23);
    bytes
}

/// A login.
pub(super) fn login(tls: bool, user: &str, proof: &[u8], database: Option<&str>, plugin: &str) -> Vec<u8> {
    let mut bytes = beginning(tls, database.is_some());
    bytes.put_slice(user.as_bytes());
    bytes.put_u8(0);
    bytes.put_u8(proof.len() as u8);
    bytes.put_slice(proof);
    for name in database.into_iter().chain([plugin]) {
        bytes.put_slice(name.as_bytes());
        bytes.put_u8(0);
    }
    bytes
}

/// What proves that the password is known; nothing for a way to log in that isn't known.
pub(super) fn proof(plugin: &str, password: &str, challenge: &[u8]) -> Option<Vec<u8>> {
    let known = matches!(plugin, "mysql_native_password" | "caching_sha2_password");
    if password.is_empty() {
        return known.then(Vec::new);
    }
    let xor = |left: &[u8], right: &[u8]| left.iter().zip(right).map(|(a, b)| a ^ b).collect();
    match plugin {
        // SHA1(password) XOR SHA1(challenge, SHA1(SHA1(password)))
        "mysql_native_password" => {
            let once = Sha1::digest(password);
            let twice = Sha1::digest(once);
            Some(xor(&once, &Sha1::new().chain_update(challenge).chain_update(twice).finalize()))
        }
        // SHA256(password) XOR SHA256(SHA256(SHA256(password)), challenge)
        "caching_sha2_password" => {
            let once = Sha256::digest(password);
            let twice = Sha256::digest(once);
            Some(xor(&once, &Sha256::new().chain_update(twice).chain_update(challenge).finalize()))
        }
        _ => None,
    }
}

/// The values of a row; what is too long for a number of one or three bytes isn't asked for.
pub(super) fn row(mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let length = match bytes.try_get_u8().ok()? {
            // NULL
            0xfb => 0,
            0xfc => usize::from(bytes.try_get_u16_le().ok()?),
            short @ 0..=0xfa => usize::from(short),
            _ => return None,
        };
        let (value, rest) = bytes.split_at_checked(length)?;
        values.push(String::from_utf8_lossy(value).into_owned());
        bytes = rest;
    }
    Some(values)
}
