//! Host ports that pass from one container to another: the old holder is stopped before the new one starts.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::protocol;
use super::observed::ObservedContainer;
use super::operation::{Cause, OperationId};
use super::replicas::{Fate, Replica, Revive};
use super::request::replica_ports;
use super::steps::Steps;
use crate::stack::model::Port;

/// Containers that hold host ports now and are going to be stopped for good.
pub(super) struct Holders<'a>(BTreeMap<(u16, String), Vec<&'a ObservedContainer>>);

impl<'a> Holders<'a> {
    /// Those of these containers that run.
    pub fn of(going: impl IntoIterator<Item = &'a ObservedContainer>) -> Self {
        let mut holders: BTreeMap<_, Vec<&ObservedContainer>> = BTreeMap::new();
        for container in going.into_iter().filter(|container| container.state.is_up()) {
            let published: BTreeSet<(u16, &String)> =
                container.ports.iter().filter_map(|port| Some((port.published?, &port.protocol))).collect();
            for (port, protocol) in published {
                holders.entry((port, protocol.clone())).or_default().push(container);
            }
        }
        Self(holders)
    }

    /// Those that hold one of these ports; of a range the engine takes one that is free.
    fn of_ports(&self, ports: &[Port]) -> impl Iterator<Item = &'a ObservedContainer> {
        let fixed = ports.iter().filter_map(|port| Some((port.published?, protocol(port.protocol))));
        let held = fixed
            .filter(|(range, _)| range.first == range.last)
            .filter_map(|(range, protocol)| self.0.get(&(range.first, protocol.to_owned())));
        held.flatten().copied().collect::<Vec<_>>().into_iter()
    }
}

impl<'a> Steps<'a> {
    /// The stops of other containers that hold a host port which this replica needs.
    pub(super) fn port_holders(
        &self,
        ports: &[Port],
        replica: &Replica<'_>,
        old: Option<&ObservedContainer>,
    ) -> Vec<OperationId> {
        let ports = replica_ports(ports, replica.number);
        let others =
            self.holders.of_ports(&ports).filter(|holder| old.is_none_or(|old| old.name != holder.name));
        others.filter_map(|holder| self.stops.get(&holder.name).copied()).collect()
    }

    /// Stops the containers that hold a host port which another one is going to need. They can't wait for their
    /// dependencies: two that swap ports would wait for each other.
    pub fn release_ports(&mut self) {
        let decisions = self.decisions;
        for decision in decisions.values() {
            for replica in &decision.replicas {
                let own = match &replica.fate {
                    Fate::Create { .. } => None,
                    Fate::Replace { old, .. } => Some(*old),
                    Fate::Keep { container, revive: Revive::Start(_), .. } => Some(*container),
                    Fate::Keep { .. } => continue,
                };
                let ports = replica_ports(&decision.desired.spec.ports, replica.number);
                let others: Vec<_> = self
                    .holders
                    .of_ports(&ports)
                    .filter(|holder| own.is_none_or(|own| own.name != holder.name))
                    .collect();
                for holder in others {
                    let cause = self.cause_of_going(holder);
                    self.stop(holder, &cause, Vec::new());
                }
            }
        }
    }

    fn cause_of_going(&self, container: &ObservedContainer) -> Cause {
        let Some(decision) = self.decisions.get(container.service.as_str()) else { return Cause::Orphan };
        let replaced = decision.replicas.iter().find_map(|replica| match &replica.fate {
            Fate::Replace { old, cause } if old.name == container.name => Some(cause.clone()),
            _ => None,
        });
        replaced.map_or(Cause::ScaledDown, |cause| Cause::Replacing { because: Box::new(cause) })
    }
}
