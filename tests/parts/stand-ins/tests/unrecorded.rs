//! What the stand-in's proxy does where no recording tells, by Kong's documentation: workers, weights, precedence,
//! certificates, claims.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test that can't go on should panic")]

#[path = "replay/echo.rs"]
mod echo;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::{EncodingKey, Header};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use vv_stand_ins::kong::{Kong, Options};

fn start() -> Kong {
    Kong::start(Options::default()).unwrap()
}

fn client() -> Client {
    // Each request by a connection of its own, as the recorder's were.
    Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap()
}

/// Makes an entity; its id.
async fn put(kong: &Kong, path: &str, body: Value) -> String {
    let request = client().put(format!("http://{}{path}", kong.admin()));
    let response =
        request.header("Content-Type", "application/json").body(body.to_string()).send().await.unwrap();
    let status = response.status();
    let json: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{path}: {json}");
    json["id"].as_str().unwrap().to_owned()
}

async fn post(kong: &Kong, path: &str, body: Value) {
    let request = client().post(format!("http://{}{path}", kong.admin()));
    let response =
        request.header("Content-Type", "application/json").body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 201, "{path}: {}", response.text().await.unwrap());
}

async fn get(kong: &Kong, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = client().get(format!("http://{}{path}", kong.proxy()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn status(kong: &Kong, path: &str, headers: &[(&str, &str)]) -> u16 {
    get(kong, path, headers).await.status().as_u16()
}

/// A service on an upstream of the test, and its route; the upstream's port.
async fn service(kong: &Kong, name: &str) -> u16 {
    let port = echo::start(200).await;
    put(kong, &format!("/services/{name}"), json!({"url": format!("http://127.0.0.1:{port}")})).await;
    put(kong, &format!("/services/{name}/routes/{name}"), json!({"paths": [format!("/{name}")]})).await;
    port
}

#[tokio::test]
async fn a_change_reaches_each_worker_at_its_own_time() {
    let (fast, slow) = (Duration::from_millis(50), Duration::from_secs(3));
    let kong = Kong::start(Options { propagation: vec![fast, slow], ..Options::default() }).unwrap();
    service(&kong, "a").await;
    // Connections go to the workers in turns: one that answered proves nothing of the other.
    let begun = Instant::now();
    while status(&kong, "/a", &[]).await != 200 {
        assert!(begun.elapsed() < slow);
    }
    assert_eq!(status(&kong, "/a", &[]).await, 404, "the workers agreed at once");
    let mut agreed = 0;
    while agreed < 4 {
        assert!(begun.elapsed() < 3 * slow);
        agreed = if status(&kong, "/a", &[]).await == 200 { agreed + 1 } else { 0 };
    }
    assert!(begun.elapsed() > slow / 2);
}

#[tokio::test]
async fn without_delay_and_without_a_database_a_change_is_seen_at_once() {
    let kong = start();
    service(&kong, "a").await;
    assert_eq!(status(&kong, "/a", &[]).await, 200);
    let port = echo::start(200).await;
    let text = format!(
        "_format_version: '3.0'\nservices:\n- {{name: a, url: 'http://127.0.0.1:{port}', routes: [{{name: a, paths: [/a]}}]}}\n"
    );
    let late = vec![Duration::from_secs(60); 2];
    let kong = Kong::start(Options {
        database: false,
        propagation: late,
        declarative: Some(text),
        ..Options::default()
    });
    let kong = kong.unwrap();
    assert_eq!(status(&kong, "/a", &[]).await, 200);
    let config = |document: Value| {
        let request = client().post(format!("http://{}/config", kong.admin()));
        request.header("Content-Type", "application/json").body(document.to_string()).send()
    };
    let refused = config(json!({"_format_version": "3.0", "services": [{"name": "b"}]})).await.unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(status(&kong, "/a", &[]).await, 200);
    assert_eq!(config(json!({"_format_version": "3.0"})).await.unwrap().status(), 201);
    assert_eq!(status(&kong, "/a", &[]).await, 404);
}

#[tokio::test]
async fn a_refused_file_stops_the_start_with_kongs_words() {
    let text = "_format_version: '3.0'\nservices:\n- {name: a, host: h, nope: 1}\nroutes:\n- {paths: [x]}\n";
    let options = Options { database: false, declarative: Some(text.to_owned()), ..Options::default() };
    let error = format!("{:#}", Kong::start(options).unwrap_err());
    let wanted = "in 'routes':\n  - in entry 1 of 'routes':\n    in 'paths':\n      - in entry 1 of 'paths': \
                  should start with: / (fixed path) or ~/ (regex path)\n\
                  in 'services':\n  - in entry 1 of 'services':\n    in 'nope': unknown field";
    assert!(error.ends_with(wanted), "{error}");
}

#[tokio::test]
async fn a_shipped_configuration_loads() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../stacks/valueverse/kong.yml"));
    let kong =
        Kong::start(Options { database: false, declarative: Some(text.unwrap()), ..Options::default() });
    let kong = kong.unwrap();
    let entities = kong.entities();
    let counts = ["services", "routes", "upstreams", "targets"].map(|kind| entities[kind].len());
    assert_eq!(counts, [6; 4]);
    let origin = [("Origin", "https://app.example.com")];
    let answer = get(&kong, "/api/v1/value-models", &origin).await;
    // Nothing is behind it here.
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.headers()["x-ratelimit-limit-minute"], "300");
    assert_eq!(answer.headers()["x-request-id"].len(), 36);
}

#[tokio::test]
async fn targets_take_turns_by_weight_and_unhealthy_ones_are_left_out() {
    let kong = start();
    put(&kong, "/upstreams/up", json!({})).await;
    let (one, two) = (echo::start(200).await, echo::start(200).await);
    post(&kong, "/upstreams/up/targets", json!({"target": format!("127.0.0.1:{one}"), "weight": 100})).await;
    post(&kong, "/upstreams/up/targets", json!({"target": format!("127.0.0.1:{two}"), "weight": 50})).await;
    post(&kong, "/upstreams/up/targets", json!({"target": "127.0.0.1:1", "weight": 0})).await;
    put(&kong, "/services/s", json!({"host": "up"})).await;
    put(&kong, "/services/s/routes/r", json!({"paths": ["/r"]})).await;
    let count = async |times: usize| {
        let mut counts = (0, 0);
        for _ in 0..times {
            let json: Value = get(&kong, "/r", &[]).await.json().await.unwrap();
            let first = json["port"] == one;
            assert_eq!(json["headers"]["host"], format!("127.0.0.1:{}", if first { one } else { two }));
            if first { counts.0 += 1 } else { counts.1 += 1 }
        }
        counts
    };
    assert_eq!(count(9).await, (6, 3));
    // A target that can't be reached costs no request: another one is tried.
    post(&kong, "/upstreams/up/targets", json!({"target": "127.0.0.1:2", "weight": 100})).await;
    count(6).await;
    // Passive checks leave it out; nothing is left where all are.
    let checks = json!({"healthchecks": {"passive": {"unhealthy": {"http_failures": 1}}}});
    put(&kong, "/upstreams/bad", checks).await;
    let bad = echo::start(500).await;
    post(&kong, "/upstreams/bad/targets", json!({"target": format!("127.0.0.1:{bad}")})).await;
    put(&kong, "/services/bad", json!({"host": "bad"})).await;
    put(&kong, "/services/bad/routes/bad", json!({"paths": ["/bad"]})).await;
    assert_eq!((status(&kong, "/bad", &[]).await, status(&kong, "/bad", &[]).await), (500, 503));
}

#[tokio::test]
async fn the_nearest_instance_of_a_plugin_applies() {
    let kong = start();
    for name in ["a", "b", "c"] {
        service(&kong, name).await;
    }
    let terminate = |status: u16| json!({"name": "request-termination", "config": {"status_code": status}});
    post(&kong, "/plugins", terminate(418)).await;
    post(&kong, "/services/b/plugins", terminate(419)).await;
    post(&kong, "/services/c/plugins", terminate(419)).await;
    post(&kong, "/routes/c/plugins", terminate(420)).await;
    let all =
        [status(&kong, "/a", &[]).await, status(&kong, "/b", &[]).await, status(&kong, "/c", &[]).await];
    assert_eq!(all, [418, 419, 420]);
}

#[tokio::test]
async fn a_route_without_a_service_answers_by_its_plugins_only() {
    let kong = start();
    let id = put(&kong, "/routes/nonce", json!({"paths": ["/nonce"]})).await;
    assert_eq!(status(&kong, "/nonce", &[]).await, 503);
    let plugin = json!({"name": "request-termination", "config": {"status_code": 299, "message": "here"}});
    post(&kong, &format!("/routes/{id}/plugins"), plugin).await;
    let answer = get(&kong, "/nonce", &[]).await;
    assert_eq!(answer.status(), 299);
    assert!(answer.headers().contains_key("x-kong-response-latency"));
}

#[tokio::test]
async fn limits_are_counted_for_each_consumer_and_told() {
    let kong = start();
    service(&kong, "a").await;
    post(&kong, "/services/a/plugins", json!({"name": "key-auth"})).await;
    let limit = json!({"name": "rate-limiting", "config": {"year": 2, "policy": "local"}});
    post(&kong, "/services/a/plugins", limit).await;
    for consumer in ["ann", "ben"] {
        put(&kong, &format!("/consumers/{consumer}"), json!({})).await;
        post(&kong, &format!("/consumers/{consumer}/key-auth"), json!({"key": consumer})).await;
    }
    for (consumer, wanted, left) in
        [("ann", 200, "1"), ("ann", 200, "0"), ("ann", 429, "0"), ("ben", 200, "1")]
    {
        let answer = get(&kong, "/a", &[("apikey", consumer)]).await;
        assert_eq!(answer.status().as_u16(), wanted, "{consumer}");
        assert_eq!(answer.headers()["x-ratelimit-remaining-year"], left);
    }
}

#[tokio::test]
async fn tokens_by_their_times_their_place_and_an_anonymous_consumer() {
    let kong = start();
    service(&kong, "a").await;
    put(&kong, "/consumers/ann", json!({})).await;
    put(&kong, "/consumers/nobody", json!({})).await;
    post(&kong, "/consumers/ann/jwt", json!({"key": "ann", "secret": "made up"})).await;
    let config = json!({"claims_to_verify": ["exp", "nbf"], "cookie_names": ["session"]});
    post(&kong, "/services/a/plugins", json!({"name": "jwt", "config": config})).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let token = |secret: &str, begin: u64, end: u64| {
        let claims = json!({"iss": "ann", "nbf": begin, "exp": end});
        jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes()))
            .unwrap()
    };
    let answer = async |token: String| {
        let answer = get(&kong, "/a", &[("Authorization", &format!("Bearer {token}"))]).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(answer(token("made up", now - 9, now + 9)).await.0, 200);
    let early = answer(token("made up", now + 9, now + 99)).await;
    assert_eq!(early, (401, json!({"nbf": "token not valid yet"}).to_string()));
    let wrong = answer(token("another", now - 9, now + 9)).await;
    assert_eq!(wrong, (401, json!({"message": "Invalid signature"}).to_string()));
    let cookie = format!("x=1; session={}", token("made up", now - 9, now + 9));
    assert_eq!(status(&kong, "/a", &[("Cookie", &cookie)]).await, 200);

    service(&kong, "b").await;
    post(&kong, "/services/b/plugins", json!({"name": "jwt", "config": {"anonymous": "nobody"}})).await;
    let json: Value = get(&kong, "/b", &[]).await.json().await.unwrap();
    assert_eq!(json["headers"]["x-anonymous-consumer"], "true");
    assert_eq!(json["headers"]["x-consumer-username"], "nobody");
}

#[tokio::test]
async fn certificates_by_name_and_services_by_https() {
    let kong = start();
    service(&kong, "a").await;
    let signed = rcgen::generate_simple_self_signed(vec!["shop.example.test".to_owned()]).unwrap();
    let pair = json!({"cert": signed.cert.pem(), "key": signed.signing_key.serialize_pem(), "snis": ["shop.example.test"]});
    post(&kong, "/certificates", pair).await;
    assert_eq!(served(kong.proxy_tls(), "shop.example.test").await, signed.cert.der().to_vec());
    assert_ne!(served(kong.proxy_tls(), "other.example.test").await, signed.cert.der().to_vec());
    // One gateway's service is another's HTTPS proxy.
    let front = start();
    put(&front, "/services/s", json!({"url": format!("https://{}/a", kong.proxy_tls())})).await;
    put(&front, "/services/s/routes/r", json!({"paths": ["/r"]})).await;
    let json: Value = get(&front, "/r/x", &[]).await.json().await.unwrap();
    assert_eq!(
        (json["path"].as_str(), json["headers"]["x-forwarded-proto"].as_str()),
        (Some("/x"), Some("https"))
    );
}

/// The certificate that is shown for a name.
async fn served(address: SocketAddr, name: &str) -> Vec<u8> {
    let connector = tokio_rustls::TlsConnector::from(Arc::new(vv_stand_ins::kong::proxy::trusting()));
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = rustls_pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let stream = connector.connect(name, stream).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn transformations_of_headers_and_queries() {
    let kong = start();
    service(&kong, "a").await;
    let config = json!({
        "remove": {"headers": ["X-Gone"], "querystring": ["gone"]},
        "rename": {"headers": ["X-Old:X-New"], "querystring": ["old:new"]},
        "replace": {"headers": ["X-Set:2", "X-Absent:2"]},
        "add": {"headers": ["X-Set:3", "X-Added:3"]},
        "append": {"querystring": ["many:2"]},
    });
    post(&kong, "/services/a/plugins", json!({"name": "request-transformer", "config": config})).await;
    let headers = [("X-Gone", "1"), ("X-Old", "1"), ("X-Set", "1")];
    let json: Value = get(&kong, "/a?gone=1&old=1&many=1", &headers).await.json().await.unwrap();
    assert_eq!(json["path"], "/?many=1&many=2&new=1");
    let got = |name: &str| json["headers"][name].as_str().unwrap_or_default().to_owned();
    let all = ["x-gone", "x-old", "x-new", "x-set", "x-absent", "x-added"].map(got);
    assert_eq!(all, ["", "", "1", "2", "", "3"].map(str::to_owned));
}

#[tokio::test]
async fn a_dropped_gateway_answers_no_more() {
    let kong = start();
    service(&kong, "a").await;
    let address = kong.proxy();
    drop(kong);
    let begun = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
