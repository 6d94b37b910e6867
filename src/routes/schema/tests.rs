use serde_json::{Value, json};

use super::*;
use crate::routes::testing::{empty_gateway, recorded};

fn schema(kind: &str, plugin: Option<&str>) -> Schema {
    Schema::in_gateway(&empty_gateway(), &Kind::of(kind), plugin).expect("a recorded schema")
}

/// The type of what was posted to a path.
fn kind_of(path: &str) -> Option<Kind> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let last = match parts.as_slice() {
        [collection] | [_, _, collection] => *collection,
        _ => return None,
    };
    let name = match last {
        "key-auth" | "key-auths" => "keyauth_credentials",
        "jwt" | "jwts" => "jwt_secrets",
        "basic-auth" | "basic-auths" => "basicauth_credentials",
        "hmac-auth" | "hmac-auths" => "hmacauth_credentials",
        other => other,
    };
    Some(Kind::of(name)).filter(|kind| empty_gateway().schemas.contains_key(kind))
}

/// Where Kong wants a field to be something because of another one, its default is that, or there is none.
#[test]
fn no_other_default_is_refused_because_of_another_field() {
    let (kinds, plugins) = crate::routes::testing::schemas();
    let own = kinds.iter().map(|(kind, told)| (kind.clone(), None, told));
    let plugins = plugins.iter().map(|(name, told)| (Kind::of("plugins"), Some(name.as_str()), told));
    let mut seen = 0;
    for (kind, plugin, told) in own.chain(plugins) {
        let schema = schema(kind.name(), plugin);
        for check in told["entity_checks"].as_array().into_iter().flatten() {
            let check = &check["conditional"];
            let Some(wanted) = check["then_match"].get("eq") else { continue };
            let field = check["then_field"].as_str().unwrap();
            // Only where the other field's default doesn't ask for it is the condition somebody's choice, and the
            // answer to it too: Let's Encrypt's terms must be accepted by who uses it.
            if field == "config.tos_accepted" {
                continue;
            }
            seen += 1;
            let default = schema.at(field).and_then(|field| field.default.clone());
            assert!(default.is_none_or(|default| default == *wanted), "{kind}: {field}");
        }
    }
    assert!(seen >= 5, "{seen}");
}

/// Whatever Kong made of a body, filling the body makes of it as well.
#[test]
fn filling_is_what_kong_does() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for folder in ["db-postgres", "db-postgres-2", "db-postgres-3"] {
        for exchange in recorded(folder) {
            if exchange["method"] != "POST" || exchange["status"] != 201 {
                continue;
            }
            let url = url::Url::parse(exchange["url"].as_str().unwrap()).unwrap();
            let (Some(kind), Some(body)) = (kind_of(url.path()), exchange["body"].as_object()) else {
                continue;
            };
            if body.contains_key("url") || body.contains_key("snis") {
                continue;
            }
            seen += 1;
            let schema = schema(kind.name(), body.get("name").and_then(Value::as_str));
            let filled = schema.fill(body);
            let answer = exchange["json"].as_object().unwrap();
            for (name, value) in &filled {
                let (given, told) = (body.contains_key(name), answer.get(name).unwrap_or(&Value::Null));
                let is_foreign =
                    schema.at(name).is_some_and(|field| matches!(field.holds, Holds::Foreign(_)));
                // What is hashed, put into order or referred to otherwise is the plan's to know.
                if is_foreign || (given && ["password", "target", "ttl"].contains(&name.as_str())) {
                    continue;
                }
                if !schema.same(name, value, told) {
                    wrong.push(format!("{folder}/{}: {name}: {value} is {told}", exchange["name"]));
                }
            }
            let owner = kind.facts().and_then(|facts| facts.owner).map(|(field, _)| field);
            assert_eq!(schema.check(body, owner.as_slice()), [], "{folder}/{}", exchange["name"]);
        }
    }
    assert!(seen > 40, "only {seen}");
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn sets_have_no_order_and_lists_have() {
    let routes = schema("routes", None);
    assert!(routes.same("methods", &json!(["GET", "POST"]), &json!(["POST", "GET"])));
    assert!(!routes.same("methods", &json!(["GET", "POST"]), &json!(["GET"])));
    assert!(!routes.same("paths", &json!(["/a", "/b"]), &json!(["/b", "/a"])));
    assert!(routes.same("hosts", &json!([]), &json!({})), "an empty Lua table");
    assert!(!routes.same("hosts", &json!([]), &json!(null)));
    assert!(routes.same("regex_priority", &json!(0), &json!(0.0)));
    let plugins = schema("plugins", Some("rate-limiting"));
    let config = |minute: Value| json!({"minute": minute});
    assert!(plugins.same("config", &config(json!(5)), &json!({"minute": 5, "hour": null})));
    assert!(!plugins.same("config", &config(json!(5)), &config(json!(6))));
}

#[test]
fn defaults_are_known() {
    let services = schema("services", None);
    assert!(services.is_default("retries", &json!(5)));
    assert!(!services.is_default("retries", &json!(null)));
    assert!(services.is_default("path", &json!(null)));
    let upstreams = schema("upstreams", None);
    let filled = upstreams
        .fill(json!({"healthchecks": {"active": {"healthy": {"interval": 5}}}}).as_object().unwrap());
    assert_eq!(
        filled["healthchecks"]["active"]["healthy"],
        json!({"interval": 5, "http_statuses": [200, 302], "successes": 0})
    );
    assert_eq!(filled["healthchecks"]["active"]["unhealthy"]["interval"], json!(0));
    assert_eq!(filled["slots"], json!(10000));
}

#[test]
fn what_a_schema_refuses() {
    let plugin = |name: &str| schema("plugins", Some(name));
    let cases = [
        (schema("services", None), json!({"host": "h", "prot": "http", "port": 70000})),
        (schema("services", None), json!({"host": 5, "protocol": "htp", "retries": "5", "path": "x"})),
        (schema("services", None), json!({"tags": "a", "enabled": "yes"})),
        (schema("routes", None), json!({"paths": "/a", "methods": ["GET", 5], "path_handling": "v2"})),
        (
            schema("upstreams", None),
            json!({"name": "u", "healthchecks": {"active": {"healthy": {"intervall": 5}, "type": "tpc"}}}),
        ),
        (
            plugin("rate-limiting"),
            json!({"name": "rate-limiting", "config": {"minutes": 5, "hour": 0, "policy": "local"}}),
        ),
        (plugin("opentelemetry"), json!({"name": "opentelemetry", "config": {}})),
        (plugin("key-auth"), json!({"name": "key-auth", "config": null})),
        (schema("jwt_secrets", None), json!({"consumer": {"id": "x"}, "key": "", "algorithm": "HS25"})),
        (schema("vaults", None), json!({"prefix": "env", "name": "env", "config": {"prefix": "X"}})),
    ];
    let lines = cases.iter().flat_map(|(schema, declared)| {
        let faults = schema.check(declared.as_object().unwrap(), &[]);
        faults.into_iter().map(|fault| format!("{}: {}", fault.path, fault.message))
    });
    let refused = plugin("key-auth").check(json!({"name": "key-auth"}).as_object().unwrap(), &["consumer"]);
    let lines: Vec<String> =
        lines.chain(refused.iter().map(|fault| format!("{}: {}", fault.path, fault.message))).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    port: value should be between 0 and 65535
    prot: unknown field; did you mean 'port'?
    retries: expected an integer
    protocol: expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp; did you mean 'http'?
    host: expected a string
    path: should start with: /
    host: required field missing
    tags: expected a set
    enabled: expected a boolean
    methods.1: expected a string
    paths: expected an array
    path_handling: expected one of: v0, v1; did you mean 'v1'?
    healthchecks.active.healthy.intervall: unknown field; did you mean 'interval'?
    healthchecks.active.type: expected one of: tcp, http, https, grpc, grpcs; did you mean 'tcp'?
    config.hour: value must be greater than 0
    config.minutes: unknown field; did you mean 'minute'?
    config.endpoint: required field missing
    config: required field missing
    key: length must be at least 1
    algorithm: expected one of: HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384; did you mean 'HS256'?
    prefix: must not be one of: env
    consumer: this plugin can't be put on one of these
    ");
}

#[test]
fn texts_are_read_as_what_their_fields_hold() {
    let declared = json!({"host": "5", "port": "8080", "enabled": "false", "retries": "many", "tags": ["1"]});
    let coerced = schema("services", None).coerce(declared.as_object().unwrap());
    let wanted = json!({"host": "5", "port": 8080, "enabled": false, "retries": "many", "tags": ["1"]});
    assert_eq!(Value::Object(coerced), wanted);
    let declared = json!({"config": {"minute": "2.5", "hour": "10"}});
    let coerced = schema("plugins", Some("rate-limiting")).coerce(declared.as_object().unwrap());
    assert_eq!(Value::Object(coerced), json!({"config": {"minute": 2.5, "hour": 10}}));
}

#[test]
fn what_is_made_up_is_compared_only_where_it_is_declared() {
    for (plugin, declared, live) in [
        ("session", json!({"cookie_name": "c"}), json!({"cookie_name": "c", "secret": "made-up"})),
        ("oauth2", json!({"scopes": ["a"]}), json!({"scopes": ["a"], "provision_key": "made-up"})),
    ] {
        let schema = schema("plugins", Some(plugin));
        let filled = |config: &Value| {
            schema.fill(json!({"name": plugin, "config": config}).as_object().unwrap())["config"].clone()
        };
        assert!(schema.same("config", &filled(&declared), &filled(&live)), "{plugin}");
        let mut said = live.clone();
        let field = if plugin == "session" { "secret" } else { "provision_key" };
        said[field] = json!("declared");
        assert!(!schema.same("config", &filled(&said), &filled(&live)), "{plugin}");
    }
}

/// `cookie_lifetime` is an older name: Kong takes it, and shows what it sets (`rolling_timeout`) in its place.
#[test]
fn beside_a_shorthand_only_what_is_said_counts() {
    let session = schema("plugins", Some("session"));
    let declared = json!({"name": "session", "config": {"cookie_lifetime": 60, "cookie_name": "c"}});
    assert_eq!(session.check(declared.as_object().unwrap(), &[]), []);
    let filled = session.fill(declared.as_object().unwrap());
    let live = |name: &str| {
        session.fill(json!({"config": {"rolling_timeout": 60, "cookie_name": name}}).as_object().unwrap())["config"].clone()
    };
    assert!(session.same("config", &filled["config"], &live("c")));
    assert!(!session.same("config", &filled["config"], &live("d")));
}
