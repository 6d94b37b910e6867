//! Every problem with its place, all of them at once.

use crate::stack::testing::{errors, load, load_with, options};

#[test]
fn unknown_keys_get_a_suggestion() {
    insta::assert_snapshot!(errors(
        "\
services:
  kong:
    image: kong
    prots:
      - 8000:8000
    healthcheck:
      intervall: 5s
    deploy:
      resources:
        limits:
          mem: 1g
    zzz: 1
    x-mine: anything
servces: {}
"
    ), @"
    compose.yaml:4:5: services.kong.prots: unknown key; did you mean 'ports'?
    compose.yaml:7:7: services.kong.healthcheck.intervall: unknown key; did you mean 'interval'?
    compose.yaml:11:11: services.kong.deploy.resources.limits.mem: unknown key; did you mean 'memory'?
    compose.yaml:12:5: services.kong.zzz: unknown key
    compose.yaml:14:1: servces: unknown key; did you mean 'services'?
    ");
}

#[test]
fn wrong_types_say_what_was_expected() {
    insta::assert_snapshot!(errors(
        r#"
services:
  a:
    image: 5
    hostname: true
    ports: "80:80"
    tty: maybe
    environment: [A=1, {B: 2}]
    depends_on: b
    healthcheck: {interval: 90, timeout: 90, retries: many, test: {a: b}}
    stop_grace_period: soon
    mem_limit: lots
    volumes: {a: b}
    command: 5
    networks: 7
    deploy: [1]
    ulimits: {nofile: {soft: 1}}
    logging: {options: {a: true}}
  b:
  c: text
  d d: {image: x}
networks:
  n: text
"#
    ), @"
    compose.yaml:4:12: services.a.image: expected a string, found an integer; put it in quotes
    compose.yaml:5:15: services.a.hostname: expected a string, found a boolean; put it in quotes
    compose.yaml:6:12: services.a.ports: expected a list, found a string
    compose.yaml:7:10: services.a.tty: expected true or false, found 'maybe'
    compose.yaml:8:24: services.a.environment[1]: expected a string, found a mapping
    compose.yaml:9:17: services.a.depends_on: expected a list or a mapping, found a string
    compose.yaml:10:29: services.a.healthcheck.interval: expected a duration such as '1m30s', found an integer
    compose.yaml:10:42: services.a.healthcheck.timeout: expected a duration such as '1m30s', found an integer
    compose.yaml:10:55: services.a.healthcheck.retries: expected an integer, found 'many'
    compose.yaml:10:67: services.a.healthcheck.test: expected a list or a string, found a mapping
    compose.yaml:11:24: services.a.stop_grace_period: expected a duration such as '1m30s', found 'soon'
    compose.yaml:12:16: services.a.mem_limit: expected an amount such as '512m' or '1.5gb', found 'lots'
    compose.yaml:13:14: services.a.volumes: expected a list, found a mapping
    compose.yaml:14:14: services.a.command: expected a list or a string, found an integer; put it in quotes
    compose.yaml:15:15: services.a.networks: expected a list or a mapping, found an integer
    compose.yaml:16:13: services.a.deploy: expected a mapping, found a list
    compose.yaml:17:23: services.a.ulimits.nofile: 'hard' is missing
    compose.yaml:18:28: services.a.logging.options.a: expected a string, found a boolean; put it in quotes
    compose.yaml:19:4: services.b: expected a mapping, found null
    compose.yaml:20:6: services.c: expected a mapping, found a string
    compose.yaml:21:3: services.d d: a name is made of letters, digits, '.', '_' and '-'
    compose.yaml:23:6: networks.n: expected a mapping, found a string
    ");
}

#[test]
fn what_is_not_supported_yet_is_never_ignored() {
    insta::assert_snapshot!(errors(
        "
services:
  a:
    image: x
    userns_mode: host
    gpus: all
    oom_score_adj:
    volumes_from: [b]
    links: [b, 'b:other']
    pull_policy: daily
    tmpfs: /run:exec
    annotations: {a: b}
    develop: {watch: []}
    attach: false
    volumes:
      - {type: volume, source: v, target: /v, volume: {subpath: x}}
      - {type: image, source: v, target: /w}
    deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}
  b:
    build: {context: ., ssh: [default]}
volumes: {v: }
models: {m: {}}
"
    ), @"
    compose.yaml:5:5: services.a.userns_mode: not supported yet
    compose.yaml:6:5: services.a.gpus: not supported yet
    compose.yaml:8:5: services.a.volumes_from: not supported yet
    compose.yaml:9:16: services.a.links[1]: links under another name are not supported yet; give 'b' the alias 'other' under 'networks'
    compose.yaml:10:18: services.a.pull_policy: pulling every so often is not supported yet
    compose.yaml:11:12: services.a.tmpfs: the tmpfs option 'exec' is not supported yet
    compose.yaml:16:56: services.a.volumes[0].volume.subpath: not supported yet
    compose.yaml:17:9: services.a.volumes[1]: this type of mount is not supported yet
    compose.yaml:18:41: services.a.deploy.resources.reservations.devices: not supported yet
    compose.yaml:20:25: services.b.build.ssh: not supported yet
    compose.yaml:22:1: models: not supported yet
    ");
}

#[test]
fn references_must_be_declared() {
    insta::assert_snapshot!(errors(
        "
services:
  web:
    image: x
    depends_on: [dbs, web]
    networks: [frontt]
    volumes: ['dta:/data', {type: volume, source: datta, target: /x}]
    configs: [cnf]
    secrets: [{source: pass, target: /p}]
    network_mode:
    pid: service:nobody
    links: [zzz]
  db: {image: x}
networks: {front: }
volumes: {data: }
configs: {conf: {content: x}}
secrets: {password: {environment: SET}}
"
    ), @"
    compose.yaml:5:18: services.web.depends_on[0]: the service 'dbs' isn't declared under 'services'; did you mean 'db'?
    compose.yaml:5:23: services.web.depends_on[1]: the service 'web' depends on itself
    compose.yaml:6:16: services.web.networks[0]: the network 'frontt' isn't declared under 'networks'; did you mean 'front'?
    compose.yaml:7:15: services.web.volumes[0]: the volume 'dta' isn't declared under 'volumes'; did you mean 'data'?
    compose.yaml:7:51: services.web.volumes[1].source: the volume 'datta' isn't declared under 'volumes'; did you mean 'data'?
    compose.yaml:8:15: services.web.configs[0]: the config 'cnf' isn't declared under 'configs'; did you mean 'conf'?
    compose.yaml:9:24: services.web.secrets[0].source: the secret 'pass' isn't declared under 'secrets'; did you mean 'password'?
    compose.yaml:11:10: services.web.pid: the service 'nobody' isn't declared under 'services'
    compose.yaml:12:13: services.web.links[0]: the service 'zzz' isn't declared under 'services'
    ");
}

#[test]
fn inactive_services_may_refer_to_nothing() {
    let text = "
services:
  a: {image: x}
  b:
    profiles: [p]
    networks: [nowhere]
    env_file: not-there
    secrets: [s]
secrets: {s: {file: not-there}}
";
    let stack = load(text).unwrap();
    assert_eq!(stack.services.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(stack.inactive.keys().collect::<Vec<_>>(), ["b"]);
    insta::assert_snapshot!(load_with(text, &[], &options(), &["b"]).unwrap_err(), @"
    compose.yaml:5:5: services.b: has neither an 'image' nor a 'build'
    compose.yaml:6:16: services.b.networks[0]: the network 'nowhere' isn't declared under 'networks'
    compose.yaml:7:15: services.b.env_file: can't read /w/not-there: it isn't there; set 'required: false' if it may be missing
    compose.yaml:9:14: secrets.s: can't read /w/not-there: it isn't there
    ");
}

#[test]
fn dependencies() {
    insta::assert_snapshot!(errors(
        "
services:
  a: {image: x, depends_on: [b]}
  b: {image: x, depends_on: {c: {condition: service_started}}}
  c: {image: x, network_mode: 'service:a'}
  d: {image: x, depends_on: {e: {condition: service_healthy}, f: {condition: service_started}}}
  e: {image: x, healthcheck: {disable: true}}
  f: {image: x, profiles: [debug]}
  g: {image: x, depends_on: {f: {condition: service_started, required: false}, e: {condition: healthy}, a: {}}}
  h: {image: x, links: [i]}
  i: {image: x, ipc: 'service:h'}
"
    ), @"
    compose.yaml:5:3: services.c: the services depend on each other in a circle: a → b → c → a
    compose.yaml:6:30: services.d.depends_on.e: 'e' can never be healthy: its healthcheck is disabled
    compose.yaml:6:63: services.d.depends_on.f: needs 'f', which is only there with the profile debug; switch it on with --profile
    compose.yaml:9:95: services.g.depends_on.e.condition: 'healthy' isn't one of 'service_started', 'service_healthy', 'service_completed_successfully'
    compose.yaml:9:108: services.g.depends_on.a: 'condition' is missing
    compose.yaml:11:3: services.i: the services depend on each other in a circle: h → i → h
    ");
}

#[test]
fn conflicts() {
    insta::assert_snapshot!(errors(
        "
services:
  a: {image: x, container_name: one, scale: 2}
  b: {image: x, container_name: two}
  c: {image: x, container_name: two}
  d: {image: x, network_mode: host, networks: [default]}
  e: {image: x, scale: 2, deploy: {replicas: 3}}
  f: {image: x, mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}}
  g: {command: x}
  h: {build: {context: ., dockerfile: D, dockerfile_inline: FROM x}}
  i: {image: x, container_name: 'no spaces'}
  j: {image: x, deploy: {restart_policy: {condition: any, max_attempts: 3}}}
  k: {image: x, restart: sometimes}
  l: {image: x, restart: 'on-failure:x'}
volumes: {v: {external: true, driver: d}}
secrets:
  s1: {}
  s2: {file: a, environment: B}
  s3: {content: c}
  s4:
"
    ), @"
    compose.yaml:3:33: services.a.container_name: 2 replicas can't share one 'container_name'; remove it, or the replicas
    compose.yaml:5:17: services.c.container_name: 'two' is already the container name of the service 'b'
    compose.yaml:6:31: services.d.network_mode: 'network_mode' and 'networks' exclude each other
    compose.yaml:7:24: services.e.scale: 'scale' and 'deploy.replicas' differ
    compose.yaml:8:28: services.f.mem_limit: 'mem_limit' and 'deploy.resources.limits.memory' differ
    compose.yaml:9:6: services.g: has neither an 'image' nor a 'build'
    compose.yaml:10:14: services.h.build: 'dockerfile' and 'dockerfile_inline' exclude each other
    compose.yaml:11:33: services.i.container_name: 'no spaces' isn't a container's name: two characters or more, letters, digits, '_', '.' and '-', a letter or digit first
    compose.yaml:12:73: services.j.deploy.restart_policy.max_attempts: only 'condition: on-failure' has a number of attempts
    compose.yaml:13:26: services.k.restart: 'sometimes' isn't one of 'no', 'always', 'on-failure', 'unless-stopped'
    compose.yaml:14:26: services.l.restart: 'on-failure:x': expected a number of attempts after 'on-failure:'
    compose.yaml:15:14: volumes.v: an external volume is made elsewhere: 'driver' and 'driver_opts' have no place here
    compose.yaml:17:7: secrets.s1: needs one of 'file', 'environment'
    compose.yaml:18:7: secrets.s2: 'file' and 'environment' exclude each other
    compose.yaml:19:7: secrets.s3: needs one of 'file', 'environment'
    compose.yaml:19:8: secrets.s3.content: unknown key
    compose.yaml:20:5: secrets.s4: needs one of 'file', 'environment'
    ");
}

#[test]
fn malformed_values() {
    insta::assert_snapshot!(errors(
        r#"
services:
  a:
    image: ""
    ports: ['80:80:80:80', '70000:80', '82-80', {published: 80}, {target: 80, protocol: http, host_ip: me}, 0]
    expose: [x, 80/http]
    volumes: ['/a:b', 'v:/x:y:z', {type: disk, target: /x}, {type: bind, target: /x}, {type: bind, source: /x, target: x}]
    tmpfs: ['relative', '/x:size=big']
    command: echo "open
    healthcheck: {test: [curl, x]}
    extra_hosts: [nothing]
    environment: ['=x']
    cpus: -1
    user: [1]
  b:
    image: x
    healthcheck: {test: [CMD]}
    configs: [{source: c, mode: '0999'}]
    pull_policy: sometime
configs: {c: {content: x}}
"#
    ), @"
    compose.yaml:4:12: services.a.image: is empty
    compose.yaml:5:13: services.a.ports[0]: '80:80' isn't an IP address
    compose.yaml:5:28: services.a.ports[1]: '70000' isn't a port: those are 1 to 65535
    compose.yaml:5:40: services.a.ports[2]: the range '82-80' ends before it starts
    compose.yaml:5:49: services.a.ports[3]: 'target' is missing
    compose.yaml:5:89: services.a.ports[4].protocol: 'http' isn't one of 'tcp', 'udp', 'sctp'
    compose.yaml:5:104: services.a.ports[4].host_ip: 'me' isn't an IP address
    compose.yaml:5:109: services.a.ports[5]: a container's port can't be 0
    compose.yaml:6:14: services.a.expose[0]: 'x' isn't a port: those are 1 to 65535
    compose.yaml:6:17: services.a.expose[1]: 'http' isn't a protocol: expected tcp, udp or sctp
    compose.yaml:7:15: services.a.volumes[0]: the target 'b' isn't an absolute path
    compose.yaml:7:23: services.a.volumes[1]: 'v:/x:y:z' has too many ':'; expected SOURCE:TARGET:OPTIONS, or the long syntax
    compose.yaml:7:61: services.a.volumes[2]: 'source' is missing
    compose.yaml:7:120: services.a.volumes[3].target: the target 'x' isn't an absolute path
    compose.yaml:8:13: services.a.tmpfs[0]: the target 'relative' isn't an absolute path
    compose.yaml:8:25: services.a.tmpfs[1]: 'big' isn't an amount such as '64m'
    compose.yaml:9:14: services.a.command: this command line can't be split into words: a quote or a bracket isn't closed
    compose.yaml:10:25: services.a.healthcheck.test: the first item must be 'CMD', 'CMD-SHELL' or 'NONE'
    compose.yaml:11:19: services.a.extra_hosts[0]: expected NAME=ADDRESS, found 'nothing'
    compose.yaml:12:18: services.a.environment: '' isn't a variable's name
    compose.yaml:13:11: services.a.cpus: expected a number of zero or more
    compose.yaml:14:11: services.a.user: expected a string, found a list
    compose.yaml:17:25: services.b.healthcheck.test: 'CMD' has no command
    compose.yaml:18:33: services.b.configs[0].mode: '0999' isn't a file mode such as '0440'
    compose.yaml:19:18: services.b.pull_policy: 'sometime' isn't one of 'missing', 'if_not_present', 'always', 'never', 'build'
    ");
}
