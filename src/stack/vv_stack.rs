//! Top-level `x-vv`.

use super::context::Context;
use super::decode::{At, Keys};
use super::vv::{Requires, StackVv};
use super::vv_shapes;

const KEYS: Keys =
    Keys::strict(&["title", "description", "requires", "topics", "routes", "checks", "verify", "init"]);
const REQUIRES: Keys = Keys::strict(&["engine", "memory", "cpus", "disk"]);

/// What vv knows of the stack as a whole.
pub fn read(at: &At<'_>, context: &Context<'_>) -> StackVv {
    let Some(fields) = at.fields(KEYS) else { return StackVv::default() };
    let checks = fields.get("checks").inspect(|at| vv_shapes::checks(at, context));
    let verify = fields.get("verify").inspect(|at| vv_shapes::verify(at, context));
    let init = fields.get("init").inspect(vv_shapes::init);
    let topics = fields.get("topics").inspect(vv_shapes::topics);
    StackVv {
        title: fields.get("title").and_then(|at| at.text()),
        description: fields.get("description").and_then(|at| at.text()),
        requires: fields.get("requires").map(|at| requires(&at)).unwrap_or_default(),
        topics: topics.map(|at| at.node.clone()),
        routes: fields.get("routes").and_then(|at| at.text()),
        routes_at: fields.get("routes").map(|at| at.mark().clone()),
        checks: checks.map(|at| at.node.clone()),
        verify: verify.map(|at| at.node.clone()),
        init: init.map(|at| at.node.clone()),
        variables: Default::default(),
    }
}

fn requires(at: &At<'_>) -> Requires {
    let Some(fields) = at.fields(REQUIRES) else { return Requires::default() };
    Requires {
        engine: fields.get("engine").and_then(|at| version(&at)),
        memory: fields.get("memory").and_then(|at| at.bytes()),
        cpus: fields.get("cpus").and_then(|at| at.number()),
        disk: fields.get("disk").and_then(|at| at.bytes()),
    }
}

fn version(at: &At<'_>) -> Option<String> {
    // `20.10` without quotes is the number 20.1.
    let text = at.string()?;
    let valid = text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !valid {
        at.problem(format!("'{text}' isn't a version such as '20.10'"));
    }
    valid.then_some(text)
}
