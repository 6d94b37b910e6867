//! `deploy`, and the limits beside it, as Compose writes them.

use serde_yaml::{Mapping, Value};

use super::values::{Block, Form, from_node};
use crate::stack::model::Service;
use crate::stack::node::{self, Node};
use crate::stack::units;

/// `deploy` as it stands in the text, with its keys in Compose's order and amounts in bytes.
pub(super) fn render(source: &Node, form: Form) -> Option<Value> {
    let deploy = source.get("deploy")?;
    deploy.as_mapping()?;
    let mut block = Block::default();
    for key in [
        "mode",
        "replicas",
        "labels",
        "update_config",
        "rollback_config",
        "resources",
        "restart_policy",
        "placement",
        "endpoint_mode",
    ] {
        let Some(node) = deploy.get(key).filter(|node| node.value != node::Value::Null) else {
            if matches!(key, "resources" | "placement") {
                block.structure(key, Mapping::new(), form);
            }
            continue;
        };
        let value = match key {
            "replicas" => integer(node),
            "labels" => labels(node),
            "resources" => resources(node),
            "restart_policy" => mapping(node, |key, node| match key {
                "max_attempts" => integer(node),
                _ => duration(node),
            }),
            "update_config" | "rollback_config" => mapping(node, |key, node| match key {
                "parallelism" => integer(node),
                "max_failure_ratio" => number(node),
                _ => duration(node),
            }),
            _ => from_node(node),
        };
        block.put(key, value);
    }
    block.extensions(deploy);
    Some(block.into())
}

/// `cpus`, `mem_limit` and their like, where they stand beside `deploy`.
pub(super) fn beside(block: &mut Block, service: &Service, source: &Node, keys: &[&str]) {
    let resources = &service.resources;
    for key in keys {
        if source.get(key).is_none_or(|node| node.value == node::Value::Null) {
            continue;
        }
        let bytes = |amount: Option<u64>| amount.map(|bytes| Value::from(bytes.to_string()));
        let value = match *key {
            "cpus" => resources.nano_cpus.map(|nano| Value::from(nano as f64 / 1e9)),
            "mem_limit" => bytes(resources.memory),
            "mem_reservation" => bytes(resources.memory_reservation),
            "memswap_limit" => resources.memory_swap.map(|bytes| Value::from(bytes.to_string())),
            "pids_limit" => resources.pids.map(Value::from),
            "cpu_shares" => resources.cpu_shares.map(Value::from),
            "scale" => Some(Value::from(service.replicas)),
            _ => None,
        };
        block.option(key, value);
    }
}

fn mapping(node: &Node, value: impl Fn(&str, &Node) -> Value) -> Value {
    let entries = node.as_mapping().into_iter().flatten();
    entries
        .map(|(key, entry)| (Value::from(key.as_str()), value(key, &entry.node)))
        .collect::<Mapping>()
        .into()
}

fn resources(node: &Node) -> Value {
    let parts = ["limits", "reservations"].into_iter().filter_map(|key| Some((key, node.get(key)?)));
    let part = |part: &Node| {
        // Sorted, as Compose has them.
        let mut entries: Vec<_> = part.as_mapping().into_iter().flatten().collect();
        entries.sort_by_key(|(key, _)| *key);
        let amount = |key: &str, node: &Node| match key {
            "cpus" => number(node),
            "pids" => integer(node),
            "memory" => match &node.value {
                node::Value::String(text) => units::bytes(text).map(|bytes| bytes.to_string().into()),
                node::Value::Int(bytes) => Some(bytes.to_string().into()),
                _ => None,
            }
            .unwrap_or_else(|| from_node(node)),
            _ => from_node(node),
        };
        let entries =
            entries.into_iter().map(|(key, entry)| (Value::from(key.as_str()), amount(key, &entry.node)));
        Value::from(entries.collect::<Mapping>())
    };
    parts.map(|(key, node)| (Value::from(key), part(node))).collect::<Mapping>().into()
}

fn labels(node: &Node) -> Value {
    match &node.value {
        node::Value::Sequence(items) => {
            let pair = |item: &Node| {
                let text = item.as_str()?;
                let (key, value) = text.split_once('=').unwrap_or((text, ""));
                Some((Value::from(key), Value::from(value)))
            };
            items.iter().filter_map(pair).collect::<Mapping>().into()
        }
        _ => mapping(node, |_, node| crate::stack::scalar::text_of(&node.value).unwrap_or_default().into()),
    }
}

fn integer(node: &Node) -> Value {
    node.as_str().and_then(units::integer).map_or_else(|| from_node(node), Value::from)
}

fn number(node: &Node) -> Value {
    match node.value {
        node::Value::Int(number) => (number as f64).into(),
        _ => node
            .as_str()
            .and_then(|text| text.parse::<f64>().ok())
            .map_or_else(|| from_node(node), Value::from),
    }
}

fn duration(node: &Node) -> Value {
    match node.as_str().and_then(units::duration) {
        Some(duration) => units::format_duration(duration).into(),
        None => from_node(node),
    }
}
