//! What a declaration means, and where it comes from.

use std::path::Path;

use crate::stack::document::load;
use crate::stack::embedded::Layered;
use crate::stack::files::Memory;
use crate::stack::merged::Env;
use crate::stack::options::LoadOptions;
use crate::stack::testing::{files, options};
use crate::topics::declaration::Declaration;
use crate::topics::read::{declared, read_file};
use crate::topics::testing::{declaration, read_with};

/// A topic a line.
fn told(declaration: &Declaration) -> String {
    let line = |topic: &crate::topics::declaration::Topic| {
        let number = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
        let config: Vec<String> = topic
            .config
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("(none)")))
            .collect();
        let people = [&topic.owner, &topic.description].map(|text| text.as_deref().unwrap_or("-"));
        format!(
            "{} {} {} [{}] {} ({})",
            topic.name,
            number(topic.partitions),
            number(topic.replication_factor.map(u32::from)),
            config.join(" "),
            people.join(" | "),
            topic.mark,
        )
    };
    declaration.topics.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn defaults_groups_and_topics_lie_on_top_of_each_other() {
    let text = "
x-week: &week {retention.ms: 604800000}
defaults:
  partitions: 3
  replication_factor: ${REPLICAS:-1}
  config: {<<: *week, cleanup.policy: delete}
topics:
  - audit
  - name: prices
    partitions: 12
    replication_factor: -1
    config: {cleanup.policy: [compact, delete], retention.ms: null, min.cleanable.dirty.ratio: 0.50}
    owner: pricing
    description: What things cost
groups:
  - prefix: orders.
    owner: order-service
    description: All about orders
    partitions: -1
    config: {preallocate: TRUE, segment.ms: ' 1000 '}
    topics:
      - placed
      - {name: shipped, partitions: 6, owner: shipping, config: {retention.ms: \"-1\"}}
  - {prefix: '${NONE:-}', topics: [last]}
";
    insta::assert_snapshot!(told(&declaration(text)));
    let production = read_with(text, &[("REPLICAS", "3")]).unwrap();
    let replicas: Vec<Option<u16>> = production.topics.iter().map(|topic| topic.replication_factor).collect();
    assert_eq!(replicas, [Some(3), None, Some(3), Some(3), Some(3)]);
}

#[test]
fn a_plain_list_is_a_declaration() {
    let declaration = declaration("- a\n- {name: b, partitions: 2}\n- $$c\n".replace("$$c", "c").as_str());
    assert_eq!(declaration.names(), ["a", "b", "c"]);
    assert_eq!(declaration.get("b").and_then(|topic| topic.partitions), Some(2));
    assert_eq!(super::declaration("topics: []").names(), Vec::<String>::new());
    assert_eq!(super::declaration("[]").names(), Vec::<String>::new());
}

/// What a stack in `/w/compose.yaml` declares, or what is wrong.
fn of_stack(text: &str, others: &[(&str, &str)]) -> Result<Option<Declaration>, String> {
    let memory = files(&[&[("compose.yaml", text)], others].concat());
    let files = Layered::new(&memory);
    let stack = load(&options(), &files).map_err(|error| error.to_string())?;
    declared(&stack, &files, Path::new("/w")).map_err(|error| error.to_string())
}

#[test]
fn a_stack_names_a_file_or_has_the_list() {
    const SERVICES: &str = "services: {a: {image: x}}\n";
    let of = |vv: &str, others: &[(&str, &str)]| match of_stack(&format!("{SERVICES}x-vv: {vv}\n"), others) {
        Ok(Some(declaration)) => {
            let warnings: String =
                declaration.warnings.iter().map(|warning| format!("\nwarning: {warning}")).collect();
            told(&declaration) + &warnings
        }
        Ok(None) => "nothing".to_owned(),
        Err(problems) => problems,
    };
    let file = [("kafka/topics.yml", "- ${SET}\n- {name: b, partitions: ${UNSET:-5}}\n- 'c${UNSET}'\n")];
    let bad = [("kafka/topics.yml", "- a b\n")];
    let told = [
        of("{title: none}", &[]),
        of(
            "{topics: kafka/topics.yml}",
            &[("kafka/topics.yml", "- {name: b, partitions: '${UNSET:-5}'}\n- 'c${UNSET}'\n")],
        ),
        of("{topics: './kafka/../kafka/topics.yml'}", &bad),
        of("{topics: kafka/topics.yaml}", &file),
        of("{topics: kafka}", &file),
        of("{topics: [a, {name: b, partitions: '${UNSET:-7}'}]}", &[]),
        of("{topics: {defaults: {partitions: 2}, topics: [a]}}", &[]),
        of("{topics: [a b, {name: c, partition: 1}]}", &[]),
        of("{topics: {topic: [a]}}", &[]),
        of("{topics: 5}", &[]),
        of("{topics: ''}", &[]),
    ];
    insta::assert_snapshot!(told.join("\n---\n"));
}

#[test]
fn an_embedded_stack_brings_its_own_file() {
    let tree = Memory(
        [
            (
                "stacks/mes/compose.yaml",
                "services: {a: {image: x}}\nx-vv: {topics: ../../templates/topics.yml}\n",
            ),
            ("templates/topics.yml", "- {name: a, replication_factor: \"${REPLICAS}\"}\n- a\n"),
        ]
        .map(|(path, text)| (path.into(), text.as_bytes().to_vec()))
        .into(),
    );
    let disk = files(&[(".env", "REPLICAS=3")]);
    let files = Layered::with_tree(&disk, &tree);
    let options = LoadOptions { stack: Some("mes".into()), files: Vec::new(), ..options() };
    let stack = load(&options, &files).unwrap();
    let error = declared(&stack, &files, Path::new("/w")).unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"vv://templates/topics.yml:2:3: [1]: the topic 'a' is already declared, in line 1, column 10");
}

#[test]
fn a_file_of_the_command_line_has_the_stacks_variables() {
    let disk = files(&[("there/topics.yml", "- {name: a, partitions: '${P}'}"), ("empty.yml", "\n")]);
    let env = Env([("P".to_owned(), "4".to_owned())].into());
    let read = |path: &str| {
        let read = read_file(Path::new(path), &env, &disk, Path::new("/w"));
        read.map(|declaration| told(&declaration)).unwrap_or_else(|error| error.to_string())
    };
    let files = Memory([("-".into(), b"- a b".to_vec())].into());
    let stdin = read_file(Path::new("-"), &env, &files, Path::new("/w")).unwrap_err().to_string();
    assert!(stdin.starts_with("stdin:1:3: [0]: "), "{stdin}");
    insta::assert_snapshot!(
        [
            read("there/topics.yml"),
            read("/w/there/topics.yml"),
            read("topics.yml"),
            read("there/topic.yml"),
            read("empty.yml")
        ]
        .join("\n")
    );
}

/// The names are those of the platform's own page, in its order.
#[test]
fn the_mes_declares_what_its_page_lists() {
    for (replicas, wanted) in [("", 1), ("3", 3)] {
        let env = [("KAFKA_REPLICATION_FACTOR".to_owned(), replicas.to_owned())];
        let options = LoadOptions {
            cwd: "/w".into(),
            stack: Some("mes".into()),
            env: env.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            ..Default::default()
        };
        let nothing = Memory::default();
        let layered = Layered::new(&nothing);
        let stack = load(&options, &layered).unwrap_or_else(|error| panic!("{error}"));
        let declaration =
            declared(&stack, &layered, Path::new("/w")).unwrap_or_else(|error| panic!("{error}")).unwrap();
        assert_eq!(declaration.warnings, Vec::<String>::new());
        let names: Vec<&str> = declaration.topics.iter().map(|topic| topic.name.as_str()).collect();
        let listed = include_str!("../../../tests/fixtures/mes-topics.txt");
        assert_eq!(names, listed.lines().collect::<Vec<_>>());
        for topic in &declaration.topics {
            assert!(topic.partitions.is_some_and(|count| (1..=5).contains(&count)), "{topic:?}");
            assert_eq!(topic.replication_factor, Some(wanted), "{topic:?}");
            assert_eq!(topic.config.len(), 1, "{topic:?}");
            assert_eq!(topic.config["retention.ms"].as_deref(), Some("604800000"), "{topic:?}");
            assert!(topic.owner.is_some() && topic.description.is_some(), "{topic:?}");
        }
    }
}
