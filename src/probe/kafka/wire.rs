//! The two requests of Kafka's protocol that a probe needs, in versions old enough for every broker. Pure.
//! <https://kafka.apache.org/protocol>

use bytes::{Buf, BufMut};

/// How a TLS server answers what isn't TLS: an alert record of version 3.
pub(super) const TLS_ALERT: [u8; 2] = [21, 3];
/// More than any answer to a Metadata request without topics takes, in bytes.
const LIMIT: usize = 256 * 1024;

const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
/// Of each request; the answer repeats it.
const CORRELATION: i32 = 0x7676;

/// Which versions of Metadata a broker takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Versions {
    least: i16,
    most: i16,
}

impl Versions {
    /// The one to use: 1 to 8 share a simple encoding, and 5 has all that is needed.
    pub fn metadata(&self) -> Option<i16> {
        let version = self.most.min(5).max(self.least);
        (1..=8).contains(&version).then_some(version)
    }
}

/// What Metadata says of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Every broker that is alive, by the listener that was asked.
    pub brokers: Vec<Broker>,
}

/// A broker, and where clients are sent to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broker {
    pub id: i32,
    pub host: String,
    pub port: u16,
}

impl Broker {
    /// `kafka:9092`
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// ApiVersions, version 0: the one that every broker answers.
pub(crate) fn api_versions_request() -> Vec<u8> {
    request(API_VERSIONS, 0, |_| {})
}

/// Metadata about no topic at all: only the brokers.
pub(super) fn metadata_request(version: i16) -> Vec<u8> {
    request(METADATA, version, |body| {
        body.put_i32(0);
        if version >= 4 {
            // allow_auto_topic_creation
            body.put_u8(0);
        }
        if version >= 8 {
            // include_cluster_authorized_operations, include_topic_authorized_operations
            body.put_slice(&[0, 0]);
        }
    })
}

fn request(key: i16, version: i16, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let client = b"vv-probe";
    let mut body = Vec::new();
    body.put_i16(key);
    body.put_i16(version);
    body.put_i32(CORRELATION);
    body.put_i16(client.len() as i16);
    body.put_slice(client);
    fill(&mut body);
    let mut framed = Vec::with_capacity(4 + body.len());
    framed.put_i32(body.len() as i32);
    framed.extend_from_slice(&body);
    framed
}

/// The size of a response, when it can be one.
pub(super) fn response_size(mut bytes: &[u8]) -> Option<usize> {
    let size = usize::try_from(bytes.try_get_i32().ok()?).ok()?;
    (4..=LIMIT).contains(&size).then_some(size)
}

/// Reads the answer to [`api_versions_request`].
pub(super) fn decode_versions(mut bytes: &[u8]) -> Option<Versions> {
    if bytes.try_get_i32().ok()? != CORRELATION || bytes.try_get_i16().ok()? != 0 {
        return None;
    }
    let count = bytes.try_get_i32().ok()?;
    for _ in 0..count {
        let (key, least, most) =
            (bytes.try_get_i16().ok()?, bytes.try_get_i16().ok()?, bytes.try_get_i16().ok()?);
        if key == METADATA {
            return Some(Versions { least, most });
        }
    }
    None
}

/// Reads the answer to [`metadata_request`] of the same version, up to the brokers.
pub(super) fn decode_metadata(mut bytes: &[u8], version: i16) -> Option<Metadata> {
    if bytes.try_get_i32().ok()? != CORRELATION {
        return None;
    }
    if version >= 3 {
        bytes.try_get_i32().ok()?; // throttle time
    }
    let count = bytes.try_get_i32().ok()?;
    let mut brokers = Vec::new();
    for _ in 0..count {
        let id = bytes.try_get_i32().ok()?;
        let host = string(&mut bytes)??;
        let port = u16::try_from(bytes.try_get_i32().ok()?).ok()?;
        string(&mut bytes)?; // rack
        brokers.push(Broker { id, host, port });
    }
    brokers.sort_by_key(|broker| broker.id);
    Some(Metadata { brokers })
}

/// A string that may be null.
fn string(bytes: &mut &[u8]) -> Option<Option<String>> {
    let length = bytes.try_get_i16().ok()?;
    if length < 0 {
        return Some(None);
    }
    let (text, rest) = bytes.split_at_checked(length as usize)?;
    *bytes = rest;
    Some(Some(String::from_utf8_lossy(text).into_owned()))
}
