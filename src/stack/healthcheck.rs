//! `healthcheck`

use super::decode::{At, Keys};
use super::model::{Healthcheck, Test};

const KEYS: Keys =
    Keys::compose(&["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"]);

/// The healthcheck of a service. `disable: true` wins over a test.
pub fn read(at: &At<'_>) -> Option<Healthcheck> {
    let fields = at.fields(KEYS)?;
    let test = fields.get("test").and_then(|at| test(&at));
    Some(Healthcheck {
        test: if fields.flag("disable") { Some(Test::None) } else { test },
        interval: fields.get("interval").and_then(|at| at.duration()),
        timeout: fields.get("timeout").and_then(|at| at.duration()),
        retries: fields.get("retries").and_then(|at| at.integer()),
        start_period: fields.get("start_period").and_then(|at| at.duration()),
        start_interval: fields.get("start_interval").and_then(|at| at.duration()),
    })
}

fn test(at: &At<'_>) -> Option<Test> {
    if at.is_text() {
        return at.text().map(Test::Shell);
    }
    if !at.is_list() {
        at.expected("a list or a string");
        return None;
    }
    let words = at.strings();
    // An empty list inherits the image's test.
    let (first, rest) = words.split_first()?;
    match (first.as_str(), rest) {
        ("NONE", _) => Some(Test::None),
        ("CMD", [_, ..]) => Some(Test::Cmd(rest.to_vec())),
        ("CMD-SHELL", [line]) => Some(Test::Shell(line.clone())),
        ("CMD-SHELL", [_, ..]) => {
            at.problem("'CMD-SHELL' takes one string: what the shell is to run");
            None
        }
        ("CMD" | "CMD-SHELL", []) => {
            at.problem(format!("'{first}' has no command"));
            None
        }
        _ => {
            at.problem("the first item must be 'CMD', 'CMD-SHELL' or 'NONE'");
            None
        }
    }
}
