//! `include`.

use super::World;

#[test]
fn included_stacks_bring_their_resources_with_their_own_folder_and_environment() {
    let world = World::new(&[
        (
            "compose.yaml",
            "include:
  - inc/one.yaml
  - {path: [inc/two.yaml, inc/two.over.yaml], project_directory: other, env_file: inc/two.env}
services: {web: {image: 'web:${V:-unset}', depends_on: [one]}}
",
        ),
        (
            "inc/one.yaml",
            "name: not-this
x-vv: {title: not this}
services: {one: {image: 'one:${V}', build: ., environment: [V, W]}}
volumes: {data: }
configs: {c: {file: ./c.txt}}
",
        ),
        ("inc/.env", "V=inc\nW=inc\n"),
        ("inc/two.yaml", "include: [three/three.yaml]\nservices: {two: {image: 'two:${V}', ports: ['1:1']}}"),
        ("inc/two.over.yaml", "services: {two: {ports: ['2:2']}}"),
        ("inc/two.env", "V=two\n"),
        ("other/three/three.yaml", "services: {three: {image: 'three:${V}', build: x}}"),
        ("compose.override.yaml", "services: {one: {image: overridden}}"),
    ]);
    let world = world.env("W", "outside");
    insta::assert_snapshot!(world.yaml(), @r"
    services:
      web:
        image: web:unset
        depends_on:
        - one
      one:
        image: overridden
        build: /w/inc
        environment:
        - V=inc
        - W=outside
      two:
        image: two:two
        ports:
        - 1:1
        - 2:2
      three:
        image: three:two
        build: /w/other/three/x
    volumes:
      data: null
    configs:
      c:
        file: /w/inc/c.txt
    ");
}

#[test]
fn the_same_resource_twice_is_no_conflict() {
    let world = World::new(&[
        ("compose.yaml", "include: [a/a.yaml, b/b.yaml]\nnetworks: {n: {driver: bridge, internal: true}}"),
        ("a/a.yaml", "include: [../c/c.yaml]\nservices: {a: {image: a}}"),
        ("b/b.yaml", "include: [../c/c.yaml]\nservices: {b: {image: b}}"),
        ("c/c.yaml", "services: {c: {build: .}}\nnetworks: {n: {internal: true, driver: bridge}}"),
    ]);
    assert_eq!(world.service("c"), r#"{"build":"/w/c"}"#);
}

#[test]
fn wrong_includes_are_all_named() {
    let world = World::new(&[
        (
            "compose.yaml",
            "include:
  - none.yaml
  - {paths: x.yaml}
  - {project_directory: x}
  - {path: [a.yaml, 5]}
  - a.yaml
  - ''
  - https://example.com/x.yaml
  - {path: a.yaml, env_file: none.env}
  - circle.yaml
  - broken.yaml
services: {a: {image: mine}, ok: {image: x}}
",
        ),
        ("a.yaml", "services: {a: {image: theirs}, ok: {image: x}}"),
        ("circle.yaml", "include: [round.yaml]"),
        ("round.yaml", "include: [circle.yaml]"),
        ("broken.yaml", "services: {a: {image: '${X'}}"),
    ]);
    insta::assert_snapshot!(world.errors(), @"
    compose.yaml:2:5: include[0]: there is no file none.yaml in /w; did you mean 'broken.yaml'?
    compose.yaml:3:6: include[1].paths: unknown key; did you mean 'path'?
    compose.yaml:4:5: include[2]: 'path' is missing: the file to include
    compose.yaml:5:21: include[3].path: must be a file's path, and this is an integer
    compose.yaml:12:12: services.a: is also in a.yaml:1:12, which is included; to change it, put this in a file of its own on top (-f)
    compose.yaml:7:5: include[5]: must be a file's path, and this is an empty string
    compose.yaml:8:5: include[6]: files aren't fetched from elsewhere; download it and name the copy
    there is no env file none.env in /w
    round.yaml:1:11: include[0]: files include one another in a circle: circle.yaml → round.yaml → circle.yaml
    broken.yaml:1:24: services.a.image: '${' is never closed; write '$$' for a plain '$'
    compose.yaml:12:12: services.a: is also in broken.yaml:1:12, which is included; to change it, put this in a file of its own on top (-f)
    ");
    insta::assert_snapshot!(World::new(&[("compose.yaml", "include: {a: b}")]).errors(), @"compose.yaml:1:10: include: must be a list, and this is a mapping");
}

#[test]
fn embedded_stacks_include_embedded_files_and_run_where_the_user_is() {
    let world = World::new(&[
        ("stacks/mes/compose.yaml", "include: [../../templates/kafka.yml]\nservices: {a: {image: '${TAG}'}}"),
        (
            "templates/kafka.yml",
            "services: {kafka: {image: 'kafka:${TAG}', build: ./kafka, configs: [c]}}\nconfigs: {c: {file: ./kafka.conf}}",
        ),
        (".env", "TAG=7"),
        ("extra.yaml", "services: {kafka: {build: ./mine}}\nconfigs: {d: {file: ./d.conf}}"),
    ]);
    insta::assert_snapshot!(world.stack("mes").file("extra.yaml").yaml(), @r"
    services:
      a:
        image: '7'
      kafka:
        image: kafka:7
        build:
          context: /w/mine
        configs:
        - c
    configs:
      c:
        file: vv://templates/kafka.conf
      d:
        file: /w/d.conf
    ");
}
