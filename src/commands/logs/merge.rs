//! Merges replicas' output in the order of time.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::engine::LogLine;
use crate::failure::{Failure, Result};
use crate::plan::observed::ObservedContainer;

/// How long a followed line waits for an earlier one of another replica.
pub const WINDOW: Duration = Duration::from_millis(200);

/// Lines read ahead per replica.
const CHUNK: usize = 256;

/// Whose output it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The container's id.
    pub id: String,
    /// The service.
    pub service: String,
    /// The replica's number.
    pub number: u32,
    /// A colour that is the service's own, as an index.
    pub color: usize,
}

impl Source {
    /// A container's.
    pub fn of(container: &ObservedContainer) -> Arc<Self> {
        let color = container
            .service
            .bytes()
            .fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Arc::new(Self {
            id: container.id.clone(),
            service: container.service.clone(),
            number: container.number,
            color,
        })
    }
}

/// A line and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose.
    pub source: Arc<Source>,
    /// The line.
    pub line: LogLine,
}

/// Finished streams, merged exactly by time; lines of the same time in the order of the streams. Memory is bound by
/// the number of streams.
pub struct ByTime {
    streams: Vec<Chunks>,
    heads: BinaryHeap<Reverse<Head>>,
    begun: bool,
}

type Chunks = Pin<Box<dyn Stream<Item = Result<Line, Failure>> + Send>>;

/// Merges finished streams.
pub fn by_time<E>(streams: Vec<BoxStream<'static, Result<Line, E>>>) -> ByTime
where
    E: Into<Failure> + Send + 'static,
{
    ByTime { streams: streams.into_iter().map(read_ahead).collect(), heads: BinaryHeap::new(), begun: false }
}

/// Reads a stream in a task of its own, so that decoding one goes on while others are printed.
fn read_ahead<E>(stream: BoxStream<'static, Result<Line, E>>) -> Chunks
where
    E: Into<Failure> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel::<Vec<Result<Line, E>>>(4);
    tokio::spawn(async move {
        let mut chunks = stream.ready_chunks(CHUNK);
        while let Some(chunk) = chunks.next().await {
            if sender.send(chunk).await.is_err() {
                break;
            }
        }
    });
    let chunks = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (futures_util::stream::iter(chunk), receiver))
    });
    chunks.flatten().map(|line| line.map_err(Into::into)).boxed()
}

impl ByTime {
    /// The next line.
    pub async fn next(&mut self) -> Result<Option<Line>> {
        if !self.begun {
            self.begun = true;
            for index in 0..self.streams.len() {
                self.refill(index).await?;
            }
        }
        let Some(Reverse(head)) = self.heads.pop() else { return Ok(None) };
        self.refill(head.index).await?;
        Ok(Some(head.line))
    }

    async fn refill(&mut self, index: usize) -> Result {
        if let Some(line) = self.streams[index].next().await.transpose()? {
            self.heads.push(Reverse(Head { index, line }));
        }
        Ok(())
    }
}

struct Head {
    index: usize,
    line: Line,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.line.line.time, self.index).cmp(&(other.line.line.time, other.index))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// Lines that are still coming: each waits [`WINDOW`] for an earlier one of another replica.
#[derive(Default)]
pub struct Window {
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// Lines by arrival, some of which are shown already.
    arrivals: VecDeque<(Instant, u64)>,
    shown: HashSet<u64>,
    next: u64,
}

struct Waiting {
    time: jiff::Timestamp,
    arrival: u64,
    line: Line,
}

/// Lines that wait at most; past it the earliest are shown, whatever their age.
const WAITING: usize = 10_000;

impl Window {
    /// A line came.
    pub fn push(&mut self, line: Line, now: Instant) {
        self.waiting.push(Reverse(Waiting { time: line.line.time, arrival: self.next, line }));
        self.arrivals.push_back((now, self.next));
        self.next += 1;
    }

    /// When the line that came first has waited long enough.
    pub fn due(&mut self) -> Option<Instant> {
        while let Some((_, arrival)) = self.arrivals.front()
            && self.shown.remove(arrival)
        {
            self.arrivals.pop_front();
        }
        let wait = if self.waiting.len() > WAITING { Duration::ZERO } else { WINDOW };
        self.arrivals.front().map(|(arrived, _)| *arrived + wait)
    }

    /// The earliest line, while any line has waited long enough: one that has is held back by earlier ones only.
    pub fn pop(&mut self, now: Instant) -> Option<Line> {
        if self.due()? > now {
            return None;
        }
        let Reverse(earliest) = self.waiting.pop()?;
        self.shown.insert(earliest.arrival);
        Some(earliest.line)
    }

    /// Everything that is left, in order.
    pub fn drain(&mut self) -> Vec<Line> {
        self.arrivals.clear();
        self.shown.clear();
        std::iter::from_fn(|| self.waiting.pop()).map(|Reverse(waiting)| waiting.line).collect()
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time, self.arrival).cmp(&(other.time, other.arrival))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(service: &str, second: i64) -> Line {
        let source = Source { id: service.into(), service: service.into(), number: 1, color: 0 };
        let time = jiff::Timestamp::from_second(second).unwrap();
        Line {
            source: Arc::new(source),
            line: LogLine { time, stderr: false, line: second.to_string().into() },
        }
    }

    fn stream(service: &str, seconds: &[i64]) -> BoxStream<'static, Result<Line, anyhow::Error>> {
        let lines: Vec<_> = seconds.iter().map(|second| Ok(line(service, *second))).collect();
        futures_util::stream::iter(lines).boxed()
    }

    #[tokio::test]
    async fn history_is_merged_exactly() {
        let mut merged =
            by_time(vec![stream("a", &[1, 4, 4, 9]), stream("b", &[]), stream("c", &[2, 4, 5, 10])]);
        let mut seen = Vec::new();
        while let Some(line) = merged.next().await.unwrap() {
            seen.push(format!("{}{}", line.source.service, line.line.time.as_second()));
        }
        assert_eq!(seen, ["a1", "c2", "a4", "a4", "c4", "c5", "a9", "c10"]);
    }

    #[test]
    fn a_followed_line_waits_for_an_earlier_one_of_another_replica() {
        let start = Instant::now();
        let mut window = Window::default();
        window.push(line("a", 5), start);
        window.push(line("b", 3), start + Duration::from_millis(150));
        assert_eq!(window.pop(start + Duration::from_millis(199)), None);
        let at = start + WINDOW;
        assert_eq!(
            window.pop(at).map(|line| line.line.time.as_second()),
            Some(3),
            "the earlier one goes first"
        );
        assert_eq!(window.pop(at).map(|line| line.line.time.as_second()), Some(5));
        assert_eq!(window.pop(at), None);
        window.push(line("a", 7), at);
        assert_eq!(window.due(), Some(at + WINDOW));
        assert_eq!(window.pop(at), None);
    }

    #[test]
    fn a_later_line_does_not_hurry_an_earlier_arrival() {
        let start = Instant::now();
        let mut window = Window::default();
        window.push(line("a", 1), start);
        window.push(line("b", 2), start + Duration::from_millis(100));
        assert!(window.pop(start + WINDOW).is_some());
        assert_eq!(window.pop(start + WINDOW), None, "b has waited for 100 ms only");
    }
}
