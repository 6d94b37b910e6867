//! One request of Kafka's protocol: Metadata, version 5, about all topics. Pure. <https://kafka.apache.org/protocol>

/// The largest answer that is read, in bytes.
const LIMIT: u32 = 16 * 1024 * 1024;
const METADATA: i16 = 3;
/// What every broker since 1.0 knows.
const VERSION: i16 = 5;

/// What a broker says of its cluster.
#[derive(Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Where clients are sent on to: `host:port`.
    pub brokers: Vec<String>,
    /// How many topics there are.
    pub topics: usize,
    /// How many partitions of theirs have a leader.
    pub led: usize,
}

/// The question.
pub fn metadata_request() -> Vec<u8> {
    let client = b"vv-stand-in";
    let mut body = Vec::new();
    body.extend(METADATA.to_be_bytes());
    body.extend(VERSION.to_be_bytes());
    body.extend(0_i32.to_be_bytes()); // correlation
    body.extend((client.len() as i16).to_be_bytes());
    body.extend(client);
    body.extend((-1_i32).to_be_bytes()); // all topics
    body.push(0); // allow_auto_topic_creation
    let mut framed = (body.len() as u32).to_be_bytes().to_vec();
    framed.extend(body);
    framed
}

/// The size that stands before an answer.
pub fn response_size(size: u32) -> anyhow::Result<usize> {
    anyhow::ensure!(size <= LIMIT, "it doesn't answer as Kafka does");
    Ok(size as usize)
}

/// The answer.
pub fn metadata(answer: &[u8]) -> Option<Metadata> {
    let mut rest = Rest(answer);
    rest.i32()?; // correlation
    rest.i32()?; // throttle time
    let mut brokers = Vec::new();
    for _ in 0..rest.i32()? {
        rest.i32()?; // id
        let host = rest.string()??;
        let port = rest.i32()?;
        rest.string()?; // rack
        brokers.push(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") });
    }
    rest.string()?; // cluster
    rest.i32()?; // controller
    let topics = usize::try_from(rest.i32()?).ok()?;
    let mut led = 0;
    for _ in 0..topics {
        rest.i16()?; // error
        rest.string()?; // name
        rest.take(1)?; // internal
        for _ in 0..rest.i32()? {
            rest.i16()?; // error
            rest.i32()?; // number
            led += usize::from(rest.i32()? >= 0); // leader
            // Replicas, those in sync, those offline.
            for _ in 0..3 {
                let ids = usize::try_from(rest.i32()?).ok()?;
                rest.take(ids.checked_mul(4)?)?;
            }
        }
    }
    Some(Metadata { brokers, topics, led })
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn i16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn i32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A string that may be null.
    fn string(&mut self) -> Option<Option<String>> {
        match usize::try_from(self.i16()?) {
            Err(_) => Some(None),
            Ok(length) => Some(Some(String::from_utf8_lossy(self.take(length)?).into_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two brokers, the second one's rack known; a topic with a partition that has a leader and one that hasn't.
    fn answer() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(b"\0\0\0\0\0\0\0\0\0\0\0\x02");
        bytes.extend(b"\0\0\0\x01\0\x05kafka\0\0\x23\x84\xff\xff");
        bytes.extend(b"\0\0\0\x02\0\x03::1\0\0\x23\x85\0\x01a");
        bytes.extend(b"\0\x02id\0\0\0\x01");
        bytes.extend(b"\0\0\0\x01\0\0\0\x05topic\0\0\0\0\x02");
        bytes.extend(b"\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0");
        bytes.extend(b"\0\x05\0\0\0\x01\xff\xff\xff\xff\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\x02");
        bytes
    }

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let answer = answer();
        let brokers = vec!["kafka:9092".to_owned(), "[::1]:9093".to_owned()];
        assert_eq!(metadata(&answer), Some(Metadata { brokers, topics: 1, led: 1 }));
        for cut in 0..answer.len() {
            assert_eq!(metadata(&answer[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        assert_eq!(response_size(64).unwrap(), 64);
        assert!(response_size(u32::from_be_bytes(*b"HTTP")).is_err());
    }
}
