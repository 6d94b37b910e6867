//! Progress on a terminal: a live line per service, image or network, from the same events as the plain lines.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::plain::{enumerated, lock, past, present, waiting_for};
use super::{short_duration, terminal};
use crate::plan::operation::{Action, Operation, OperationId, Target};
use crate::run::event::{Event, Reporter};

/// Draws live lines on stderr.
pub struct Live {
    bars: MultiProgress,
    /// The lines are on the user's terminal.
    real: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    operations: Vec<Operation>,
    /// Per operation, the key of the line it is shown on.
    keys: Vec<String>,
    /// Per operation, how far it is.
    stages: Vec<Stage>,
    lines: HashMap<String, Line>,
    width: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    ToCome,
    UnderWay,
    Over,
}

struct Line {
    bar: ProgressBar,
    begun: Instant,
    /// Operations of this line that aren't over.
    left: usize,
    /// What is under way, the latest last, each with what it said last.
    running: Vec<(OperationId, String)>,
    failed: bool,
}

impl Live {
    /// Draws on stderr.
    #[expect(clippy::new_without_default, reason = "drawing on a terminal is nothing to happen by default")]
    pub fn new() -> Self {
        Self { real: true, ..Self::on(ProgressDrawTarget::stderr_with_hz(15)) }
    }

    fn on(target: ProgressDrawTarget) -> Self {
        Self { bars: MultiProgress::with_draw_target(target), real: false, state: Mutex::default() }
    }
}

impl Reporter for Live {
    fn begin(&self, operations: &[Operation]) {
        if self.real {
            terminal::hide_typing();
        }
        let mut state = lock(&self.state);
        state.keys = operations.iter().map(line_key).collect();
        state.width = state.keys.iter().map(|key| key.chars().count()).max().unwrap_or(0).min(40);
        state.stages = vec![Stage::ToCome; operations.len()];
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

    fn interrupted(&self, left: &[OperationId]) {
        // Above the lines; where there is no terminal after all, nothing shows.
        let _ = self.bars.println(waiting_for(&lock(&self.state).operations, left));
    }

    fn end(&self) {
        let state = lock(&self.state);
        for line in state.lines.values().filter(|line| !line.bar.is_finished()) {
            line.bar.abandon();
        }
        if self.real {
            terminal::show_typing();
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
        if self.stages[id] == Stage::Over {
            line.left += 1;
            line.bar.reset_elapsed();
            line.bar.set_style(running_style());
            line.bar.reset();
        }
        line.running.push((id, present(&operation.action).to_owned()));
        self.stages[id] = Stage::UnderWay;
        self.show(key);
    }

    fn message(&mut self, id: OperationId, message: &str) {
        let (Some(operation), Some(key)) = (self.operations.get(id), self.keys.get(id)) else { return };
        if let Some(line) = self.lines.get_mut(key)
            && let Some((_, said)) = line.running.iter_mut().find(|(running, _)| *running == id)
        {
            *said = format!("{}: {message}", present(&operation.action));
            self.show(key);
        }
    }

    /// Shows what goes on on a line; where nothing does, what it waits for.
    fn show(&self, key: &str) {
        let Some(line) = self.lines.get(key).filter(|line| !line.bar.is_finished()) else { return };
        match line.running.last() {
            Some((_, said)) => line.bar.set_message(said.clone()),
            None => {
                let names = self.awaited(key);
                if !names.is_empty() {
                    line.bar.set_message(format!("waiting for {}", enumerated(&names)));
                }
            }
        }
    }

    /// The lines whose operations have to be over before another one of this line can begin.
    fn awaited(&self, key: &str) -> BTreeSet<&str> {
        let to_come = (0..self.operations.len())
            .filter(|id| self.keys[*id] == key && self.stages[*id] == Stage::ToCome);
        let open = to_come
            .flat_map(|id| &self.operations[id].after)
            .filter(|before| self.stages[**before] != Stage::Over && self.keys[**before] != key);
        open.map(|before| self.keys[*before].as_str()).collect()
    }

    fn end_operation(&mut self, id: OperationId, end: &End) {
        let (Some(operation), Some(key)) = (self.operations.get(id), self.keys.get(id)) else { return };
        self.stages[id] = Stage::Over;
        let Some(line) = self.lines.get_mut(key) else { return };
        line.running.retain(|(running, _)| *running != id);
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
        // Others may have waited for this one.
        let idle = self.lines.iter().filter(|(other, line)| *other == key || line.running.is_empty());
        idle.for_each(|(key, _)| self.show(key));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use indicatif::InMemoryTerm;

    use super::*;
    use crate::plan::operation::{Cause, WaitCondition, WaitFor};
    use crate::plan::spec::{ContainerSpec, CreateContainer};

    /// What the lines say, without spinners and times, once they have been drawn.
    fn drawn(terminal: &InMemoryTerm) -> String {
        // The steady tick draws every 100 ms.
        std::thread::sleep(Duration::from_millis(400));
        let times = regex::Regex::new(r"^\W+|\b\d+s |\b[\d.]+ s$").unwrap();
        let contents = terminal.contents();
        let lines = contents.lines().map(|line| times.replace_all(line, "").into_owned());
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
    }

    fn container(service: &str, action: Action, after: &[OperationId]) -> Operation {
        let target = Target::Container { service: service.to_owned(), name: format!("demo-{service}-1") };
        Operation { action, target, cause: Cause::Missing, after: after.to_vec() }
    }

    fn create(service: &str) -> Operation {
        let request = CreateContainer {
            name: format!("demo-{service}-1"),
            service: service.to_owned(),
            spec: ContainerSpec::default(),
            labels: BTreeMap::new(),
            service_alias: true,
            cached: Vec::new(),
        };
        container(service, Action::CreateContainer(Box::new(request)), &[])
    }

    fn start(service: &str, after: &[OperationId]) -> Operation {
        container(service, Action::StartContainer(format!("demo-{service}-1")), after)
    }

    fn wait(service: &str, condition: WaitCondition, after: &[OperationId]) -> Operation {
        let wait = WaitFor { service: service.to_owned(), containers: Vec::new(), condition, required: true };
        let target = Target::Service(service.to_owned());
        Operation { action: Action::Wait(wait), target, cause: Cause::Missing, after: after.to_vec() }
    }

    fn says(id: OperationId, message: &str) -> Event {
        Event::Progress { id, message: message.to_owned(), bytes: None }
    }

    fn done(id: OperationId) -> Event {
        Event::Done { id, took: Duration::ZERO }
    }

    #[test]
    fn lines_say_what_goes_on_or_is_waited_for() {
        let operations = [
            create("db"),
            create("web"),
            start("db", &[0]),
            wait("db", WaitCondition::Healthy, &[2]),
            start("web", &[1, 3]),
            wait("web", WaitCondition::Ready, &[4]),
        ];
        let terminal = InMemoryTerm::new(10, 80);
        let live = Live::on(ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 200));
        let mut seen = Vec::new();
        let mut after = |events: &[Event]| {
            events.iter().for_each(|event| live.event(event.clone()));
            seen.push(drawn(&terminal));
        };
        live.begin(&operations);
        after(&[Event::Started { id: 0 }, Event::Started { id: 1 }]);
        after(&[done(0), done(1), Event::Started { id: 2 }]);
        after(&[done(2), Event::Started { id: 3 }]);
        after(&[says(3, "health: refused")]);
        after(&[done(3), Event::Started { id: 4 }]);
        after(&[done(4), Event::Started { id: 5 }, says(5, "port 80: connection refused")]);
        after(&[done(5)]);
        live.end();
        insta::assert_snapshot!(seen.join("\n\n"), @r"
        db creating
        web creating

        db starting
        web waiting for db

        db waiting until healthy
        web waiting for db

        db waiting until healthy: health: refused
        web waiting for db

        db healthy
        web starting

        db healthy
        web waiting until ready: port 80: connection refused

        db healthy
        web ready
        ");
    }

    #[test]
    fn of_two_that_go_on_the_one_that_is_left_is_shown() {
        let operations = [
            wait("db", WaitCondition::Healthy, &[]),
            wait("db", WaitCondition::Ready, &[]),
            wait("a", WaitCondition::Ready, &[]),
            wait("b", WaitCondition::Ready, &[]),
            wait("c", WaitCondition::Ready, &[]),
            create("web"),
            start("web", &[0, 2, 3, 4]),
        ];
        let terminal = InMemoryTerm::new(10, 80);
        let live = Live::on(ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 200));
        live.begin(&operations);
        for id in [0, 1, 5] {
            live.event(Event::Started { id });
        }
        live.event(says(0, "health: refused"));
        live.event(says(1, "no leader yet"));
        live.event(done(1));
        live.event(done(5));
        insta::assert_snapshot!(drawn(&terminal), @r"
        db waiting until healthy: health: refused
        web waiting for a, b, c and 1 more
        ");
        live.end();
    }
}
