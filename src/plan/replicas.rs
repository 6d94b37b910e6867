//! The fate of every container of a service: kept, replaced, removed; and which ones are to be made.

use std::collections::{BTreeMap, BTreeSet};

use super::adopt::anonymous_volumes;
use super::count::count;
use super::desired::Desired;
use super::input::{Inputs, PlanError, StartRequest};
use super::labels::{REPLACE, SCALED};
use super::names;
use super::observed::{ContainerState, Health, ObservedContainer};
use super::operation::Cause;
use super::request::has_fixed_port;
use super::stale::{Finding, Parents, find};
use crate::stack::model::Service;

/// What becomes of a service.
#[derive(Debug)]
pub(super) struct Decision<'a> {
    /// What its containers should be.
    pub desired: Desired<'a>,
    /// It runs once and ends.
    pub job: bool,
    /// Leftovers, removed before anything else.
    pub clear: Vec<(&'a ObservedContainer, Cause)>,
    /// Replicas that are too many.
    pub surplus: Vec<&'a ObservedContainer>,
    /// The replicas that are wanted, by number.
    pub replicas: Vec<Replica<'a>>,
    /// Containers that are stopped and kept, because a namespace that they share goes.
    pub halted: Vec<(&'a ObservedContainer, Cause)>,
    /// Things worth saying.
    pub notes: Vec<String>,
}

/// A replica that is wanted.
#[derive(Debug)]
pub(super) struct Replica<'a> {
    /// Its number, from 1.
    pub number: u32,
    /// Its container's name in the end.
    pub name: String,
    /// What becomes of it.
    pub fate: Fate<'a>,
}

/// What becomes of a replica.
#[derive(Debug)]
pub(super) enum Fate<'a> {
    /// The container stays.
    Keep {
        /// Which.
        container: &'a ObservedContainer,
        /// It gets its proper name.
        rename: bool,
        /// What is done so that it runs.
        revive: Revive,
    },
    /// A container is made.
    Create {
        /// Why.
        cause: Cause,
        /// Volumes by target, of a former container whose replacement was interrupted.
        inherited: BTreeMap<String, String>,
    },
    /// A new container takes the place of this one.
    Replace {
        /// Which.
        old: &'a ObservedContainer,
        /// Why.
        cause: Cause,
    },
}

/// What is done so that a kept container runs as it should.
#[derive(Debug)]
pub(super) enum Revive {
    /// Nothing: it runs, or has done its work.
    Nothing,
    /// It is started.
    Start(Cause),
    /// It is stopped and started in one go.
    Restart(Cause),
    /// It is stopped before something it depends on goes, and started when that is back.
    Follow(Cause),
}

impl<'a> Decision<'a> {
    /// A decision that nothing is wanted of.
    pub fn bare(desired: Desired<'a>) -> Self {
        let (clear, surplus, replicas, notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { desired, job: false, clear, surplus, replicas, halted: Vec::new(), notes }
    }

    /// Something that others have connections to, or namespaces of, goes away and comes back.
    pub fn is_renewed(&self) -> bool {
        self.replicas.iter().any(|replica| match &replica.fate {
            Fate::Replace { .. } => true,
            Fate::Create { cause, .. } => *cause != Cause::ScaledUp,
            Fate::Keep { revive, .. } => matches!(revive, Revive::Restart(_) | Revive::Follow(_)),
        })
    }

    /// The first replica's container is started anew, so that its namespaces are new ones.
    pub fn is_started(&self) -> bool {
        self.is_renewed()
            || matches!(
                self.replicas.first().map(|replica| &replica.fate),
                Some(Fate::Keep { revive: Revive::Start(_), .. })
            )
    }

    /// Every replica stays as it is and has nothing left to prove.
    pub fn is_settled(&self) -> bool {
        self.replicas.iter().all(|replica| match &replica.fate {
            Fate::Keep { container, revive: Revive::Nothing, .. } => match container.state {
                ContainerState::Running if self.job => false,
                ContainerState::Running => matches!(container.health, None | Some(Health::Healthy)),
                ContainerState::Exited(_) => true,
                _ => false,
            },
            _ => false,
        })
    }

    /// As [`Self::is_settled`], and every verdict is `healthy`.
    pub fn is_healthy(&self) -> bool {
        let healthy = |replica: &Replica<'_>| match &replica.fate {
            Fate::Keep { container, .. } => container.health == Some(Health::Healthy),
            _ => false,
        };
        self.is_settled() && self.replicas.iter().all(healthy)
    }
}

/// The state in words.
pub(super) fn state_words(state: ContainerState) -> String {
    match state {
        ContainerState::Created => "created".to_owned(),
        ContainerState::Running => "running".to_owned(),
        ContainerState::Paused => "paused".to_owned(),
        ContainerState::Restarting => "restarting".to_owned(),
        ContainerState::Removing => "being removed".to_owned(),
        ContainerState::Exited(code) => format!("exited ({code})"),
        ContainerState::Dead => "dead".to_owned(),
    }
}

/// Decides on a service. `follows` is the renewed service that it restarts with, if any.
pub(super) fn decide<'a>(
    inputs: &Inputs<'a>,
    request: &StartRequest,
    service: &'a Service,
    parents: &Parents<'_>,
    follows: Option<&str>,
) -> Result<Decision<'a>, PlanError> {
    let desired = Desired::new(inputs, service)?;
    let observed: &'a [ObservedContainer] = &inputs.observed.containers;
    let mine: Vec<&ObservedContainer> =
        observed.iter().filter(|container| container.service == service.name && !container.oneoff).collect();
    let Sorted { clear, usable, inherited } = sort_out(&desired, &mine);
    let job = inputs.stack.is_job(service);
    let mut notes = Vec::new();
    let forced =
        request.force_recreate && (request.services.is_empty() || request.services.contains(&service.name));
    let mut judged: Vec<(&ObservedContainer, Option<Cause>)> = Vec::new();
    for container in usable {
        let done = job && container.state == ContainerState::Exited(0);
        let cause = match find(inputs, &desired, container, parents, done) {
            _ if forced => Some(Cause::Forced { flag: "--force-recreate".to_owned() }),
            Finding::Current => None,
            Finding::Stale(cause) => Some(cause),
            Finding::Unknown => {
                notes.push(format!(
                    "{} could not be compared with the stack: it is kept as it is",
                    container.name
                ));
                None
            }
        };
        judged.push((container, cause));
    }
    let added = judged.iter().filter(|(container, _)| is_added(container, service)).count();
    let count = count(request, service, added, &mut notes)?;
    let (kept, surplus) = choose(&desired, judged, count);

    let project = &inputs.stack.name;
    let gone: BTreeSet<&str> =
        clear.iter().map(|(c, _)| c.name.as_str()).chain(surplus.iter().map(|c| c.name.as_str())).collect();
    let free = |name: &str| !observed.iter().any(|c| c.name == name && !gone.contains(c.name.as_str()));
    let highest = kept.iter().map(|(container, _)| number(container)).max();
    let taken: BTreeSet<u32> = kept.iter().map(|(container, _)| number(container)).collect();
    let mut replicas: Vec<Replica<'a>> = Vec::new();
    for (container, cause) in kept {
        let name = names::container(project, service, number(container));
        let fate = match cause {
            Some(cause) => Fate::Replace { old: container, cause },
            None => Fate::Keep {
                container,
                rename: container.name != name && free(&name),
                revive: revive(container, job, follows),
            },
        };
        let keeps_name = matches!(&fate, Fate::Keep { rename: false, .. });
        let name = if keeps_name { container.name.clone() } else { name };
        replicas.push(Replica { number: number(container), name, fate });
    }
    let missing = (count as usize).saturating_sub(replicas.len());
    let mut inherited = inherited;
    for number in (1..).filter(|number| !taken.contains(number)).take(missing) {
        let cause = match clear.iter().find(|(container, _)| self::number(container) == number) {
            Some((_, cause)) => cause.clone(),
            None if highest.is_some_and(|highest| number > highest) => Cause::ScaledUp,
            None => Cause::Missing,
        };
        let inherited = inherited.remove(&number).unwrap_or_default();
        let name = names::container(project, service, number);
        replicas.push(Replica { number, name, fate: Fate::Create { cause, inherited } });
    }
    replicas.sort_by_key(|replica| replica.number);
    Ok(Decision { desired, job, clear, surplus, replicas, halted: Vec::new(), notes })
}

/// Whether `vv scale` has added it to those of the file.
fn is_added(container: &ObservedContainer, service: &Service) -> bool {
    container.labels.contains_key(SCALED) && number(container) > service.replicas
}

fn number(container: &ObservedContainer) -> u32 {
    container.number.max(1)
}

fn revive(container: &ObservedContainer, job: bool, follows: Option<&str>) -> Revive {
    let not_running = || Cause::NotRunning { state: state_words(container.state) };
    match (container.state, follows) {
        (ContainerState::Exited(0), _) if job => Revive::Nothing,
        (ContainerState::Running | ContainerState::Restarting, Some(service)) => {
            Revive::Follow(Cause::DependencyRecreated { service: service.to_owned() })
        }
        (ContainerState::Running | ContainerState::Restarting, None) => Revive::Nothing,
        // The engine can't start a frozen container, and a plain thaw would leave its connections dead.
        (ContainerState::Paused, _) => Revive::Restart(not_running()),
        _ => Revive::Start(not_running()),
    }
}

/// A service's containers: leftovers, and what can be used.
struct Sorted<'a> {
    clear: Vec<(&'a ObservedContainer, Cause)>,
    usable: Vec<&'a ObservedContainer>,
    /// Volumes by target, by replica: of leftovers whose predecessor is gone.
    inherited: BTreeMap<u32, BTreeMap<String, String>>,
}

fn sort_out<'a>(desired: &Desired<'_>, mine: &[&'a ObservedContainer]) -> Sorted<'a> {
    let mut sorted = Sorted { clear: Vec::new(), usable: Vec::new(), inherited: BTreeMap::new() };
    let mut late: Vec<&'a ObservedContainer> = Vec::new();
    for &container in mine {
        let temporary = names::parse_temporary(&container.name);
        let replaced = temporary.and_then(|(id, _)| mine.iter().find(|other| other.id.starts_with(id)));
        match container.state {
            ContainerState::Removing | ContainerState::Dead => {
                sorted.clear.push((container, Cause::Leftover))
            }
            // Its replacement was interrupted before the old one went.
            _ if replaced.is_some() => sorted.clear.push((container, Cause::Leftover)),
            // Its predecessor is gone: what that one has left to it is nowhere else.
            ContainerState::Created if temporary.is_some() || container.labels.contains_key(REPLACE) => {
                sorted.inherited.insert(number(container), anonymous_volumes(container, &desired.spec));
                sorted.clear.push((container, Cause::Leftover));
            }
            ContainerState::Created => sorted.clear.push((container, Cause::NeverStarted)),
            _ if temporary.is_some() => late.push(container),
            _ => sorted.usable.push(container),
        }
    }
    // One that ran under its temporary name takes its proper one, unless somebody has it.
    for container in late {
        if sorted.usable.iter().any(|other| number(other) == number(container)) {
            sorted.clear.push((container, Cause::Leftover));
        } else {
            sorted.usable.push(container);
        }
    }
    sorted
}

type Judged<'a> = Vec<(&'a ObservedContainer, Option<Cause>)>;

/// Which containers stay (some to be replaced), and which are too many.
fn choose<'a>(
    desired: &Desired<'_>,
    mut judged: Judged<'a>,
    count: u32,
) -> (Judged<'a>, Vec<&'a ObservedContainer>) {
    let fixed = has_fixed_port(&desired.spec);
    let of_file = desired.service.replicas;
    judged.sort_by_key(|(container, cause)| {
        let number = number(container);
        let holds_port = fixed && number == 1;
        let undeclared = number > of_file && !container.labels.contains_key(SCALED);
        (!holds_port, cause.is_some(), undeclared, number)
    });
    let count = count as usize;
    let mut surplus: Judged<'a> = judged.split_off(count.min(judged.len()));
    // Without replica 1 nobody would have the fixed port.
    if fixed && count > 0 && judged.len() == count && judged.iter().all(|(c, _)| number(c) != 1) {
        surplus.extend(judged.pop());
    }
    (judged, surplus.into_iter().map(|(container, _)| container).collect())
}
