//! How many replicas a service should have, and whether it can.

use super::input::{PlanError, StartRequest};
use crate::failure::Kind;
use crate::stack::model::Service;

/// How many replicas there should be, of which `added` are there by `vv scale` beyond the file's.
pub(super) fn count(
    request: &StartRequest,
    service: &Service,
    added: usize,
    notes: &mut Vec<String>,
) -> Result<u32, PlanError> {
    let name = &service.name;
    let asked = request.scale.get(name).copied();
    let count = match asked {
        Some(count) => {
            notes.extend(outside_the_range(service, count));
            count
        }
        None if request.reset_scale || added == 0 => service.replicas,
        None => {
            notes.push(format!(
                "{name}: `vv scale` has added {added}, which a start keeps (--reset-scale removes them)"
            ));
            service.replicas + u32::try_from(added).unwrap_or(u32::MAX - service.replicas)
        }
    };
    if count < 2 {
        return Ok(count);
    }
    match only_one_can_have(service) {
        None => Ok(count),
        Some(only) => {
            let kind = if asked.is_some() { Kind::Usage } else { Kind::InvalidStack };
            let message = format!(
                "service {name} can't have {count} replicas: its {} is fixed to {}, which only one can have",
                only.key, only.value
            );
            Err(PlanError::new(message)
                .of(kind)
                .hint(format!("remove {} from service {name}, or keep to one replica", only.key)))
        }
    }
}

fn outside_the_range(service: &Service, count: u32) -> Option<String> {
    let range = service.vv.scale.as_ref().filter(|range| !(range.min..=range.max).contains(&count))?;
    let replicas = if count == 1 { "1 replica is".to_owned() } else { format!("{count} replicas are") };
    let meant = match (range.min, range.max) {
        (min, max) if min == max => format!("{min} that the stack gives"),
        (min, max) => format!("range of {min} to {max} that the stack gives"),
    };
    let what = if range.min == range.max { "not the" } else { "outside the" };
    Some(format!("{}: {replicas} {what} {meant}", service.name))
}

/// What a file gives to each container of a service although only one can have it.
struct OnlyOne {
    key: String,
    value: String,
}

fn only_one_can_have(service: &Service) -> Option<OnlyOne> {
    let only = |key: String, value: &Option<String>| value.clone().map(|value| OnlyOne { key, value });
    only("container_name".into(), &service.container_name).or_else(|| {
        service.networks.iter().find_map(|(network, attachment)| {
            let below = |key: &str| format!("networks.{network}.{key}");
            only(below("ipv4_address"), &attachment.ipv4_address)
                .or_else(|| only(below("ipv6_address"), &attachment.ipv6_address))
                .or_else(|| only("mac_address".into(), &attachment.mac_address))
        })
    })
}
