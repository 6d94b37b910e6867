//! Compose's merge rules, a line each. What is expected was compared with compose-go 2.9.1's answer.

use super::World;

/// The service `a` when `over` is merged on top of `base`.
fn merged(base: &str, over: &str) -> String {
    let base = format!("services: {{a: {{{base}}}}}");
    let over = format!("services: {{a: {{{over}}}}}");
    World::new(&[("a.yaml", &base), ("b.yaml", &over)]).file("a.yaml").file("b.yaml").service("a")
}

#[test]
fn every_rule() {
    for (base, over, result) in [
        // Scalars are replaced, mappings merge, lists append.
        ("image: x, tty: true", "image: y", r#"{"image":"y","tty":true}"#),
        ("image: x", "image: ", r#"{"image":"x"}"#),
        ("x-a: {b: 1, c: [1]}", "x-a: {c: [2], d: 3}", r#"{"x-a":{"b":1,"c":[1,2],"d":3}}"#),
        ("volumes_from: [a]", "volumes_from: [b]", r#"{"volumes_from":["a","b"]}"#),
        // Commands stand alone.
        ("command: [a, b]", "command: c d", r#"{"command":"c d"}"#),
        ("command: [a, b]", "command: ", r#"{"command":null}"#),
        ("entrypoint: a", "entrypoint: [b]", r#"{"entrypoint":["b"]}"#),
        (
            "healthcheck: {test: [CMD, a], retries: 3}",
            "healthcheck: {test: b}",
            r#"{"healthcheck":{"test":"b","retries":3}}"#,
        ),
        // Variables and labels, as a list or as a mapping.
        (
            "environment: {A: 1, B: 2}",
            "environment: [B=3, C=4, D]",
            r#"{"environment":{"A":1,"B":"3","C":"4","D":null}}"#,
        ),
        ("environment: [A=1, B=2]", "environment: {A: }", r#"{"environment":{"A":null,"B":"2"}}"#),
        ("environment: [A=1]", "environment: ", r#"{"environment":["A=1"]}"#),
        ("environment: [A=x=y]", "environment: [B=]", r#"{"environment":{"A":"x=y","B":""}}"#),
        ("labels: {a: 1}", "labels: [a=2, b]", r#"{"labels":{"a":"2","b":null}}"#),
        ("sysctls: {a: 1}", "sysctls: [a=2]", r#"{"sysctls":{"a":"2"}}"#),
        ("deploy: {labels: [a=1]}", "deploy: {labels: {a: 2}}", r#"{"deploy":{"labels":{"a":2}}}"#),
        // Lists that have each entry once.
        ("ports: ['80:80', 81]", "ports: ['80:80', '82:82']", r#"{"ports":["80:80",81,"82:82"]}"#),
        (
            "ports: ['80:80']",
            "ports: [{target: 80, published: '80', mode: host}]",
            r#"{"ports":[{"target":80,"published":"80","mode":"host"}]}"#,
        ),
        (
            "ports: ['80:80']",
            "ports: ['80:80/udp', '1.2.3.4:80:80']",
            r#"{"ports":["80:80","80:80/udp","1.2.3.4:80:80"]}"#,
        ),
        ("expose: [80, '81']", "expose: ['80', 82]", r#"{"expose":["80","81",82]}"#),
        (
            "volumes: ['one:/a', 'two:/b']",
            "volumes: [{type: volume, source: z, target: /a}]",
            r#"{"volumes":[{"type":"volume","source":"z","target":"/a"},"two:/b"]}"#,
        ),
        ("devices: ['/a:/x', '/b']", "devices: ['/c:/x:r']", r#"{"devices":["/c:/x:r","/b"]}"#),
        (
            "configs: [c, d]",
            "configs: [{source: e, target: /c}]",
            r#"{"configs":[{"source":"e","target":"/c"},"d"]}"#,
        ),
        (
            "secrets: [s]",
            "secrets: [{source: t, target: /run/secrets/s}]",
            r#"{"secrets":[{"source":"t","target":"/run/secrets/s"}]}"#,
        ),
        ("cap_add: [A, B]", "cap_add: [B, C]", r#"{"cap_add":["A","B","C"]}"#),
        ("profiles: [a]", "profiles: [b, a]", r#"{"profiles":["a","b"]}"#),
        // A text is a list of one.
        ("dns: 1.1.1.1", "dns: [2.2.2.2, 1.1.1.1]", r#"{"dns":["1.1.1.1","2.2.2.2"]}"#),
        ("dns_search: [a]", "dns_search: b", r#"{"dns_search":["a","b"]}"#),
        ("tmpfs: /a", "tmpfs: /b", r#"{"tmpfs":["/a","/b"]}"#),
        ("env_file: a", "env_file: [b, {path: a}]", r#"{"env_file":[{"path":"/w/a"},"/w/b"]}"#),
        // Names are mappings.
        (
            "networks: [n, m]",
            "networks: {m: {aliases: [x]}}",
            r#"{"networks":{"n":null,"m":{"aliases":["x"]}}}"#,
        ),
        (
            "depends_on: [a, b]",
            "depends_on: {a: {condition: service_healthy}}",
            r#"{"depends_on":{"a":{"condition":"service_healthy","required":true},"b":{"condition":"service_started","required":true}}}"#,
        ),
        (
            "extra_hosts: {a: 1.1.1.1, b: [2.2.2.2, 3.3.3.3]}",
            "extra_hosts: ['a=1.1.1.1', 'c:4.4.4.4']",
            r#"{"extra_hosts":["a=1.1.1.1","b=2.2.2.2","b=3.3.3.3","c:4.4.4.4"]}"#,
        ),
        ("build: .", "build: {args: [A=1]}", r#"{"build":{"context":"/w","args":["A=1"]}}"#),
        (
            "build: {args: {A: 0}}",
            "build: {context: x, args: [A=1]}",
            r#"{"build":{"args":{"A":"1"},"context":"/w/x"}}"#,
        ),
        ("ulimits: {a: {soft: 1, hard: 2}}", "ulimits: {a: 3, b: 4}", r#"{"ulimits":{"a":3,"b":4}}"#),
        // Another driver's options mean nothing.
        (
            "logging: {driver: a, options: {x: 1}}",
            "logging: {driver: b, options: {y: 1}}",
            r#"{"logging":{"driver":"b","options":{"y":1}}}"#,
        ),
        (
            "logging: {driver: a, options: {x: 1}}",
            "logging: {options: {y: 1}}",
            r#"{"logging":{"driver":"a","options":{"x":1,"y":1}}}"#,
        ),
        // Tags.
        ("ports: ['80:80']", "ports: !override ['81:81']", r#"{"ports":["81:81"]}"#),
        ("image: x, ports: ['80:80']", "ports: !reset []", r#"{"image":"x"}"#),
        ("environment: {A: 1, B: 2}", "environment: {A: !reset }", r#"{"environment":{"B":2}}"#),
        ("environment: [A=1]", "environment: !override {B: 2}", r#"{"environment":{"B":2}}"#),
        ("image: x", "ports: !reset []", r#"{"image":"x"}"#),
    ] {
        assert_eq!(merged(base, over), result, "{base} + {over}");
    }
}

#[test]
fn top_level_resources_merge_too() {
    let base = "
services: {a: {image: x}}
networks: {n: {labels: [a=1], ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]}}}
volumes: {v: {driver: local, driver_opts: {o: bind, type: none}}, w: }
";
    let over = "
networks: {n: {labels: {a: 2}, ipam: {config: [{subnet: 10.0.0.0/24, ip_range: 10.0.0.0/28}]}}}
volumes: {v: {driver_opts: {device: ./d}}, w: {external: true}}
services: {a: !reset , b: {image: y}}
";
    let world = World::new(&[("a.yaml", base), ("b.yaml", over)]).file("a.yaml").file("b.yaml");
    insta::assert_snapshot!(world.yaml(), @r"
    services:
      b:
        image: y
    networks:
      n:
        labels:
          a: 2
        ipam:
          config:
          - subnet: 10.0.0.0/24
            gateway: 10.0.0.1
            ip_range: 10.0.0.0/28
    volumes:
      v:
        driver: local
        driver_opts:
          o: bind
          type: none
          device: /w/d
      w:
        external: true
    ");
}

#[test]
fn later_documents_of_a_file_are_merged_on_top() {
    let text =
        "services: {a: {image: x}}\n---\n\n---\nservices: {a: {image: y}, b: {image: z}}\n---\n# the end\n";
    let world = World::new(&[("compose.yaml", text)]);
    assert_eq!(world.service("a"), r#"{"image":"y"}"#);
    assert_eq!(world.service("b"), r#"{"image":"z"}"#);
}

#[test]
fn a_reset_also_removes_what_two_files_below_said() {
    let world = World::new(&[
        ("a.yaml", "services: {a: {image: x, ports: ['1:1']}}"),
        ("base.yaml", "services: {b: {ports: ['2:2']}}"),
        ("b.yaml", "services: {a: {extends: {file: base.yaml, service: b}, ports: !reset []}}"),
        ("c.yaml", "services: {a: {ports: ['3:3']}}"),
    ]);
    let world = world.file("a.yaml").file("b.yaml").file("c.yaml");
    assert_eq!(world.service("a"), r#"{"image":"x","ports":["3:3"]}"#);
}

#[test]
fn anchors_aliases_and_merge_keys_are_resolved() {
    let text = "
x-env: &env {A: 1, B: 2}
x-more: &more {B: 3, C: 4}
services:
  a:
    image: &image x
    environment: {<<: *env, A: 0}
  b:
    image: *image
    environment:
      <<: [*more, *env]
      D: '*env'
";
    let world = World::new(&[("compose.yaml", text)]);
    assert_eq!(world.service("a"), r#"{"image":"x","environment":{"A":0,"B":2}}"#);
    assert_eq!(world.service("b"), r#"{"image":"x","environment":{"D":"*env","B":3,"C":4,"A":1}}"#);
}

#[test]
fn variables_without_a_value_take_that_of_the_environment() {
    let text = "
services:
  a: {environment: [HERE, NOWHERE, SET=1]}
  b: {environment: {HERE: , NOWHERE: , EMPTY: ''}}
configs: {c: {environment: HERE}, d: {environment: NOWHERE}}
secrets: {s: {environment: HERE}}
";
    let world = World::new(&[("compose.yaml", text)]).env("HERE", "value");
    insta::assert_snapshot!(world.yaml(), @r"
    services:
      a:
        environment:
        - HERE=value
        - NOWHERE
        - SET=1
      b:
        environment:
          HERE: value
          NOWHERE: null
          EMPTY: ''
    configs:
      c:
        environment: HERE
        x-#value: value
      d:
        environment: NOWHERE
    secrets:
      s:
        environment: HERE
        x-#value: value
    ");
}

#[test]
fn paths_are_absolute() {
    let text = "
x-vv: {topics: topics.yml, routes: ./kong.yml}
services:
  a:
    build: {context: ../src, additional_contexts: {x: ./y, z: 'https://z', s: 'service:b'}}
    env_file: [a.env, {path: ./b.env}]
    volumes: ['./x:/x:ro', '~/h:/h', 'named:/n', '/abs:/a', {type: bind, source: ../b, target: /b}, /anonymous]
    develop: {watch: [{path: ./src}]}
  b: {build: ., env_file: b.env}
  c: {build: 'https://github.com/x/y.git', volumes: [{type: volume, source: ./not, target: /x}]}
configs: {c: {file: c.conf}}
secrets: {s: {file: /etc/s}}
volumes: {v: {driver: local, driver_opts: {o: bind, device: ./d}}, w: {driver_opts: {device: ./d}}}
";
    let world = World::new(&[("p/compose.yaml", text)]).file("p/compose.yaml").env("HOME", "/home/me");
    insta::assert_snapshot!(world.yaml(), @r"
    x-vv:
      topics: /w/p/topics.yml
      routes: /w/p/kong.yml
    services:
      a:
        build:
          context: /w/src
          additional_contexts:
            x: /w/p/y
            z: https://z
            s: service:b
        env_file:
        - /w/p/a.env
        - path: /w/p/b.env
        volumes:
        - /w/p/x:/x:ro
        - /home/me/h:/h
        - named:/n
        - /abs:/a
        - type: bind
          source: /w/b
          target: /b
        - /anonymous
        develop:
          watch:
          - path: /w/p/src
      b:
        build: /w/p
        env_file: /w/p/b.env
      c:
        build: https://github.com/x/y.git
        volumes:
        - type: volume
          source: ./not
          target: /x
    configs:
      c:
        file: /w/p/c.conf
    secrets:
      s:
        file: /etc/s
    volumes:
      v:
        driver: local
        driver_opts:
          o: bind
          device: /w/p/d
      w:
        driver_opts:
          device: ./d
    ");
}
