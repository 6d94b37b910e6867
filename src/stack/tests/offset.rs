//! `--port-offset` in stacks that are built in, written out, and foreign.

use std::path::{Path, PathBuf};

use super::World;
use crate::stack::document::load;
use crate::stack::embedded::{self, Layered};
use crate::stack::files::Memory;
use crate::stack::model::Stack;
use crate::stack::options::LoadOptions;

/// The stack as it is when everything moves by 1000.
fn moved(mut world: World) -> Stack {
    world.options.port_offset = 1000;
    let files = Layered::with_tree(&world.disk, &world.tree);
    load(&world.options, &files).unwrap_or_else(|error| panic!("{error}"))
}

/// A service's published ports and its environment.
fn shown(stack: &Stack, service: &str) -> String {
    let service = &stack.services[service];
    let port = |range: crate::stack::model::PortRange| match range.first == range.last {
        true => range.first.to_string(),
        false => format!("{}-{}", range.first, range.last),
    };
    let ports = service
        .ports
        .iter()
        .map(|found| format!("{}:{}", found.published.map(port).unwrap_or_default(), found.target));
    let variables = service
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or_default()));
    ports.chain(variables).collect::<Vec<_>>().join(" ")
}

const SERVICES: &str = "
services:
  a:
    image: x
    ports: ['${A_PORT:-80}:80', '90:90', {target: 70, published: '${LONG_PORT:-70}'}]
    environment:
      A: 'localhost:${A_PORT:-80},localhost:${LONG_PORT:-70}'
      B: 'localhost:${A_PORT:-80}/${OTHER_PORT:-5000}'
";

#[test]
fn what_knows_vv_moves_its_variables_and_what_doesnt_its_ports_only() {
    let text = format!("x-vv: {{title: A}}\n{SERVICES}");
    let ours = "1080:80 1090:90 1070:70 A=localhost:1080,localhost:1070 B=localhost:1080/5000";
    let shipped = World::new(&[("stacks/mes/compose.yaml", &text)]).stack("mes");
    assert_eq!(shown(&moved(shipped), "a"), ours);
    assert_eq!(shown(&moved(World::new(&[("compose.yaml", &text)])), "a"), ours);
    let foreign = "1080:80 1090:90 1070:70 A=localhost:80,localhost:70 B=localhost:80/5000";
    assert_eq!(shown(&moved(World::new(&[("compose.yaml", SERVICES)])), "a"), foreign);
}

#[test]
fn a_variables_value_moves_as_its_default_does() {
    let text = format!("x-vv: {{}}\n{SERVICES}");
    let world = World::new(&[("compose.yaml", &text), (".env", "A_PORT=8000\n")]).env("LONG_PORT", "7000");
    let wanted = "9000:80 1090:90 8000:70 A=localhost:9000,localhost:8000 B=localhost:9000/5000";
    assert_eq!(shown(&moved(world), "a"), wanted);
}

#[test]
fn a_port_inside_stays_where_it_is() {
    let text = "
x-vv: {}
services:
  a:
    image: x
    ports: ['${APP_PORT:-3000}:${APP_PORT:-3000}', '${FROM_PORT:-9000}-9001:9000-9001']
    environment: {PORT: '${APP_PORT:-3000}', FROM: '${FROM_PORT:-9000}'}
";
    let wanted = "4000:3000 10000:9000 10001:9001 FROM=9000 PORT=3000";
    assert_eq!(shown(&moved(World::new(&[("compose.yaml", text)])), "a"), wanted);
}

#[test]
fn files_that_are_extended_or_included_belong_to_the_stack() {
    let root = "
x-vv: {}
include: [more.yaml]
services:
  a: {extends: {file: base.yaml, service: base}, environment: {OUT: '${MORE_PORT:-100}'}}
";
    let base =
        "services: {base: {image: x, ports: ['${A_PORT:-80}:80'], environment: {IN: '${A_PORT:-80}'}}}";
    let more =
        "services: {b: {image: x, ports: ['${MORE_PORT:-100}:1'], environment: {ALL: '${A_PORT:-80}'}}}";
    let files = [("compose.yaml", root), ("base.yaml", base), ("more.yaml", more)];
    let stack = moved(World::new(&files));
    assert_eq!(shown(&stack, "a"), "1080:80 IN=1080 OUT=1100");
    assert_eq!(shown(&stack, "b"), "1100:1 ALL=1080");
    // The other way round, only what is included knows what its variables are.
    let root = "include: [ours.yaml]\nservices: {c: {image: x, environment: {A: '${A_PORT:-80}'}}}";
    let ours = format!("x-vv: {{}}\n{base}");
    let stack = moved(World::new(&[("compose.yaml", root), ("ours.yaml", &ours)]));
    assert_eq!(shown(&stack, "base"), "1080:80 IN=1080");
    assert_eq!(shown(&stack, "c"), "A=80");
}

#[test]
fn past_the_last_port_is_an_error() {
    let mut world =
        World::new(&[("compose.yaml", &format!("x-vv: {{}}\n{SERVICES}"))]).env("A_PORT", "65000");
    world.options.port_offset = 1000;
    let error = load(&world.options, &Layered::new(&world.disk)).unwrap_err();
    insta::assert_snapshot!(error, @"
    compose.yaml:8:21: services.a.environment.A: 'A_PORT' is 65000, which --port-offset 1000 takes past 65535
    compose.yaml:9:21: services.a.environment.B: 'A_PORT' is 65000, which --port-offset 1000 takes past 65535
    ");
}

/// As `vv eject` writes it.
fn ejected(stack: &str) -> World {
    let mut world = World::new(&[]).file("compose.yaml");
    let home = PathBuf::from("stacks").join(stack);
    for (from, to) in [(home.as_path(), ""), (Path::new("templates"), "templates")] {
        for (path, content) in embedded::files_below(from) {
            let path = Path::new("/w").join(to).join(path.strip_prefix(from).unwrap());
            let text = String::from_utf8_lossy(content).replace("../../templates/", "./templates/");
            world.disk.0.insert(path, text.into_bytes());
        }
    }
    world
}

#[test]
fn a_stack_that_is_written_out_moves_as_the_built_in_one() {
    for name in embedded::names() {
        let nothing = Memory::default();
        let options = LoadOptions {
            cwd: "/w".into(),
            stack: Some(name.into()),
            port_offset: 1000,
            ..Default::default()
        };
        let shipped = load(&options, &Layered::new(&nothing)).unwrap();
        let ejected = moved(ejected(name));
        assert_eq!(
            ejected.services["kafka"].environment["KAFKA_ADVERTISED_LISTENERS"].as_deref(),
            Some("INTERNAL://kafka:9092,EXTERNAL://localhost:10092"),
        );
        for (service, there) in &shipped.services {
            assert_eq!(shown(&ejected, service), shown(&shipped, service), "{name}");
            assert_eq!(ejected.services[service].vv, there.vv, "{name}: {service}");
        }
    }
}

#[test]
fn every_port_variable_of_a_shipped_stack_is_a_published_port() {
    for name in embedded::names() {
        let text = |offset: u16| {
            let options = LoadOptions {
                cwd: "/w".into(),
                stack: Some(name.into()),
                port_offset: offset,
                // Whatever stays as it is shows its own name.
                env: embedded::files_below(Path::new(""))
                    .iter()
                    .flat_map(|(_, content)| port_variables(&String::from_utf8_lossy(content)))
                    .enumerate()
                    .map(|(index, variable)| (variable, (20_000 + index).to_string()))
                    .collect(),
                ..Default::default()
            };
            let stack = load(&options, &Layered::new(&Memory::default())).unwrap();
            format!("{:?}", stack.services)
        };
        let numbers = |text: &str| -> Vec<u32> {
            let words = text.split(|c: char| !c.is_ascii_digit());
            words.filter_map(|word| word.parse().ok()).filter(|n| (20_000..30_000).contains(n)).collect()
        };
        let (plain, moved) = (numbers(&text(0)), numbers(&text(5000)));
        assert!(plain.len() > 3, "{name}: {plain:?}");
        assert_eq!(moved, plain.iter().map(|port| port + 5000).collect::<Vec<_>>(), "{name}");
    }
}

/// The `${NAME_PORT` of a text, each once.
fn port_variables(text: &str) -> std::collections::BTreeSet<String> {
    let name = |rest: &str| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        rest[..end].to_owned()
    };
    text.split("${").skip(1).map(name).filter(|name| name.ends_with("_PORT")).collect()
}
