//! Kong's entities: what is declared, how the gateway differs from it, how the difference is carried out, and whether
//! each route answers.
//!
//! [`read`] makes a [`declaration`] of a text, [`expand`] puts replicas in the place of services, [`plan`] compares it
//! with what the [`gateway`] holds, [`dump`] writes what it holds as a text: all of these are pure. Effects go through
//! [`admin`] (the Admin API) and [`prove`] (the proxy).

pub mod address;
pub mod admin;
pub mod apply;
pub mod declaration;
pub mod dump;
pub mod expand;
pub mod gateway;
pub mod kind;
pub mod plan;
pub mod prove;
pub mod read;
pub mod report;
pub mod schema;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod words;

/// The tag and the name of what vv makes to ask with, and deletes again: never declared, never drift, never undeclared.
pub const PROBE: &str = "vv-probe";

/// What the tag of a target begins with that stands for a replica of a service.
pub const REPLICA_TAG: &str = "vv-replica:";

/// The tag of a target that stands for a replica of this service: its host needn't tell.
pub fn replica_tag(service: &str) -> String {
    format!("{REPLICA_TAG}{service}")
}

/// What the tag of a probe begins with that tells on which host it was made.
pub const HOST_TAG: &str = "vv-host:";

/// The tag of a probe that was made on this host. Kong takes no ',' and no '/' in a tag.
pub fn host_tag(host: &str) -> String {
    format!("{HOST_TAG}{}", host.replace([',', '/'], "-"))
}

/// What the tag of what a stack owns begins with.
pub const OWNER_TAG: &str = "vv:";

/// The tag of what a stack owns.
pub fn owner_tag(stack: &str) -> String {
    format!("{OWNER_TAG}{stack}")
}
