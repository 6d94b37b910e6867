//! No document makes the loader panic.

use std::path::PathBuf;

use crate::stack::document::Document;
use crate::stack::embedded::Layered;
use crate::stack::load::read_stack;
use crate::stack::merged::Merged;
use crate::stack::node::{Node, Value};
use crate::stack::testing::{files, options};
use crate::stack::{config, files::Memory};

/// Something of everything.
const RICH: &str = include_str!("rich.yaml");

fn rich() -> Memory {
    let mut memory = files(&[("web.env", "A=1\nB"), ("web.labels", "l=1"), ("conf", "c"), ("secret", "s")]);
    memory.0.insert(PathBuf::from("/w/compose.yaml"), RICH.into());
    memory
}

#[test]
fn every_value_may_be_anything() {
    let memory = rich();
    let files = Layered::new(&memory);
    let merged = read_stack(&options(), &files).unwrap();
    let document = Document::read(merged.clone(), &files);
    let stack = document.stack(&[]).unwrap_or_else(|error| panic!("{error}"));
    assert!(!config::yaml(&stack, &document).is_empty());

    let mark = merged.root.mark.clone();
    let node = |value| Node { value, mark: mark.clone(), tag: Default::default() };
    let texts = [
        "",
        " ",
        ":",
        "/",
        "a:b:c:d",
        "-1",
        "1e400",
        "99999999999999999999",
        "service:",
        "[",
        "🦀:/🦀",
        "-",
        "1-0",
        "=",
        "$",
        "x-",
    ];
    let strange = [
        Value::Null,
        Value::Int(i64::MIN),
        Value::Float(f64::NAN, ".nan".into()),
        Value::Sequence(vec![node(Value::Null)]),
        Value::Sequence(texts.map(|text| node(Value::String(text.into()))).into()),
        Value::Mapping(Default::default()),
    ];
    let try_it = |root: Node| {
        let document = Document::read(Merged { root, port_offset: 1000, ..merged.clone() }, &files);
        if let Ok(stack) = document.stack(&["web".into()]) {
            config::yaml(&stack, &document);
            config::json(&stack, &document).unwrap();
        }
    };
    let places = count(&merged.root);
    assert!(places > 300, "{places}");
    for place in 0..places {
        // All texts at all places would take half a minute; neighbours are alike.
        let some = (0..4).map(|i| Value::String(texts[(place * 4 + i) % texts.len()].into()));
        for value in strange.iter().cloned().chain(some) {
            let mut root = merged.root.clone();
            replace(&mut root, &mut place.clone(), &value);
            try_it(root);
        }
    }
    for text in texts {
        let mut root = merged.root.clone();
        replace_scalars(&mut root, text);
        try_it(root);
    }
}

fn replace_scalars(node: &mut Node, text: &str) {
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().for_each(|item| replace_scalars(item, text)),
        Value::Mapping(entries) => {
            entries.values_mut().for_each(|entry| replace_scalars(&mut entry.node, text))
        }
        scalar => *scalar = Value::String(text.into()),
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Sequence(items) => items.iter().map(count).sum(),
        Value::Mapping(entries) => entries.values().map(|entry| count(&entry.node)).sum(),
        _ => 0,
    }
}

/// Puts a value in place of the node that comes at this place in the document's order.
fn replace(node: &mut Node, place: &mut usize, value: &Value) -> bool {
    if *place == 0 {
        node.value = value.clone();
        return true;
    }
    *place -= 1;
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().any(|item| replace(item, place, value)),
        Value::Mapping(entries) => entries.values_mut().any(|entry| replace(&mut entry.node, place, value)),
        _ => false,
    }
}
