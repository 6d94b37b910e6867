//! The words of a plan: operations, their targets and their causes.

use std::fmt;
use std::time::Duration;

use super::spec::{CopiedFile, CreateContainer, CreateNetwork, CreateVolume};
use crate::stack::model::Build;
use crate::stack::vv::Declared;

/// A plan: operations in an order in which each comes after those it waits for. Prints the same way every time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The operations; an operation's id is its index.
    pub operations: Vec<Operation>,
    /// Things worth saying that are not done: orphans, scaled replicas that are kept, …
    pub notes: Vec<String>,
}

impl Plan {
    /// Nothing is to be done; there may be notes.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

impl Plan {
    /// Whether anything will be another than it is: waiting changes nothing.
    pub fn changes_anything(&self) -> bool {
        self.operations.iter().any(|operation| !matches!(operation.action, Action::Wait(_)))
    }
}

/// An operation's number in its plan.
pub type OperationId = usize;

/// One operation: one engine call, or one thing to wait for.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What is done.
    pub action: Action,
    /// To what.
    pub target: Target,
    /// Why.
    pub cause: Cause,
    /// The operations that must have succeeded before.
    pub after: Vec<OperationId>,
}

/// What is done. Containers are named by name: one that the plan itself makes has no id yet, and names are unique.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Pulls an image.
    PullImage {
        /// Its reference.
        image: String,
        /// `linux/amd64`
        platform: Option<String>,
    },
    /// Builds an image from its sources.
    BuildImage {
        /// The tag it gets.
        image: String,
        /// How.
        build: Box<Build>,
    },
    /// Makes the image of the stand-in for a service whose sources are missing.
    BuildStub {
        /// The tag it gets.
        image: String,
    },
    /// Makes a network.
    CreateNetwork(Box<CreateNetwork>),
    /// Removes a network, by name.
    RemoveNetwork(String),
    /// Makes a volume.
    CreateVolume(Box<CreateVolume>),
    /// Removes a volume, by name.
    RemoveVolume(String),
    /// Makes a container.
    CreateContainer(Box<CreateContainer>),
    /// Copies configs and secrets into a container that was made and not started.
    CopyFiles {
        /// The container.
        container: String,
        /// The files.
        files: Vec<CopiedFile>,
    },
    /// Puts a container on a further network (engines before API 1.44 take only one at create).
    ConnectNetwork {
        /// The container.
        container: String,
        /// The network's name.
        network: String,
        /// Names and addresses there.
        attachment: Box<crate::stack::model::NetworkAttachment>,
    },
    /// Starts a container.
    StartContainer(String),
    /// Stops a container.
    StopContainer {
        /// The container.
        container: String,
        /// How long it may take before the kill; nothing: as it was made with, else 10 s.
        timeout: Option<Duration>,
    },
    /// Stops and starts a container.
    RestartContainer {
        /// The container.
        container: String,
        /// How long the stop may take before the kill.
        timeout: Option<Duration>,
    },
    /// Removes a container that doesn't run (or kills it, with `force`), with its anonymous volumes.
    RemoveContainer {
        /// The container.
        container: String,
        /// Kill it when it runs.
        force: bool,
    },
    /// Gives a container another name.
    RenameContainer {
        /// Its name now.
        from: String,
        /// Its name then.
        to: String,
    },
    /// Brings what systems hold to what the stack declares.
    Apply(Apply),
    /// Tells a gateway which replicas of a service it sends requests to.
    Targets(Targets),
    /// Waits until something holds.
    Wait(WaitFor),
}

/// What is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// What.
    pub what: Declared,
    /// What differs now, for showing; nothing where that is only known once the systems are up. It is compared again
    /// when it is applied.
    pub changes: Option<Vec<Change>>,
}

/// Replicas of a service that a gateway is told of, by their containers' names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// Those that are about to go: taken off.
    pub leaving: Vec<String>,
    /// Those that have come: added.
    pub joining: Vec<String>,
}

/// A change of something that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// As [`super::render::text`] has them: `+`, `-`, `~`.
    pub symbol: char,
    /// `create topic orders, 3 partitions`
    pub what: String,
    /// Why: `missing`.
    pub cause: String,
}

/// What is waited for, of all replicas of a service (`containers` names them).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitFor {
    /// The service.
    pub service: String,
    /// The replicas' container names.
    pub containers: Vec<String>,
    /// What must hold.
    pub condition: WaitCondition,
    /// False: a failure is only a warning: whoever waits can do without (`required: false`).
    pub required: bool,
}

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitCondition {
    /// Its healthcheck passes.
    Healthy,
    /// It ran and exited with 0.
    Completed,
    /// The end of `start`: running, healthcheck if any, and the kind's protocol level.
    Ready,
}

/// What an operation is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An image, by reference.
    Image(String),
    /// A network, by name.
    Network(String),
    /// A volume, by name.
    Volume(String),
    /// A container: its service and name.
    Container {
        /// The service.
        service: String,
        /// The container's name.
        name: String,
    },
    /// A service as a whole.
    Service(String),
    /// What the stack declares beside containers.
    Declared(Declared),
}

/// Why an operation is in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It isn't there.
    Missing,
    /// These fields of the spec differ: `environment: NAME`, `image`.
    SpecChanged {
        /// The fields, sorted.
        fields: Vec<String>,
    },
    /// The tag's current image is another one than it was made with.
    ImageChanged,
    /// It is there and doesn't run; its state in words (`exited (1)`).
    NotRunning {
        /// `exited (1)`
        state: String,
    },
    /// It was made and never started: a leftover.
    NeverStarted,
    /// More replicas than wanted.
    ScaledDown,
    /// Fewer replicas than wanted.
    ScaledUp,
    /// It isn't on a network that it should be on, or the network is another one now.
    NetworkChanged {
        /// The network's name.
        network: String,
    },
    /// A volume that it should have isn't mounted.
    VolumeChanged {
        /// The volume's name.
        volume: String,
    },
    /// `--force-recreate`, `--build`, `--pull`, …
    Forced {
        /// The flag.
        flag: String,
    },
    /// A service whose namespace it shares, or that it wants to follow (`restart: true`), is recreated.
    DependencyRecreated {
        /// The service.
        service: String,
    },
    /// A service whose namespace it shares goes.
    NamespaceGone {
        /// The service.
        service: String,
    },
    /// Its service isn't in the stack any more.
    Orphan,
    /// A step of replacing this container.
    Replacing {
        /// Why it is replaced.
        because: Box<Cause>,
    },
    /// A leftover of an interrupted run.
    Leftover,
    /// Somebody waits for it: these services, or the end of the start.
    NeededBy {
        /// The services; empty for the start itself.
        services: Vec<String>,
    },
    /// Its replicas come, and the gateway sends requests to them.
    ReplicasCome,
    /// It is started anew, and may have forgotten what it was told.
    GatewayStartedAnew,
    /// Its replicas go, and the gateway must send them none before.
    ReplicasGo,
    /// The user asked for exactly this (`stop`, `down`, `restart`).
    Asked,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Image(name) => write!(f, "image {name}"),
            Target::Network(name) => write!(f, "network {name}"),
            Target::Volume(name) => write!(f, "volume {name}"),
            Target::Container { name, .. } => write!(f, "container {name}"),
            Target::Service(name) => write!(f, "service {name}"),
            Target::Declared(what) => f.write_str(what.name()),
        }
    }
}

impl Action {
    /// The action's name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Action::PullImage { .. } => "pull_image",
            Action::BuildImage { .. } => "build_image",
            Action::BuildStub { .. } => "build_stub",
            Action::CreateNetwork(_) => "create_network",
            Action::RemoveNetwork(_) => "remove_network",
            Action::CreateVolume(_) => "create_volume",
            Action::RemoveVolume(_) => "remove_volume",
            Action::CreateContainer(_) => "create_container",
            Action::CopyFiles { .. } => "copy_files",
            Action::ConnectNetwork { .. } => "connect_network",
            Action::StartContainer(_) => "start_container",
            Action::StopContainer { .. } => "stop_container",
            Action::RestartContainer { .. } => "restart_container",
            Action::RemoveContainer { .. } => "remove_container",
            Action::RenameContainer { .. } => "rename_container",
            Action::Apply(_) => "apply",
            Action::Targets(_) => "targets",
            Action::Wait(_) => "wait",
        }
    }
}
