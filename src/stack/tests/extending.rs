//! `extends`.

use super::World;

#[test]
fn a_service_stands_on_top_of_its_base() {
    let world = World::new(&[
        (
            "compose.yaml",
            "services:
  web: {extends: {file: lib/base.yaml, service: mid}, environment: {WEB: 1}, ports: !override ['1:1'], command: !reset }
  worker: {extends: web-like, labels: [a=2]}
  web-like: {image: l, labels: {a: 1, b: 2}}
",
        ),
        (
            "lib/base.yaml",
            "services:
  mid: {extends: {file: deep/root.yaml, service: root}, build: ./ctx, volumes: ['./d:/d'], environment: [MID=1]}
",
        ),
        (
            "lib/deep/root.yaml",
            "services:
  root:
    image: root:${TAG:-1}
    command: run
    ports: ['2:2']
    env_file: root.env
    volumes: ['./e:/e']
    depends_on: [worker]
    configs: [c]
configs: {c: {content: not brought along}}
",
        ),
    ]);
    insta::assert_snapshot!(world.yaml(), @r"
    services:
      web:
        image: root:1
        ports:
        - 1:1
        env_file: /w/lib/deep/root.env
        volumes:
        - /w/lib/deep/e:/e
        - /w/lib/d:/d
        depends_on:
        - worker
        configs:
        - c
        build: /w/lib/ctx
        environment:
          MID: '1'
          WEB: 1
      worker:
        image: l
        labels:
          a: '2'
          b: 2
      web-like:
        image: l
        labels:
          a: 1
          b: 2
    ");
}

#[test]
fn files_are_found_from_the_project_folder_as_compose_does() {
    let world = World::new(&[
        ("first.yaml", "services: {}"),
        ("sub/second.yaml", "services: {a: {extends: {file: base.yaml, service: b}}}"),
        ("base.yaml", "services: {b: {build: .}}"),
    ]);
    assert_eq!(world.file("first.yaml").file("sub/second.yaml").service("a"), r#"{"build":"/w"}"#);
}

#[test]
fn embedded_files_extend_embedded_files_and_run_where_the_user_is() {
    let world = World::new(&[
        (
            "stacks/mes/compose.yaml",
            "services: {kong: {extends: {file: ../../templates/kong.yml, service: kong}, env_file: mes.env}}
configs: {kong: {file: kong/kong.yml}}
secrets: {key: {file: /etc/key}}
x-vv: {topics: topics.yml}
",
        ),
        ("templates/kong.yml", "services: {kong: {image: kong, build: ./kong, volumes: ['./x:/x']}}"),
        (".env", "TAG=1"),
    ]);
    insta::assert_snapshot!(world.stack("mes").yaml(), @r"
    services:
      kong:
        image: kong
        build: /w/kong
        volumes:
        - /w/x:/x
        env_file: /w/mes.env
    configs:
      kong:
        file: vv://mes/kong/kong.yml
    secrets:
      key:
        file: /etc/key
    x-vv:
      topics: vv://mes/topics.yml
    ");
}

#[test]
fn wrong_extends_are_all_named() {
    let world = World::new(&[
        (
            "compose.yaml",
            "services:
  a: {extends: bb}
  b: {extends: {file: none.yaml, service: x}}
  c: {extends: {file: lib.yaml, service: bsae}}
  d: {extends: {servise: x}}
  e: {extends: {file: lib.yaml}}
  f: {extends: [x]}
  g: {extends: h}
  h: {extends: {service: i, file: ./compose.yaml}}
  i: {extends: g}
  j: {extends: j}
  k: {extends: {file: https://x/y.yaml, service: x}}
  l: {extends: {file: lib.yaml, service: base}, ports: {x: y}}
  bbb: {image: x}
",
        ),
        ("lib.yaml", "services: {base: {image: ${MUST:?be set}, ports: ['1:1']}}"),
    ]);
    insta::assert_snapshot!(world.errors(), @"
    compose.yaml:2:16: services.a.extends: there is no service 'bb' in compose.yaml; did you mean 'bbb'?
    compose.yaml:3:23: services.b.extends.file: there is no file none.yaml in /w
    lib.yaml:1:27: services.base: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
    compose.yaml:5:17: services.d.extends.servise: unknown key; did you mean 'service'?
    compose.yaml:6:16: services.e.extends: 'service' is missing: the name of the service to extend
    compose.yaml:7:16: services.f.extends: must be a service's name or a mapping, and this is a list
    compose.yaml:8:16: services.g.extends: services extend one another in a circle: g (compose.yaml) → h (compose.yaml) → i (compose.yaml) → g (compose.yaml)
    compose.yaml:9:26: services.h.extends: services extend one another in a circle: h (compose.yaml) → i (compose.yaml) → g (compose.yaml) → h (compose.yaml)
    compose.yaml:10:16: services.i.extends: services extend one another in a circle: i (compose.yaml) → g (compose.yaml) → h (compose.yaml) → i (compose.yaml)
    compose.yaml:11:16: services.j.extends: services extend one another in a circle: j (compose.yaml) → j (compose.yaml)
    compose.yaml:12:23: services.k.extends.file: files aren't fetched from elsewhere; download it and name the copy
    ");
}

#[test]
fn long_chains_end() {
    let mut text = "services:\n  s0: {image: x}\n".to_string();
    for index in 1..200 {
        text.push_str(&format!("  s{index}: {{extends: s{}}}\n", index - 1));
    }
    // Each is done before the next one needs it.
    assert_eq!(World::new(&[("compose.yaml", &text)]).service("s199"), r#"{"image":"x"}"#);
    let backwards: Vec<&str> = text.lines().skip(1).collect();
    let text = format!("services:\n{}\n", backwards.into_iter().rev().collect::<Vec<_>>().join("\n"));
    let errors = World::new(&[("compose.yaml", &text)]).errors();
    assert!(errors.contains("more than 64 services extend one another"), "{errors}");
}
