//! Stacks as a whole: profiles, names, offsets, what commands look up.

use std::path::Path;

use crate::stack::document::load_selected;
use crate::stack::embedded::Layered;
use crate::stack::files::Memory;
use crate::stack::model::{FileSource, Stack};
use crate::stack::options::LoadOptions;
use crate::stack::testing::{files, load, load_with, options, stack};

fn names(stack: &Stack) -> (Vec<&str>, Vec<&str>) {
    (stack.services.keys().map(String::as_str).collect(), stack.inactive.keys().map(String::as_str).collect())
}

const PROFILES: &str = "
services:
  always: {image: x}
  debug: {image: x, profiles: [debug], networks: [back], volumes: ['v:/v']}
  tool: {image: x, profiles: [debug, tools], depends_on: [debug]}
networks: {back: , unused: }
volumes: {v: , unused: }
";

#[test]
fn profiles_choose_who_takes_part() {
    let load = |profiles: &[&str], named: &[&str]| {
        let options =
            LoadOptions { profiles: profiles.iter().map(ToString::to_string).collect(), ..options() };
        load_with(PROFILES, &[], &options, named)
    };
    let stack = load(&[], &[]).unwrap();
    assert_eq!(names(&stack), (vec!["always"], vec!["debug", "tool"]));
    assert_eq!(stack.networks.keys().collect::<Vec<_>>(), ["default"]);
    assert!(stack.volumes.is_empty());
    for (profiles, named) in [(&["debug"][..], &[][..]), (&["*"], &[]), (&[], &["tool"]), (&[], &["debug"])] {
        let stack = load(profiles, named).unwrap();
        assert_eq!(names(&stack).0, ["always", "debug", "tool"], "{profiles:?} {named:?}");
        assert_eq!(stack.networks["back"].name, "w_back");
        assert_eq!(stack.volumes["v"].name, "w_v");
    }
    insta::assert_snapshot!(load(&["tools"], &[]).unwrap_err(), @"compose.yaml:5:59: services.tool.depends_on.debug: needs 'debug', which is only there with the profile debug; switch it on with --profile");
    assert_eq!(names(&load(&[], &["nobody"]).unwrap()).0, ["always"]);
}

#[test]
fn optional_dependencies_that_are_kept_out_are_not_waited_for() {
    let stack = stack(
        "services: {a: {image: x, depends_on: {b: {condition: service_healthy, required: false}}}, b: {image: x, profiles: [p]}}",
    );
    assert!(stack.services["a"].depends_on.is_empty());
}

#[test]
fn names_on_the_engine() {
    let stack = stack(
        "
name: proj
services:
  a: {build: ., networks: [plain, named, out, old], volumes: ['v:/v', 'w:/w', 'x:/x']}
networks: {plain: , named: {name: n}, out: {external: true}, old: {external: {name: legacy}}}
volumes: {v: , w: {name: wide}, x: {external: true, name: other}}
",
    );
    assert_eq!(stack.services["a"].image, "proj-a");
    let networks: Vec<_> = stack.networks.values().map(|n| (n.name.as_str(), n.external)).collect();
    assert_eq!(networks, [("proj_plain", false), ("n", false), ("out", true), ("legacy", true)]);
    let volumes: Vec<_> = stack.volumes.values().map(|v| (v.name.as_str(), v.external)).collect();
    assert_eq!(volumes, [("proj_v", false), ("wide", false), ("other", true)]);
}

#[test]
fn host_ports_published_twice_are_worth_saying() {
    let stack = stack(
        "
services:
  a: {image: x, ports: ['8080:80', '8080:80', '127.0.0.1:9000:80', '53:53/udp']}
  b: {image: x, ports: ['8080:81', '127.0.0.2:9000:80', '53:53/tcp']}
  c: {image: x, ports: ['0.0.0.0:9000:1']}
",
    );
    assert_eq!(stack.services["a"].ports.len(), 3);
    insta::assert_snapshot!(stack.warnings.join("\n"), @"
    compose.yaml:4:17: services.b.ports: the host's port 8080 is published by 'a', too: only one of the two can run
    compose.yaml:5:17: services.c.ports: the host's port 9000 is published by 'a', too: only one of the two can run
    ");
}

#[test]
fn the_offset_moves_literal_ports_once() {
    let text = "
services:
  a:
    image: x
    ports: ['8080:80', '${WEB_PORT:-9000}:81', '82', '0:83', {target: 84, published: 8084}, '9100-9101:85']
";
    let shifted = LoadOptions { port_offset: 1000, ..options() };
    let stack = load_with(text, &[], &shifted, &[]).unwrap();
    let ports: Vec<_> =
        stack.services["a"].ports.iter().map(|port| port.published.map(|range| range.first)).collect();
    assert_eq!(ports[0], Some(9080));
    assert_eq!(ports[2..], [None, None, Some(9084), Some(10_100)]);
    let far = LoadOptions { port_offset: 60_000, ..options() };
    insta::assert_snapshot!(load_with("services: {a: {image: x, ports: ['8080:80']}}", &[], &far, &[]).unwrap_err(), @"compose.yaml:1:34: services.a.ports[0]: the port 8080 and the offset 60000 together are above 65535");
}

#[test]
fn shipped_stacks() {
    let compose = "
name: mes
services:
  kafka: {image: x, container_name: mes-kafka, configs: [conf]}
  db: {image: x, container_name: mes-db, build: ./db, env_file: {path: x.env, required: false}}
configs: {conf: {file: ./conf.yml}}
";
    let tree = [("stacks/mes/compose.yaml", compose), ("stacks/mes/conf.yml", "content")];
    let tree = Memory(tree.map(|(path, text)| (path.into(), text.into())).into());
    let disk = files(&[]);
    let layered = Layered::with_tree(&disk, &tree);
    let load = |project: Option<&str>| {
        let options = LoadOptions {
            files: vec![],
            stack: Some("mes".into()),
            project_name: project.map(str::to_owned),
            ..options()
        };
        load_selected(&options, &layered, &[]).unwrap_or_else(|error| panic!("{error}"))
    };
    assert_eq!(load(None).services["kafka"].container_name.as_deref(), Some("mes-kafka"));
    assert_eq!(load(Some("mes")).services["kafka"].container_name.as_deref(), Some("mes-kafka"));
    let own = load(None);
    let file = &own.services["kafka"].files[0];
    assert_eq!(file.source, FileSource::Embedded("vv://mes/conf.yml".into()));
    assert_eq!(file.content, b"content");
    assert_eq!(own.services["db"].build.as_ref().unwrap().context, Path::new("/w/db"));
    let second = load(Some("two"));
    assert_eq!(second.services["kafka"].container_name, None);
    insta::assert_snapshot!(second.warnings.join("\n"), @"the container names mes-kafka, mes-db are only used in the project 'mes', not in 'two'");
}

#[test]
fn lookups() {
    let stack = stack(
        "
services:
  kafka: {image: x, x-vv: {group: infra, title: Apache Kafka}}
  kong: {image: x, x-vv: {group: infra}}
  orders: {image: x, x-vv: {group: services}}
  debug: {image: x, profiles: [d], x-vv: {group: hidden}}
",
    );
    assert_eq!(stack.service_or_hint("kong").unwrap().title(), "kong");
    assert_eq!(stack.service_or_hint("kafka").unwrap().title(), "Apache Kafka");
    let said = |name: &str| stack.service_or_hint(name).unwrap_err().to_string();
    assert_eq!(said("kaffka"), "there is no service 'kaffka' in this stack; did you mean 'kafka'?");
    assert_eq!(said("zzz"), "there is no service 'zzz' in this stack");
    assert_eq!(said("debug"), "the service 'debug' is only there with the profile d");
    assert_eq!(stack.groups(), ["infra", "services"]);
    let infra = stack.services_in_group("infra").unwrap();
    assert_eq!(infra.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["kafka", "kong"]);
    assert_eq!(
        stack.services_in_group("hidden").unwrap_err().to_string(),
        "there is no group 'hidden' in this stack; its groups are infra, services"
    );
}

#[test]
fn sources_may_be_missing() {
    let stack = stack(
        "
services:
  there: {build: ./there, x-vv: {stub: {}}}
  folder: {build: ./folder, x-vv: {stub: {}}}
  gone: {build: ./gone, x-vv: {stub: {}}}
  other: {build: {context: ./folder, dockerfile: Other}, x-vv: {stub: {}}}
  inline: {build: {context: ./folder, dockerfile_inline: FROM x}, x-vv: {stub: {}}}
  remote: {build: 'https://github.com/a/b.git', x-vv: {stub: {}}}
  nostub: {build: ./gone}
  nobuild: {image: x, x-vv: {stub: {}}}
",
    );
    let disk = files(&[("there/Dockerfile", ""), ("folder/Other", "")]);
    let missing: Vec<&str> =
        stack.services.values().filter(|s| s.sources_missing(&disk)).map(|s| s.name.as_str()).collect();
    assert_eq!(missing, ["folder", "gone"]);
}

#[test]
fn a_stack_without_services_is_one() {
    assert!(load("services: {}").unwrap().services.is_empty());
    assert!(load("volumes: {a: }").unwrap().volumes.is_empty());
}
