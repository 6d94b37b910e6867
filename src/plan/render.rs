//! A plan as text and as JSON. Names only: no value of an environment variable, label or file is ever shown.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::operation::{Action, Apply, Cause, Change, Operation, Plan, Target, Targets, WaitCondition};

/// The plan as lines, grouped by what they are about; always the same for the same plan.
///
/// `+` makes something, `-` removes something, `~` changes it, `>` starts and `<` stops it, `?` waits.
pub fn text(plan: &Plan) -> String {
    let mut text = String::new();
    // Groups come in the order in which their first operation does.
    let mut groups: Vec<(String, Vec<&Operation>)> = Vec::new();
    for operation in &plan.operations {
        let name = group_of(operation);
        match groups.iter_mut().find(|(other, _)| *other == name) {
            Some((_, operations)) => operations.push(operation),
            None => groups.push((name, vec![operation])),
        }
    }
    for (name, operations) in &groups {
        line(&mut text, &format!("{name}:"));
        let mut before = None;
        for operation in operations {
            // The steps of a replacement have one cause, which may be long.
            let again = matches!(operation.cause, Cause::Replacing { .. })
                && before == Some(&operation.cause)
                && !matches!(operation.action, Action::CreateContainer(_));
            let cause = if again { "replacing it".to_owned() } else { cause(&operation.cause) };
            let (symbol, what) = (symbol(&operation.action), what(operation));
            line(&mut text, &format!("  {symbol} {what}  ({cause})"));
            for change in changes(&operation.action) {
                line(&mut text, &format!("    {} {}  ({})", change.symbol, change.what, change.cause));
            }
            before = Some(&operation.cause);
        }
    }
    for note in &plan.notes {
        line(&mut text, &format!("note: {note}"));
    }
    text
}

/// One operation in a line: `+ create container demo-web-1  (missing)`.
pub fn operation(operation: &Operation) -> String {
    format!("{} {}  ({})", symbol(&operation.action), what(operation), cause(&operation.cause))
}

/// The plan as JSON, schema `vv.plan/1`.
pub fn json(stack: &str, plan: &Plan) -> Value {
    let operations: Vec<Value> = plan
        .operations
        .iter()
        .enumerate()
        .map(|(id, operation)| {
            let mut entry = json!({
                "id": id,
                "action": operation.action.name(),
                "target": target_json(&operation.target),
                "cause": cause_json(&operation.cause),
                "after": operation.after,
            });
            if let (Some(entry), Value::Object(details)) = (entry.as_object_mut(), details(&operation.action))
            {
                entry.extend(details);
            }
            entry
        })
        .collect();
    json!({"schema": "vv.plan/1", "stack": stack, "operations": operations, "notes": plan.notes})
}

fn changes(action: &Action) -> &[Change] {
    match action {
        Action::Apply(Apply { changes: Some(changes), .. }) => changes,
        _ => &[],
    }
}

fn line(text: &mut String, line: &str) {
    // Writing into a String can't fail.
    let _ = writeln!(text, "{line}");
}

fn group_of(operation: &Operation) -> String {
    match &operation.target {
        Target::Image(_) => "images".to_owned(),
        Target::Network(_) => "networks".to_owned(),
        Target::Volume(_) => "volumes".to_owned(),
        Target::Container { service, .. } | Target::Service(service) => format!("service {service}"),
        Target::Declared(what) => what.name().to_owned(),
    }
}

fn symbol(action: &Action) -> char {
    match action {
        Action::PullImage { .. }
        | Action::BuildImage { .. }
        | Action::BuildStub { .. }
        | Action::CreateNetwork(_)
        | Action::CreateVolume(_)
        | Action::CreateContainer(_) => '+',
        Action::RemoveNetwork(_) | Action::RemoveVolume(_) | Action::RemoveContainer { .. } => '-',
        Action::CopyFiles { .. }
        | Action::ConnectNetwork { .. }
        | Action::RenameContainer { .. }
        | Action::RestartContainer { .. } => '~',
        Action::Apply(_) | Action::Targets(_) => '~',
        Action::StartContainer(_) => '>',
        Action::StopContainer { .. } => '<',
        Action::Wait(_) => '?',
    }
}

/// What an operation does: `create container demo-web-1`.
pub fn what(operation: &Operation) -> String {
    match &operation.action {
        Action::PullImage { image, .. } => format!("pull image {image}"),
        Action::BuildImage { image, .. } => format!("build image {image}"),
        Action::BuildStub { image } => format!("build stub image {image}"),
        Action::CreateNetwork(create) => format!("create network {}", create.network.name),
        Action::RemoveNetwork(name) => format!("remove network {name}"),
        Action::CreateVolume(create) => format!("create volume {}", create.volume.name),
        Action::RemoveVolume(name) => format!("remove volume {name}"),
        Action::CreateContainer(create) => format!("create container {}", create.name),
        Action::CopyFiles { container, files } => {
            let targets: Vec<&str> = files.iter().map(|file| file.target.as_str()).collect();
            format!("copy {} into container {container}", targets.join(", "))
        }
        Action::ConnectNetwork { container, network, .. } => {
            format!("connect container {container} to network {network}")
        }
        Action::StartContainer(name) => format!("start container {name}"),
        Action::StopContainer { container, .. } => format!("stop container {container}"),
        Action::RestartContainer { container, .. } => format!("restart container {container}"),
        Action::RemoveContainer { container, .. } => format!("remove container {container}"),
        Action::RenameContainer { from, to } => format!("rename container {from} to {to}"),
        Action::Apply(apply) => match &apply.changes {
            Some(changes) => format!("apply {}, changes: {}", apply.what.name(), changes.len()),
            None => format!("apply {}, as far as they differ then", apply.what.name()),
        },
        Action::Targets(Targets { leaving, joining }) => {
            if leaving.is_empty() && joining.is_empty() {
                return "apply routes again, as far as they differ then".to_owned();
            }
            let part = |verb: &str, names: &[String]| {
                (!names.is_empty()).then(|| format!("{verb} {}", names.join(", ")))
            };
            let parts = [
                part("take targets off the gateway:", leaving),
                part("add targets to the gateway:", joining),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
        }
        Action::Wait(wait) => {
            let what = match wait.condition {
                WaitCondition::Healthy => "is healthy",
                WaitCondition::Completed => "has completed",
                WaitCondition::Ready => "is ready",
            };
            let optional = if wait.required { "" } else { ", or go on without" };
            format!("wait until {} {what}{optional}", wait.service)
        }
    }
}

/// A cause in words: `missing`, `changed: environment: LEVEL`.
pub fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Missing => "missing".to_owned(),
        Cause::SpecChanged { fields } if fields.is_empty() => "changed".to_owned(),
        Cause::SpecChanged { fields } => format!("changed: {}", fields.join(", ")),
        Cause::ImageChanged => "its image is another one now".to_owned(),
        Cause::NotRunning { state } => state.clone(),
        Cause::NeverStarted => "never started".to_owned(),
        Cause::ScaledDown => "one more than wanted".to_owned(),
        Cause::ScaledUp => "one more is wanted".to_owned(),
        Cause::NetworkChanged { network } => format!("not on network {network} of now"),
        Cause::VolumeChanged { volume } => format!("volume {volume} isn't mounted"),
        Cause::Forced { flag } => flag.clone(),
        Cause::DependencyRecreated { service } => format!("{service} is started anew"),
        Cause::NamespaceGone { service } => format!("it shares a namespace of {service}"),
        Cause::Orphan => "its service isn't in the stack any more".to_owned(),
        Cause::Replacing { because } => self::cause(because),
        Cause::Leftover => "left over from an interrupted run".to_owned(),
        Cause::NeededBy { services } if services.is_empty() => "at the end".to_owned(),
        Cause::NeededBy { services } => format!("needed by {}", services.join(", ")),
        Cause::ReplicasCome => "they are ready".to_owned(),
        Cause::ReplicasGo => "they are about to go".to_owned(),
        Cause::GatewayStartedAnew => "it is started anew".to_owned(),
        Cause::Asked => "asked for".to_owned(),
    }
}

/// What else there is to say of an action.
fn details(action: &Action) -> Value {
    match action {
        Action::CreateContainer(create) => json!({"container": create.name, "image": create.spec.image}),
        Action::CopyFiles { container, files } => {
            let targets: Vec<&str> = files.iter().map(|file| file.target.as_str()).collect();
            json!({"container": container, "files": targets})
        }
        Action::ConnectNetwork { container, network, .. } => {
            json!({"container": container, "network": network})
        }
        Action::StartContainer(container)
        | Action::StopContainer { container, .. }
        | Action::RestartContainer { container, .. }
        | Action::RemoveContainer { container, .. } => json!({"container": container}),
        Action::RenameContainer { from, to } => json!({"container": from, "to": to}),
        Action::Wait(wait) => {
            let condition = match wait.condition {
                WaitCondition::Healthy => "healthy",
                WaitCondition::Completed => "completed",
                WaitCondition::Ready => "ready",
            };
            json!({"condition": condition, "containers": wait.containers, "required": wait.required})
        }
        Action::Targets(Targets { leaving, joining }) => json!({"leaving": leaving, "joining": joining}),
        Action::Apply(Apply { what, changes }) => {
            let changes = changes.as_ref().map(|changes| {
                let told = changes.iter().map(|change| json!({"change": change.what, "cause": change.cause}));
                told.collect::<Vec<_>>()
            });
            json!({"apply": what.name(), "changes": changes})
        }
        _ => json!({}),
    }
}

fn target_json(target: &Target) -> Value {
    match target {
        Target::Image(name) => json!({"kind": "image", "name": name}),
        Target::Network(name) => json!({"kind": "network", "name": name}),
        Target::Volume(name) => json!({"kind": "volume", "name": name}),
        Target::Container { service, name } => json!({"kind": "container", "name": name, "service": service}),
        Target::Service(name) => json!({"kind": "service", "name": name}),
        Target::Declared(what) => json!({"kind": what.name()}),
    }
}

fn cause_json(cause: &Cause) -> Value {
    match cause {
        Cause::Missing => json!({"kind": "missing"}),
        Cause::SpecChanged { fields } => json!({"kind": "spec_changed", "fields": fields}),
        Cause::ImageChanged => json!({"kind": "image_changed"}),
        Cause::NotRunning { state } => json!({"kind": "not_running", "state": state}),
        Cause::NeverStarted => json!({"kind": "never_started"}),
        Cause::ScaledDown => json!({"kind": "scaled_down"}),
        Cause::ScaledUp => json!({"kind": "scaled_up"}),
        Cause::NetworkChanged { network } => json!({"kind": "network_changed", "network": network}),
        Cause::VolumeChanged { volume } => json!({"kind": "volume_changed", "volume": volume}),
        Cause::Forced { flag } => json!({"kind": "forced", "flag": flag}),
        Cause::DependencyRecreated { service } => json!({"kind": "dependency_recreated", "service": service}),
        Cause::NamespaceGone { service } => json!({"kind": "namespace_gone", "service": service}),
        Cause::Orphan => json!({"kind": "orphan"}),
        Cause::Replacing { because } => {
            let mut cause = cause_json(because);
            if let Some(cause) = cause.as_object_mut() {
                cause.insert("replacing".to_owned(), Value::Bool(true));
            }
            cause
        }
        Cause::Leftover => json!({"kind": "leftover"}),
        Cause::NeededBy { services } => json!({"kind": "needed_by", "services": services}),
        Cause::ReplicasCome => json!({"kind": "replicas_come"}),
        Cause::ReplicasGo => json!({"kind": "replicas_go"}),
        Cause::GatewayStartedAnew => json!({"kind": "gateway_started_anew"}),
        Cause::Asked => json!({"kind": "asked"}),
    }
}
