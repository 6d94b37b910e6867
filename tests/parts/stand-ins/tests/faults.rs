//! What tests of vv ask of the stand-in beside Kong's answers: a journal, faults, several at once, an end.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that can't go on should panic")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vv_stand_ins::kong::{Asked, Entry, Fault, Kong, Options};

fn kong(fault: impl Fn(&Asked<'_>) -> Fault + Send + Sync + 'static) -> Kong {
    Kong::start(Options { fault: Some(Arc::new(fault)), ..Options::default() }).unwrap()
}

async fn post(kong: &Kong, name: &str) -> Result<u16, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({"name": name, "host": "h"}).to_string();
    let url = format!("http://{}/services", kong.admin());
    let request = client.post(url).header("Content-Type", "application/json").body(body);
    Ok(request.send().await?.status().as_u16())
}

fn services(kong: &Kong) -> Vec<String> {
    let state = kong.gateway().state();
    let mut names: Vec<String> =
        state.all("services").map(|service| service["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn each_write_can_fail_in_its_own_way() {
    let kong = kong(|asked| match asked.nth_write {
        1 => Fault::DropBefore,
        2 => Fault::DropAfter,
        3 => Fault::Answer(503, json!({"message": "not now"})),
        4 => Fault::Delay(Duration::from_millis(200)),
        _ => Fault::None,
    });
    assert!(post(&kong, "a").await.is_err());
    assert!(post(&kong, "b").await.is_err());
    assert_eq!(post(&kong, "c").await.unwrap(), 503);
    let asked = Instant::now();
    assert_eq!(post(&kong, "d").await.unwrap(), 201);
    assert!(asked.elapsed() >= Duration::from_millis(200));
    assert_eq!(post(&kong, "e").await.unwrap(), 201);
    assert_eq!(services(&kong), ["b", "d", "e"]);
    let told: Vec<u16> = kong.writes().iter().map(|entry| entry.status).collect();
    assert_eq!(told, [0, 0, 503, 201, 201]);
    kong.forget_journal();
    assert_eq!(kong.writes(), Vec::<Entry>::new());
}

#[tokio::test]
async fn several_run_at_once_and_end_when_dropped() {
    let (one, other) = (kong(|_| Fault::None), kong(|_| Fault::None));
    assert_eq!(post(&one, "a").await.unwrap(), 201);
    assert_eq!(services(&other), Vec::<String>::new());
    assert!(one.journal().iter().all(Entry::is_write));
    let admin = one.admin();
    drop(one);
    let until = Instant::now() + Duration::from_secs(5);
    while std::net::TcpStream::connect(admin).is_ok() {
        assert!(Instant::now() < until, "it still listens");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(post(&other, "b").await.unwrap(), 201);
}

#[tokio::test]
async fn what_cannot_start_says_so() {
    let taken = kong(|_| Fault::None);
    assert!(Kong::start(Options { admin: taken.admin(), ..Options::default() }).is_err());
}

/// Types that no recording has: by Kong's documentation.
#[tokio::test]
async fn unrecorded_types_take_the_same_way() {
    let kong = kong(|_| Fault::None);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |method: &str, path: &str, body: Value| {
        let url = format!("http://{}{path}", kong.admin());
        let request = client.request(method.parse().unwrap(), url).header("Content-Type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap_or_default())
    };
    assert_eq!(send("PUT", "/consumers/c", json!({})).await.0, 200);
    let (status, oauth2) = send("POST", "/consumers/c/oauth2", json!({"name": "app"})).await;
    assert_eq!((status, oauth2["client_secret"].as_str().unwrap().len()), (201, 32), "{oauth2}");
    assert_eq!(
        send("GET", &format!("/oauth2/{}", oauth2["client_id"].as_str().unwrap()), json!({})).await.0,
        200
    );
    assert_eq!(send("POST", "/key-sets", json!({"name": "s"})).await.0, 201);
    let jwk = json!({"name": "k", "kid": "1", "set": {"name": "s"}, "jwk": "{\"kid\":\"1\",\"kty\":\"oct\",\"k\":\"aA\"}"});
    let (status, key) = send("POST", "/keys", jwk).await;
    assert_eq!(status, 201, "{key}");
    assert_eq!(send("POST", "/keys", json!({"name": "l", "kid": "2"})).await.0, 400);
    assert_eq!(send("DELETE", "/consumers/c", json!({})).await.0, 204);
    assert_eq!(send("GET", "/oauth2", json!({})).await.1["data"], json!([]));
}
