//! A run that is cut off at any write leaves what the next run finishes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::time::Instant;
use vv_stand_ins::kong::{self, Fault};

use crate::routes::apply::apply;
use crate::routes::testing::{Running, admin, came_of, declaration, options, told};

/// Forty entities: eight services with a route, a plugin each and its own; consumers, credentials, targets.
fn forty() -> String {
    let mut text = "services:\n".to_owned();
    for n in 0..8 {
        text.push_str(&format!(
            "- {{name: s{n}, host: h{n}, routes: [{{name: r{n}, paths: [/p{n}], plugins: [{{name: jwt}}]}}]}}\n"
        ));
    }
    text.push_str("- {name: unnamed-routes, host: h, routes: [{paths: [/x]}, {paths: [/y]}]}\n");
    text.push_str("plugins: [{name: prometheus}, {name: correlation-id}, {name: zipkin}, {name: file-log, config: {path: /dev/null}}]\n");
    text.push_str(
        "consumers:\n- {username: a, keyauth_credentials: [{key: k3y-of-a}], acls: [{group: g}]}\n",
    );
    text.push_str("- {username: b, jwt_secrets: [{key: i, secret: s3cret-b}], basicauth_credentials: [{username: b, password: p4ss-b}]}\n");
    text.push_str("upstreams:\n- {name: u, targets: [{target: '10.0.0.1:80'}, {target: '10.0.0.2:80'}]}\n");
    text
}

async fn cut_at(write: usize, dropped: fn(usize, usize) -> Fault) {
    let cut = Arc::new(AtomicUsize::new(write));
    let hook = Arc::clone(&cut);
    let fault = move |asked: &kong::Asked<'_>| dropped(asked.nth_write, hook.load(Ordering::SeqCst));
    let gateway = Running::with(kong::Options { fault: Some(Arc::new(fault)), ..kong::Options::default() });
    let declaration = declaration(&forty());
    let plan = gateway.plan(&declaration, &options()).await;
    assert_eq!(plan.changes.len(), 40);
    let end = Instant::now() + Duration::from_millis(60);
    apply(&gateway.admin, &declaration, &plan, end, &|_| {}).await;
    // The next run, with connections of its own.
    cut.store(usize::MAX, Ordering::SeqCst);
    let gateway = Running { admin: admin(&format!("http://{}", gateway.kong.admin())), kong: gateway.kong };
    let (_, applied) = gateway.run(&declaration, &options()).await;
    assert_eq!(applied.failure(), None, "cut at {write}: {}", came_of(&applied));
    gateway.kong.forget_journal();
    let (plan, _) = gateway.run(&declaration, &options()).await;
    assert!(plan.is_settled() && plan.undeclared.is_empty(), "cut at {write}: {}", told(&plan));
    assert_eq!(gateway.kong.writes(), []);
    let held: usize = gateway.kong.entities().values().map(std::collections::BTreeMap::len).sum();
    assert_eq!(held, 40, "cut at {write}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_before_any_write() {
    let runs = (1..=41)
        .map(|write| cut_at(write, |nth, at| if nth >= at { Fault::DropBefore } else { Fault::None }));
    stream::iter(runs).buffer_unordered(6).collect::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_after_any_write() {
    let runs = (1..=41).map(|write| {
        cut_at(write, |nth, at| match nth.cmp(&at) {
            std::cmp::Ordering::Less => Fault::None,
            std::cmp::Ordering::Equal => Fault::DropAfter,
            std::cmp::Ordering::Greater => Fault::DropBefore,
        })
    });
    stream::iter(runs).buffer_unordered(6).collect::<()>().await;
}

/// Every write's answer is lost once, and each is done once.
#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_make_no_duplicates() {
    let fault =
        |asked: &kong::Asked<'_>| if asked.nth_write % 2 == 1 { Fault::DropAfter } else { Fault::None };
    let gateway = Running::with(kong::Options { fault: Some(Arc::new(fault)), ..kong::Options::default() });
    let declaration = declaration(&forty());
    let (_, applied) = gateway.run(&declaration, &options()).await;
    assert_eq!(applied.failure(), None, "{}", came_of(&applied));
    let held: usize = gateway.kong.entities().values().map(std::collections::BTreeMap::len).sum();
    assert_eq!(held, 40);
}

/// A gateway that is overloaded, restarts, or fails now and then is asked again.
#[tokio::test(flavor = "multi_thread")]
async fn passing_trouble_is_waited_out() {
    let fault = |asked: &kong::Asked<'_>| match (asked.nth_write, asked.nth_write % 5) {
        (2 | 12 | 22, _) => Fault::Answer(500, json!({"message": "An unexpected error occurred"})),
        (_, 1) => Fault::Answer(503, json!({"message": "failed to get a worker"})),
        (_, 3) => Fault::Answer(429, json!({"message": "API rate limit exceeded"})),
        _ => Fault::None,
    };
    let gateway = Running::with(kong::Options { fault: Some(Arc::new(fault)), ..kong::Options::default() });
    let declaration = declaration(&forty());
    let (_, applied) = gateway.run(&declaration, &options()).await;
    assert_eq!(applied.failure(), None, "{}", came_of(&applied));
    let held: usize = gateway.kong.entities().values().map(std::collections::BTreeMap::len).sum();
    assert_eq!(held, 40);
}

/// What isn't answered at all is told as such, and takes what needs it along.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_answered_is_unanswered() {
    let fault = |asked: &kong::Asked<'_>| if asked.nth_write > 0 { Fault::DropBefore } else { Fault::None };
    let gateway = Running::with(kong::Options { fault: Some(Arc::new(fault)), ..kong::Options::default() });
    let declaration = declaration("services: [{name: s, host: h, routes: [{name: r, paths: [/a]}]}]");
    let plan = gateway.plan(&declaration, &options()).await;
    let end = Instant::now() + Duration::from_millis(200);
    let applied = apply(&gateway.admin, &declaration, &plan, end, &|_| {}).await;
    let port = gateway.kong.admin().port().to_string();
    insta::assert_snapshot!(came_of(&applied).replace(&port, "PORT"), @r"
    kong.yml:2:12: service s: unanswered: http://127.0.0.1:PORT closed the connection: connection closed before message completed
    kong.yml:2:40: route r: not tried: it needs service s, which failed
    ");
}
