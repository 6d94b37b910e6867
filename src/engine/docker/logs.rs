//! A container's output, as lines with their times.

use std::collections::VecDeque;
use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::{Stream, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::client::Client;
use crate::engine::{EngineStream, LogLine, LogQuery};

/// The engine cuts what a container prints into pieces of at most this many bytes.
const PIECE: usize = 16 * 1024;

/// A line that is longer is given out in parts, so that memory stays bounded.
const LONGEST_LINE: usize = 1024 * 1024;

/// How far apart the times of what two streams of a container print may be out of order.
const OUT_OF_ORDER: SignedDuration = SignedDuration::from_millis(10);

/// Lines of a container, stdout and stderr, in the engine's order. What goes wrong comes as the stream's last item.
pub fn lines(client: &Client, container: &str, query: &LogQuery) -> EngineStream<LogLine> {
    let reader = Reader { client: client.clone(), container: container.to_owned(), query: query.clone() };
    let error = client.errors(format!("read the output of {container}"));
    let state = State {
        raw: reader.open(query.follow, query.since),
        // The engine may end a stream that it follows before its end (20.10 does, under load, when the container
        // exits): what is left is read afterwards.
        rest: query.follow.then_some(reader),
        assembler: Assembler::default(),
        ready: VecDeque::new(),
        ended: false,
    };
    Box::pin(stream::unfold(state, State::next).map(move |item| item.map_err(&error)))
}

type Raw = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// Opens a container's output.
struct Reader {
    client: Client,
    container: String,
    query: LogQuery,
}

impl Reader {
    fn open(&self, follow: bool, since: Option<Timestamp>) -> Raw {
        let tail = match self.query.tail {
            Some(lines) if follow == self.query.follow => lines.to_string(),
            _ => "all".to_owned(),
        };
        let options = LogsOptionsBuilder::new()
            .follow(follow)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .tail(&tail)
            .build();
        // bollard counts whole seconds.
        let times = [("since", since), ("until", self.query.until)];
        let times = times.into_iter().filter_map(|(name, time)| Some((name, seconds(time?))));
        let docker = self.client.with_query("/logs", times.collect());
        Box::pin(docker.logs(&self.container, Some(options)))
    }
}

struct State {
    raw: Raw,
    rest: Option<Reader>,
    assembler: Assembler,
    ready: VecDeque<LogLine>,
    ended: bool,
}

impl State {
    async fn next(mut self) -> Option<(Result<LogLine, Error>, Self)> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some((Ok(line), self));
            }
            if self.ended {
                return None;
            }
            let ready = &mut self.ready;
            match self.raw.next().await {
                Some(Ok(LogOutput::StdErr { message })) => self.assembler.frame(true, &message, ready),
                Some(Ok(LogOutput::Console { message })) => self.assembler.raw(&message, ready),
                Some(Ok(LogOutput::StdOut { message } | LogOutput::StdIn { message })) => {
                    self.assembler.frame(false, &message, ready);
                }
                // Removed meanwhile: there is no rest.
                Some(Err(_)) if self.assembler.seen.again => self.finish(),
                Some(Err(failure)) => {
                    self.ended = true;
                    return Some((Err(failure), self));
                }
                None => self.finish(),
            }
        }
    }

    /// The stream has ended: it is read on where it broke off, once, or the output is over.
    fn finish(&mut self) {
        match self.rest.take() {
            Some(reader) => {
                let since = self.assembler.repeat_from().or(reader.query.since);
                self.raw = reader.open(false, since);
            }
            None => {
                self.ended = true;
                self.assembler.finish(&mut self.ready);
            }
        }
    }
}

fn seconds(time: Timestamp) -> String {
    format!("{}.{:09}", time.as_second(), time.subsec_nanosecond().max(0))
}

/// Puts pieces together to lines. Each piece begins with its time; only the last of a line ends with a line feed.
#[derive(Debug, Default)]
struct Assembler {
    stdout: Partial,
    stderr: Partial,
    seen: Seen,
}

/// The latest pieces, so that those that come again can be told.
#[derive(Debug, Default)]
struct Seen {
    newest: Option<Timestamp>,
    pieces: VecDeque<(Timestamp, bool)>,
    /// What is read now may have been read before.
    again: bool,
}

impl Seen {
    /// Notes a piece. False for one that was noted before.
    fn is_new(&mut self, time: Timestamp, stderr: bool) -> bool {
        if self.again {
            if self.newest.is_some_and(|newest| time > newest) {
                return true;
            }
            if let Some(index) = self.pieces.iter().position(|piece| *piece == (time, stderr)) {
                self.pieces.remove(index);
                return false;
            }
            return true;
        }
        let newest = self.newest.map_or(time, |newest| newest.max(time));
        self.newest = Some(newest);
        while self.pieces.front().is_some_and(|(time, _)| *time + OUT_OF_ORDER < newest) {
            self.pieces.pop_front();
        }
        self.pieces.push_back((time, stderr));
        true
    }
}

#[derive(Debug, Default)]
struct Partial {
    time: Timestamp,
    bytes: Vec<u8>,
}

impl Assembler {
    /// From where the output is to be read again so that nothing is missed; pieces that come twice are dropped.
    fn repeat_from(&mut self) -> Option<Timestamp> {
        self.seen.again = true;
        self.seen.newest.map(|newest| newest - OUT_OF_ORDER)
    }

    /// A frame of the multiplexed stream: one piece.
    fn frame(&mut self, stderr: bool, frame: &[u8], ready: &mut VecDeque<LogLine>) {
        let stamp = stamp(frame);
        if stamp.is_some_and(|(time, _)| !self.seen.is_new(time, stderr)) {
            return;
        }
        let partial = if stderr { &mut self.stderr } else { &mut self.stdout };
        partial.piece(stderr, stamp, frame, ready);
    }

    /// A line of a terminal's stream, which has no frames: pieces follow each other without a mark, but all except
    /// the last are of the full length.
    fn raw(&mut self, mut line: &[u8], ready: &mut VecDeque<LogLine>) {
        while let Some(length) = stamp_length(line) {
            let end = length + PIECE;
            if line.len() <= end || stamp_length(&line[end..]).is_none() {
                break;
            }
            self.frame(false, &line[..end], ready);
            line = &line[end..];
        }
        self.frame(false, line, ready);
    }

    fn finish(&mut self, ready: &mut VecDeque<LogLine>) {
        for (stderr, partial) in [(false, &mut self.stdout), (true, &mut self.stderr)] {
            if !partial.bytes.is_empty() {
                partial.give_out(stderr, ready);
            }
        }
    }
}

impl Partial {
    fn piece(
        &mut self,
        stderr: bool,
        stamp: Option<(Timestamp, usize)>,
        piece: &[u8],
        ready: &mut VecDeque<LogLine>,
    ) {
        let mut rest = piece;
        if let Some((time, length)) = stamp {
            if self.bytes.is_empty() {
                self.time = time;
            }
            rest = &piece[length..];
        }
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.bytes.extend_from_slice(&rest[..end]);
            self.give_out(stderr, ready);
            rest = &rest[end + 1..];
        }
        self.bytes.extend_from_slice(rest);
        if self.bytes.len() >= LONGEST_LINE {
            self.give_out(stderr, ready);
        }
    }

    fn give_out(&mut self, stderr: bool, ready: &mut VecDeque<LogLine>) {
        let mut line = std::mem::take(&mut self.bytes);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        ready.push_back(LogLine { time: self.time, stderr, line });
    }
}

/// The time at the start of a piece, and where its text begins.
fn stamp(piece: &[u8]) -> Option<(Timestamp, usize)> {
    let length = stamp_length(piece)?;
    let time = std::str::from_utf8(&piece[..length - 1]).ok()?.parse().ok()?;
    Some((time, length))
}

/// The length of `2026-11-21T10:51:52.944400283Z ` if it looks like one, the space included.
fn stamp_length(piece: &[u8]) -> Option<usize> {
    let space = piece.iter().take(40).position(|byte| *byte == b' ')?;
    let looks_right = space >= 20 && piece[4] == b'-' && piece[10] == b'T' && piece[13] == b':';
    looks_right.then_some(space + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T1: &str = "2026-11-21T10:51:52.000000001Z";
    const T2: &str = "2026-11-21T10:51:52.000000002Z";

    fn texts(ready: VecDeque<LogLine>) -> Vec<(String, bool, i32)> {
        ready
            .into_iter()
            .map(|line| {
                (String::from_utf8_lossy(&line.line).into_owned(), line.stderr, line.time.subsec_nanosecond())
            })
            .collect()
    }

    #[test]
    fn pieces_become_lines() {
        let mut assembler = Assembler::default();
        let mut ready = VecDeque::new();
        assembler.frame(false, format!("{T1} one\n").as_bytes(), &mut ready);
        assembler.frame(false, format!("{T1} half").as_bytes(), &mut ready);
        assembler.frame(true, format!("{T2} other\r\n").as_bytes(), &mut ready);
        assembler.frame(false, format!("{T2} whole\n").as_bytes(), &mut ready);
        assembler.frame(false, format!("{T2} \n").as_bytes(), &mut ready);
        assembler.frame(false, format!("{T2} last").as_bytes(), &mut ready);
        assembler.finish(&mut ready);
        let expected = [
            ("one", false, 1),
            ("other", true, 2),
            ("halfwhole", false, 1),
            ("", false, 2),
            ("last", false, 2),
        ];
        let expected = expected.map(|(text, stderr, nanos)| (text.to_owned(), stderr, nanos));
        assert_eq!(texts(ready), expected);
    }

    #[test]
    fn what_is_read_again_comes_once() {
        let mut assembler = Assembler::default();
        let mut ready = VecDeque::new();
        let first = [(false, T1, "a\n"), (false, T1, "b\n"), (true, T2, "c\n"), (false, T2, "half")];
        let again = [(false, T1, "d\n"), (false, T2, "er\n"), (true, T2, "e\n")];
        for (stderr, time, text) in first {
            assembler.frame(stderr, format!("{time} {text}").as_bytes(), &mut ready);
        }
        let from = assembler.repeat_from().unwrap();
        assert!(from < T1.parse().unwrap());
        for (stderr, time, text) in first.into_iter().chain(again) {
            assembler.frame(stderr, format!("{time} {text}").as_bytes(), &mut ready);
        }
        let lines: Vec<String> = texts(ready).into_iter().map(|(text, ..)| text).collect();
        assert_eq!(lines, ["a", "b", "c", "d", "halfer", "e"]);
    }

    #[test]
    fn a_terminals_long_lines_are_joined() {
        let mut assembler = Assembler::default();
        let mut ready = VecDeque::new();
        let piece = "x".repeat(PIECE);
        assembler.raw(format!("{T1} {piece}{T2} {piece}{T2} end\r\n").as_bytes(), &mut ready);
        let lines = texts(ready);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].0, format!("{piece}{piece}end"));
    }

    #[test]
    fn invalid_utf8_and_endless_lines_pass() {
        let mut assembler = Assembler::default();
        let mut ready = VecDeque::new();
        let mut bytes = format!("{T1} ").into_bytes();
        bytes.extend_from_slice(&[0xff, 0xfe, b'\n']);
        assembler.frame(false, &bytes, &mut ready);
        assert_eq!(ready[0].line, [0xff, 0xfe]);
        let piece = format!("{T1} {}", "y".repeat(PIECE));
        for _ in 0..LONGEST_LINE / PIECE {
            assembler.frame(false, piece.as_bytes(), &mut ready);
        }
        assert_eq!(ready.len(), 2, "a part is given out before the line ends");
    }
}
