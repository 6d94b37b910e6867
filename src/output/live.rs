//! Progress on a terminal: a live line per service, image or network, from the same events as the plain lines.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::plain::{lock, past, present};
use super::short_duration;
use crate::plan::operation::{Action, Operation, OperationId, Target};
use crate::run::event::{Event, Reporter};

/// Draws live lines on stderr.
pub struct Live {
    bars: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    operations: Vec<Operation>,
    /// Per operation, the key of the line it is shown on.
    keys: Vec<String>,
    lines: HashMap<String, Line>,
    width: usize,
}

struct Line {
    bar: ProgressBar,
    begun: Instant,
    /// Operations of this line that aren't over.
    left: usize,
    running: Vec<OperationId>,
    failed: bool,
}

impl Live {
    /// Draws on stderr.
    #[expect(clippy::new_without_default, reason = "drawing on a terminal is nothing to happen by default")]
    pub fn new() -> Self {
        Self {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15)),
            state: Mutex::default(),
        }
    }
}

impl Reporter for Live {
    fn begin(&self, operations: &[Operation]) {
        let mut state = lock(&self.state);
        state.keys = operations.iter().map(line_key).collect();
        state.width = state.keys.iter().map(|key| key.chars().count()).max().unwrap_or(0).min(40);
        state.operations = operations.to_vec();
    }

    fn event(&self, event: Event) {
        let mut state = lock(&self.state);
        match event {
            Event::Started { id } => state.begin_operation(&self.bars, id),
            Event::Progress { id, message, .. } => state.message(id, &message),
            Event::Done { id, .. } => state.end_operation(id, &End::Done),
            Event::Warned { id, message } => state.end_operation(id, &End::Warned(message)),
            Event::Failed { id, message } => state.end_operation(id, &End::Failed(message)),
            Event::Cancelled { id } => state.end_operation(id, &End::Cancelled),
        }
    }

    fn end(&self) {
        let state = lock(&self.state);
        for line in state.lines.values().filter(|line| !line.bar.is_finished()) {
            line.bar.abandon();
        }
    }
}

enum End {
    Done,
    Warned(String),
    Failed(String),
    Cancelled,
}

impl State {
    fn begin_operation(&mut self, bars: &MultiProgress, id: OperationId) {
        let Some(operation) = self.operations.get(id) else { return };
        let key = &self.keys[id];
        let left = self.keys.iter().filter(|other| *other == key).count();
        let width = self.width;
        let line = self.lines.entry(key.clone()).or_insert_with(|| {
            let bar = bars.add(ProgressBar::new_spinner().with_style(running_style()));
            bar.set_prefix(format!("{key:width$}"));
            bar.enable_steady_tick(Duration::from_millis(100));
            Line { bar, begun: Instant::now(), left, running: Vec::new(), failed: false }
        });
        line.running.push(id);
        line.bar.set_message(present(&operation.action).to_owned());
    }

    fn message(&mut self, id: OperationId, message: &str) {
        let (Some(operation), Some(key)) = (self.operations.get(id), self.keys.get(id)) else { return };
        if let Some(line) = self.lines.get(key) {
            line.bar.set_message(format!("{}: {message}", present(&operation.action)));
        }
    }

    fn end_operation(&mut self, id: OperationId, end: &End) {
        let (Some(operation), Some(key)) = (self.operations.get(id), self.keys.get(id)) else { return };
        let Some(line) = self.lines.get_mut(key) else { return };
        line.running.retain(|running| *running != id);
        line.left = line.left.saturating_sub(1);
        let took = style(short_duration(line.begun.elapsed())).dim().for_stderr();
        match end {
            End::Failed(message) => {
                line.failed = true;
                finish(line, "✘", &style(message).red().for_stderr().to_string());
            }
            End::Warned(message) => finish(line, "!", &style(message).yellow().for_stderr().to_string()),
            End::Done if line.left == 0 && !line.failed => {
                finish(line, "✔", &format!("{} {took}", past(&operation.action)));
            }
            End::Cancelled if line.left == 0 && !line.failed => finish(line, "-", "given up"),
            End::Done | End::Cancelled => {}
        }
    }
}

/// The line an operation is shown on: its service's, or its own target's.
fn line_key(operation: &Operation) -> String {
    match (&operation.target, &operation.action) {
        (Target::Container { service, .. }, _) if !service.is_empty() => service.clone(),
        (Target::Service(service), _) => service.clone(),
        (target, Action::BuildStub { .. }) => format!("stub {target}"),
        (target, _) => target.to_string(),
    }
}

fn finish(line: &Line, sign: &'static str, message: &str) {
    let sign = match sign {
        "✔" => style(sign).green(),
        "✘" => style(sign).red(),
        _ => style(sign).yellow(),
    };
    let template = format!("{} {{prefix}} {{wide_msg}}", sign.for_stderr());
    if let Ok(style) = ProgressStyle::with_template(&template) {
        line.bar.set_style(style);
    }
    line.bar.finish_with_message(message.to_owned());
}

fn running_style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix} {elapsed:>4} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}
