//! The resolved stack as a document.

use serde_json::json;

use crate::stack::testing::{config, configs};

const FURTHER: [(&str, &str); 4] =
    [("web.env", "A=1\nB"), ("web.labels", "l=1"), ("conf", "c"), ("secret", "s")];

#[test]
fn rich() {
    // `docker compose --profile front config` of 2.40.3 prints the same, but for a line of an env file without a value,
    // `create_host_path: false`, and what vv's own reading adds to `x-vv`.
    let text = include_str!("rich.yaml").replace("profiles: [front]", "profiles: []");
    insta::assert_snapshot!(config(&text, &FURTHER));
}

#[test]
fn the_document_means_the_same_when_it_is_loaded_again() {
    let text = include_str!("rich.yaml").replace("profiles: [front]", "profiles: []");
    let once = config(&text, &FURTHER);
    let further: Vec<_> = FURTHER.into_iter().chain([("kong.yml", "")]).collect();
    assert_eq!(config(&once, &further), once);
}

#[test]
fn what_says_nothing_is_there_in_json_as_in_compose() {
    let text = "
services:
  a: {image: x, entrypoint: [], networks: {one: {}, two: }, deploy: {replicas: 1}, ulimits: {n: {soft: 5, hard: 5}}}
  b: {image: x, command: run, ports: [{target: 80, mode: host, name: web, app_protocol: http}, '81']}
networks: {one: {}, two: {}}
";
    let (yaml, json) = configs(text, &[]);
    insta::assert_snapshot!(yaml, @r#"
    name: w
    services:
      a:
        deploy:
          replicas: 1
        entrypoint: []
        image: x
        networks:
          one: {}
          two: null
        ulimits:
          "n":
            soft: 5
            hard: 5
      b:
        command:
          - run
        image: x
        networks:
          default: null
        ports:
          - name: web
            mode: host
            target: 80
            protocol: tcp
            app_protocol: http
          - mode: ingress
            target: 81
            protocol: tcp
    networks:
      default:
        name: w_default
      one:
        name: w_one
      two:
        name: w_two
    "#);
    insta::assert_snapshot!(json, @r#"
    {
      "name": "w",
      "services": {
        "a": {
          "command": null,
          "deploy": {
            "replicas": 1,
            "resources": {},
            "placement": {}
          },
          "entrypoint": [],
          "image": "x",
          "networks": {
            "one": {},
            "two": null
          },
          "ulimits": {
            "n": {
              "soft": 5,
              "hard": 5
            }
          }
        },
        "b": {
          "command": [
            "run"
          ],
          "entrypoint": null,
          "image": "x",
          "networks": {
            "default": null
          },
          "ports": [
            {
              "name": "web",
              "mode": "host",
              "target": 80,
              "protocol": "tcp",
              "app_protocol": "http"
            },
            {
              "mode": "ingress",
              "target": 81,
              "protocol": "tcp"
            }
          ]
        }
      },
      "networks": {
        "default": {
          "name": "w_default",
          "ipam": {}
        },
        "one": {
          "name": "w_one",
          "ipam": {}
        },
        "two": {
          "name": "w_two",
          "ipam": {}
        }
      }
    }
    "#);
}

#[test]
fn json_is_the_same_document() {
    let text = include_str!("rich.yaml").replace("profiles: [front]", "profiles: []");
    let (yaml, json) = configs(&text, &FURTHER);
    let yaml: serde_json::Value = serde_yaml::from_str(&yaml).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
    for service in json["services"].as_object_mut().unwrap().values_mut().filter_map(|s| s.as_object_mut()) {
        service.retain(|key, value| !(matches!(key.as_str(), "command" | "entrypoint") && value.is_null()));
    }
    assert_eq!(
        json["services"]["web"]["deploy"].as_object_mut().unwrap().remove("placement"),
        Some(json!({}))
    );
    assert_eq!(json["networks"]["default"].as_object_mut().unwrap().remove("ipam"), Some(json!({})));
    assert_eq!(yaml, json);
}
