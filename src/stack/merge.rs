//! Compose's merge: a document on top of another, and a service on top of the one it extends.
//!
//! The rules are those of the Compose specification, "Merge", in the details of compose-go's `override` package:
//! mappings merge, lists append, scalars replace; the exceptions are in [`rule`]. What a list repeats is dealt with
//! once everything is merged, by [`super::unique`].

use indexmap::IndexMap;

use super::findings::{Findings, Path};
use super::node::{Entry, MergeTag, Node, Value};
use super::scalar;

/// How two values at a place become one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// By their kind: mappings merge, lists append, the rest is replaced.
    Kind,
    /// The later one stands alone: a command isn't appended to.
    Replace,
    /// `K=V` lists and mappings become one mapping.
    KeyValues,
    /// A text is a list of one; lists append.
    List,
    /// A text is a build with that context.
    Build,
    /// A list of names is a mapping to nothing.
    Names,
    /// A list of names is a mapping to the default dependency.
    Dependencies,
    /// Appended, `host: address` written as `host=address`, but what is already there isn't repeated.
    Hosts,
    /// Options are merged for the same driver only.
    Logging,
    /// Address pools are matched by their subnet.
    Pools,
}

fn rule(path: &[&str]) -> Rule {
    match path {
        ["networks", _, "ipam", "config"] => Rule::Pools,
        ["networks" | "volumes", _, "labels"] => Rule::KeyValues,
        ["networks" | "volumes", _, "labels", _] => Rule::Replace,
        ["services", _, rest @ ..] => match rest {
            ["annotations" | "environment" | "labels" | "sysctls"]
            | ["build", "args" | "additional_contexts" | "labels"]
            | ["deploy", "labels"] => Rule::KeyValues,
            // A variable without a value replaces one that has it.
            ["annotations" | "environment" | "labels" | "sysctls", _]
            | ["build", "args" | "additional_contexts" | "labels", _]
            | ["deploy", "labels", _] => Rule::Replace,
            ["command" | "entrypoint"] | ["healthcheck", "test"] | ["ulimits", _] => Rule::Replace,
            ["dns" | "dns_opt" | "dns_search" | "env_file" | "label_file" | "tmpfs"] => Rule::List,
            ["build", "extra_hosts"] | ["extra_hosts"] => Rule::Hosts,
            ["networks" | "models"] => Rule::Names,
            ["depends_on"] => Rule::Dependencies,
            ["logging"] => Rule::Logging,
            ["build"] => Rule::Build,
            _ => Rule::Kind,
        },
        _ => Rule::Kind,
    }
}

/// Puts `over` on top of `base`. `path` is where both stand: empty for whole documents.
///
/// A `!reset` node stays as a marker, so that it also removes what a third document below has; [`strip`] ends that.
pub fn merge(base: Node, over: Node, path: &mut Path, findings: &mut Findings) -> Node {
    if over.tag != MergeTag::None || base.tag == MergeTag::Reset {
        return over;
    }
    let rule = rule(&path.parts());
    if rule == Rule::Replace {
        return over;
    }
    if matches!(over.value, Value::Null) {
        return base;
    }
    match rule {
        Rule::Replace | Rule::Kind => by_kind(base, over, path, findings),
        Rule::KeyValues => by_kind(key_values(list(base)), key_values(list(over)), path, findings),
        Rule::List => by_kind(list(base), list(over), path, findings),
        Rule::Build => by_kind(build(base), build(over), path, findings),
        Rule::Names => by_kind(names(base, &[]), names(over, &[]), path, findings),
        Rule::Dependencies => {
            let started =
                [("condition", Value::String("service_started".into())), ("required", Value::Bool(true))];
            by_kind(names(base, &started), names(over, &started), path, findings)
        }
        Rule::Hosts => {
            let (base, mut over) = (equations(base), equations(over));
            if let (Value::Sequence(there), Value::Sequence(new)) = (&base.value, &mut over.value) {
                new.retain(|item| !there.iter().any(|other| same(item, other)));
            }
            by_kind(base, over, path, findings)
        }
        Rule::Logging => {
            let driver = |node: &Node| node.get("driver").map(|driver| driver.value.clone());
            match (driver(&base), driver(&over)) {
                (Some(one), Some(other)) if one != other => over,
                _ => by_kind(base, over, path, findings),
            }
        }
        Rule::Pools => pools(base, over, path, findings),
    }
}

fn by_kind(base: Node, over: Node, path: &mut Path, findings: &mut Findings) -> Node {
    let (kind, mark) = (base.kind(), base.mark);
    let value = match (base.value, over.value) {
        (Value::Mapping(mut entries), Value::Mapping(new)) => {
            for (key, entry) in new {
                let merged = match entries.get_mut(&key) {
                    Some(there) => {
                        let below = std::mem::replace(&mut there.node, placeholder(&entry.node));
                        let node = merge(below, entry.node, path.key(&key), findings);
                        path.up();
                        Entry { key: entry.key, node }
                    }
                    None => entry,
                };
                entries.insert(key, merged);
            }
            Value::Mapping(entries)
        }
        (Value::Sequence(mut items), Value::Sequence(new)) => {
            items.extend(new);
            Value::Sequence(items)
        }
        (below @ (Value::Mapping(_) | Value::Sequence(_)), new) => {
            let over = Node { value: new, mark: over.mark, tag: over.tag };
            let message = format!("{} can't be merged with {kind}, which stands in {mark}", over.kind());
            findings.problem(Some(over.mark), path, message);
            return Node { value: below, mark, tag: base.tag };
        }
        (_, new) => return Node { value: new, mark: over.mark, tag: over.tag },
    };
    // A base that a `!override` brought in still replaces what further documents below have.
    Node { value, mark: over.mark, tag: base.tag }
}

/// What stands for a value while it is being merged.
fn placeholder(like: &Node) -> Node {
    Node { value: Value::Null, mark: like.mark.clone(), tag: MergeTag::None }
}

/// `[K=V, K]` as a mapping; a later one of the same key wins. What can't be one is left to the model's complaint.
fn key_values(node: Node) -> Node {
    let Value::Sequence(items) = &node.value else { return node };
    if !items.iter().all(|item| item.as_str().is_some()) {
        return node;
    }
    let mut entries = IndexMap::new();
    for item in items {
        let text = item.as_str().unwrap_or_default();
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Value::String(value.into())),
            None => (text, Value::Null),
        };
        let value = Node { value, mark: item.mark.clone(), tag: MergeTag::None };
        entries.insert(key.to_owned(), Entry { key: item.mark.clone(), node: value });
    }
    Node { value: Value::Mapping(entries), ..node }
}

fn list(node: Node) -> Node {
    match node.value {
        Value::String(_) => {
            let (mark, tag) = (node.mark.clone(), node.tag);
            let item = Node { tag: MergeTag::None, ..node };
            Node { value: Value::Sequence(vec![item]), mark, tag }
        }
        _ => node,
    }
}

fn build(node: Node) -> Node {
    match node.value {
        Value::String(_) => {
            let (mark, tag) = (node.mark.clone(), node.tag);
            let context = Node { tag: MergeTag::None, ..node };
            let entries = IndexMap::from([("context".into(), Entry { key: mark.clone(), node: context })]);
            Node { value: Value::Mapping(entries), mark, tag }
        }
        _ => node,
    }
}

/// `[a, b]` as `{a: value, b: value}`, where the value is a mapping, or nothing for an empty one.
fn names(node: Node, value: &[(&str, Value)]) -> Node {
    let Value::Sequence(items) = &node.value else { return node };
    if !items.iter().all(|item| item.as_str().is_some()) {
        return node;
    }
    let entries = items.iter().map(|item| {
        let at = |value: Value| Node { value, mark: item.mark.clone(), tag: MergeTag::None };
        let fields = value.iter().map(|(key, value)| {
            ((*key).to_owned(), Entry { key: item.mark.clone(), node: at(value.clone()) })
        });
        let value = match value {
            [] => Value::Null,
            _ => Value::Mapping(fields.collect()),
        };
        (item.as_str().unwrap_or_default().to_owned(), Entry { key: item.mark.clone(), node: at(value) })
    });
    Node { value: Value::Mapping(entries.collect()), mark: node.mark.clone(), tag: node.tag }
}

/// `{host: address}` or `{host: [address, address]}` as `[host=address, …]`.
fn equations(node: Node) -> Node {
    let Value::Mapping(entries) = &node.value else { return list(node) };
    let mut items = Vec::new();
    for (key, entry) in entries {
        let values = match &entry.node.value {
            Value::Sequence(values) => values.iter().collect(),
            _ => vec![&entry.node],
        };
        items.extend(values.into_iter().map(|value| {
            let text = match scalar::text_of(&value.value) {
                Some(text) => format!("{key}={text}"),
                None => key.clone(),
            };
            Node { value: Value::String(text), mark: value.mark.clone(), tag: MergeTag::None }
        }));
    }
    Node { value: Value::Sequence(items), mark: node.mark.clone(), tag: node.tag }
}

/// As compose-go does it: a pool of another subnet takes the place of what is there.
fn pools(base: Node, over: Node, path: &mut Path, findings: &mut Findings) -> Node {
    let (Value::Sequence(there), Value::Sequence(new)) = (&base.value, &over.value) else {
        return by_kind(base, over, path, findings);
    };
    let subnet = |node: &Node| node.get("subnet").map(|subnet| subnet.value.clone());
    let mut merged: Vec<Node> = Vec::new();
    for original in there {
        for replacement in new {
            let known = |merged: &[Node], wanted| merged.iter().position(|pool| subnet(pool) == wanted);
            if subnet(original) != subnet(replacement) && known(&merged, subnet(replacement)).is_none() {
                merged.push(replacement.clone());
                continue;
            }
            let pool = by_kind(original.clone(), replacement.clone(), path, findings);
            match known(&merged, subnet(&pool)) {
                Some(index) => merged[index] = pool,
                None => merged.push(pool),
            }
        }
    }
    Node { value: Value::Sequence(merged), mark: over.mark, tag: base.tag }
}

/// Ends merging: `!reset` nodes go, tags go.
pub fn strip(node: &mut Node) {
    node.tag = MergeTag::None;
    match &mut node.value {
        Value::Sequence(items) => {
            items.retain(|item| item.tag != MergeTag::Reset);
            items.iter_mut().for_each(strip);
        }
        Value::Mapping(entries) => {
            entries.retain(|_, entry| entry.node.tag != MergeTag::Reset);
            entries.values_mut().for_each(|entry| strip(&mut entry.node));
        }
        _ => {}
    }
}

/// Whether two nodes say the same, wherever they stand. The order of a mapping's keys says nothing.
pub fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Sequence(one), Value::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Mapping(one), Value::Mapping(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, entry)| other.get(key).is_some_and(|other| same(&entry.node, &other.node)))
        }
        (Value::Float(one, _), Value::Float(other, _)) => one.to_bits() == other.to_bits(),
        (one, other) => one == other,
    }
}
