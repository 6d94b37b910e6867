//! Targets that stand for the replicas of services, whatever those are called.

use serde_json::{Value, json};
use vv_stand_ins::kong;

use crate::routes::declaration::Declaration;
use crate::routes::expand::expand;
use crate::routes::testing::{Running, came_of, declaration, options, told};

/// An upstream with these hosts in the place of a service.
fn balanced(hosts: &[&str]) -> Declaration {
    let mut declaration = declaration("upstreams: [{name: u, targets: [{target: 'orders:80'}]}]");
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    expand(&mut declaration, &[("orders".to_owned(), hosts)].into());
    declaration
}

fn targets(gateway: &Running) -> Vec<Value> {
    let targets = gateway.kong.entities().remove("targets").unwrap_or_default();
    targets.into_values().map(|target| json!([target["target"], target["tags"]])).collect()
}

#[tokio::test]
async fn a_replica_of_any_name_is_known_after_it_is_gone() {
    for database in [true, false] {
        let gateway = Running::with(kong::Options { database, ..kong::Options::default() });
        let mut lines = Vec::new();
        for hosts in [&["the-shop", "demo_orders_2"][..], &["demo_orders_2"], &["renamed"], &[]] {
            let (plan, applied) = gateway.run(&balanced(hosts), &options()).await;
            assert_eq!(applied.failure(), None, "{}", came_of(&applied));
            lines.push(told(&plan));
            let tags = ["vv:demo", "vv-replica:orders"];
            assert!(
                targets(&gateway).iter().all(|target| target[1] == json!(tags)),
                "{:?}",
                targets(&gateway)
            );
            let again = gateway.plan(&balanced(hosts), &options()).await;
            assert!(again.is_settled() && again.undeclared.is_empty(), "{}", told(&again));
        }
        insta::allow_duplicates! { insta::assert_snapshot!(lines.join("\n--\n"), @r"
        + upstream u
        + target the-shop:80 of upstream u
        + target demo_orders_2:80 of upstream u
        0 settled, 0 foreign
        --
        - target the-shop:80 of upstream u (NoReplica)
        2 settled, 0 foreign
        --
        + target renamed:80 of upstream u
        - target demo_orders_2:80 of upstream u (NoReplica)
        1 settled, 0 foreign
        --
        - target renamed:80 of upstream u (NoReplica)
        1 settled, 0 foreign
        ") };
    }
}

#[tokio::test]
async fn one_that_was_made_without_the_tag_is_left_as_it_is() {
    let gateway = Running::start();
    gateway.by_hand("POST", "upstreams", json!({"name": "u", "tags": ["vv:demo"]})).await;
    let target = json!({"target": "demo-orders-1:80", "tags": ["vv:demo"]});
    gateway.by_hand("POST", "upstreams/u/targets", target).await;
    let plan = gateway.plan(&balanced(&["demo-orders-1"]), &options()).await;
    assert_eq!(told(&plan), "2 settled, 0 foreign");
    // Of another service, it would be taken for a replica of that.
    let target = json!({"target": "a:80", "tags": ["vv:demo", "vv-replica:users"]});
    gateway.by_hand("POST", "upstreams/u/targets", target).await;
    let plan = gateway.plan(&balanced(&["a", "demo-orders-1"]), &options()).await;
    insta::assert_snapshot!(told(&plan), @r"
    ~ target a:80 of upstream u: tags: [vv:demo, vv-replica:users] → [vv:demo, vv-replica:orders]
    2 settled, 0 foreign
    ");
}

/// As a file has it that Kong read when it started.
#[tokio::test]
async fn replicas_take_the_place_of_the_service_itself() {
    let gateway = Running::start();
    gateway.by_hand("POST", "upstreams", json!({"name": "u", "tags": ["vv:demo"]})).await;
    gateway.by_hand("POST", "upstreams/u/targets", json!({"target": "orders:80", "tags": ["vv:demo"]})).await;
    let plans = [&["the-shop"][..], &[]].map(balanced);
    let plans = [gateway.plan(&plans[0], &options()).await, gateway.plan(&plans[1], &options()).await];
    insta::assert_snapshot!(plans.iter().map(told).collect::<Vec<_>>().join("\n--\n"), @r"
    + target the-shop:80 of upstream u
    - target orders:80 of upstream u (Replaced)
    1 settled, 0 foreign
    --
    - target orders:80 of upstream u (NoReplica)
    1 settled, 0 foreign
    ");
}
