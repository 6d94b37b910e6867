//! What a builder tells, understood: the step at hand, its last output, the step that failed. Pure.

use std::collections::{BTreeMap, VecDeque};

use bollard::grpc::build::moby::buildkit::v1::{StatusResponse, Vertex};

use crate::engine::Progress;

/// So many lines of a step's output are kept for the case that it fails.
const KEPT_LINES: usize = 20;

/// The last lines of an output.
#[derive(Debug, Default)]
pub struct LastLines {
    lines: VecDeque<String>,
    open: String,
}

impl LastLines {
    /// Takes in a piece. A carriage return starts its line anew, as on a terminal.
    pub fn push(&mut self, piece: &str) {
        for c in piece.chars() {
            match c {
                '\n' => self.close(),
                '\r' => {}
                c => self.open.push(c),
            }
        }
    }

    fn close(&mut self) {
        let line = std::mem::take(&mut self.open);
        if line.trim().is_empty() {
            return;
        }
        if self.lines.len() == KEPT_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The lines, an unfinished one too.
    pub fn into_lines(mut self) -> Vec<String> {
        self.close();
        self.lines.into()
    }
}

/// How a build failed: the step, and its last output.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FailedStep {
    /// The builder's name of the step; empty when none had begun.
    pub step: String,
    /// Its last lines.
    pub output: Vec<String>,
}

/// Follows the classic builder, which prints one step after the other.
#[derive(Debug, Default)]
pub struct ClassicWatch {
    step: String,
    output: LastLines,
}

impl ClassicWatch {
    /// Takes in what the builder prints. Something to show when a step begins.
    pub fn printed(&mut self, text: &str) -> Option<Progress> {
        if text.starts_with("Step ") {
            text.trim().clone_into(&mut self.step);
            self.output = LastLines::default();
            return Some(Progress { message: self.step.clone(), bytes: None });
        }
        if !text.trim_start().starts_with("--->") {
            self.output.push(text);
        }
        None
    }

    /// A step of the user's own is at work, which may be silent for as long as it likes.
    pub fn at_work(&self) -> bool {
        // `Step 1/3 : FROM x` pulls.
        self.step.split_once(" : ").is_some_and(|(_, instruction)| !instruction.starts_with("FROM"))
    }

    /// The step that failed is the last that began.
    pub fn failed(self) -> FailedStep {
        FailedStep { step: self.step, output: self.output.into_lines() }
    }
}

/// Follows BuildKit, which works on many steps at once.
#[derive(Debug, Default)]
pub struct BuildKitWatch {
    steps: BTreeMap<String, Step>,
    /// Digests in the order in which they began.
    begun: Vec<String>,
}

#[derive(Debug, Default)]
struct Step {
    name: String,
    running: bool,
    error: String,
    output: LastLines,
    /// Bytes done and wanted of each thing the step moves.
    moved: BTreeMap<String, (u64, u64)>,
}

impl BuildKitWatch {
    /// Takes in news. Something to show when there is.
    pub fn update(&mut self, news: &StatusResponse) -> Option<Progress> {
        for vertex in &news.vertexes {
            self.vertex(vertex);
        }
        for status in &news.statuses {
            let count = |number: i64| u64::try_from(number).unwrap_or_default();
            let step = self.steps.entry(status.vertex.clone()).or_default();
            step.moved.insert(status.id.clone(), (count(status.current), count(status.total)));
        }
        for log in &news.logs {
            let step = self.steps.entry(log.vertex.clone()).or_default();
            step.output.push(&String::from_utf8_lossy(&log.msg));
        }
        let current =
            self.begun.iter().rev().filter_map(|digest| self.steps.get(digest)).find(|step| step.running);
        current.map(|step| {
            let sum = step.moved.values().fold((0, 0), |sum, (done, all)| (sum.0 + done, sum.1 + all));
            Progress { message: step.name.clone(), bytes: (sum.1 > 0).then_some(sum) }
        })
    }

    fn vertex(&mut self, vertex: &Vertex) {
        let step = self.steps.entry(vertex.digest.clone()).or_default();
        step.name.clone_from(&vertex.name);
        step.running = vertex.started.is_some() && vertex.completed.is_none();
        if !vertex.error.is_empty() {
            step.error.clone_from(&vertex.error);
        }
        if step.running && !self.begun.contains(&vertex.digest) {
            self.begun.push(vertex.digest.clone());
        }
    }

    /// A step of the user's own is at work, which may be silent for as long as it likes.
    pub fn at_work(&self) -> bool {
        self.steps.values().any(|step| step.running && is_users(&step.name))
    }

    /// The builder got as far as a step of the Dockerfile: it is no longer BuildKit itself that is refused.
    pub fn has_begun(&self) -> bool {
        self.begun.iter().filter_map(|digest| self.steps.get(digest)).any(|step| step.name.starts_with('['))
    }

    /// The step that failed: the one with an error that isn't only another's.
    pub fn failed(mut self) -> FailedStep {
        let digest = self
            .steps
            .iter()
            .find(|(_, step)| !step.error.is_empty() && !step.error.contains("context canceled"));
        let step = digest.map(|(digest, _)| digest.clone()).and_then(|digest| self.steps.remove(&digest));
        let step = step.unwrap_or_default();
        FailedStep { step: step.name, output: step.output.into_lines() }
    }
}

/// `[2/4] RUN make` is the user's; `[internal] load metadata`, `[1/4] FROM x` and `exporting to image` aren't.
fn is_users(name: &str) -> bool {
    match name.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((place, instruction)) => place != "internal" && !instruction.starts_with("FROM"),
        None => name.starts_with("exporting"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_classic_build_is_followed() {
        let mut watch = ClassicWatch::default();
        assert!(!watch.at_work());
        assert!(watch.printed("Step 1/2 : FROM scratch\n").is_some());
        assert!(!watch.at_work());
        watch.printed("old output\n");
        let progress = watch.printed("Step 2/2 : RUN make\n").unwrap();
        assert_eq!(progress.message, "Step 2/2 : RUN make");
        assert!(watch.at_work());
        watch.printed(" ---> Running in 1234\n");
        watch.printed("one\ntw");
        watch.printed("o\r\nlast");
        let failed = watch.failed();
        assert_eq!(failed.step, "Step 2/2 : RUN make");
        assert_eq!(failed.output, ["one", "two", "last"]);
    }

    #[test]
    fn output_is_bounded() {
        let mut lines = LastLines::default();
        for number in 0..100 {
            lines.push(&format!("{number}\n"));
        }
        let lines = lines.into_lines();
        assert_eq!((lines.len(), lines[0].as_str()), (KEPT_LINES, "80"));
    }

    #[test]
    fn the_users_steps_are_told_from_the_builders() {
        for (name, expected) in [
            ("[internal] load build definition from Dockerfile", false),
            ("[1/2] FROM docker.io/library/x", false),
            ("[build 2/5] RUN cargo build", true),
            ("[2/2] COPY a b", true),
            ("exporting to image", true),
            ("docker-image://docker.io/docker/dockerfile:1", false),
        ] {
            assert_eq!(is_users(name), expected, "{name}");
        }
    }

    #[test]
    fn a_buildkit_build_is_followed() {
        let mut watch = BuildKitWatch::default();
        let vertex = |digest: &str, name: &str, error: &str, ended: bool| Vertex {
            digest: digest.to_owned(),
            name: name.to_owned(),
            started: Some(Default::default()),
            completed: ended.then(Default::default),
            error: error.to_owned(),
            ..Vertex::default()
        };
        let news = |vertexes| StatusResponse { vertexes, ..StatusResponse::default() };
        watch.update(&news(vec![vertex("a", "load build definition", "", false)]));
        assert!(!watch.has_begun());
        let progress = watch.update(&news(vec![vertex("b", "[2/3] RUN make", "", false)])).unwrap();
        assert_eq!(progress.message, "[2/3] RUN make");
        assert!(watch.has_begun() && watch.at_work());
        let log = bollard::grpc::build::moby::buildkit::v1::VertexLog {
            vertex: "b".to_owned(),
            msg: b"boom\n".to_vec(),
            ..Default::default()
        };
        watch.update(&StatusResponse { logs: vec![log], ..StatusResponse::default() });
        watch.update(&news(vec![
            vertex("a", "load build definition", "context canceled", true),
            vertex("b", "[2/3] RUN make", "exit code: 2", true),
        ]));
        assert!(!watch.at_work());
        let failed = watch.failed();
        assert_eq!(
            (failed.step.as_str(), failed.output.as_slice()),
            ("[2/3] RUN make", &["boom".to_owned()][..])
        );
    }
}
