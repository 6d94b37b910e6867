//! Targets that are a service's replicas, kept in step by `scale`, `stop` and `start`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::stacks::{Ports, project, stub, with_database};
use super::{ask, send};
use crate::support::Project;

const FILE: &str = "_format_version: '3.0'
services:
  - {name: shop, host: shop.upstream, port: 8080, retries: 0, routes: [{name: shop, paths: [/shop], strip_path: false}]}
upstreams:
  - name: shop.upstream
    targets: [{target: 'shop:8080', weight: 50}]
";

/// What requests are given to: the address, and its weight.
fn targets(ports: Ports) -> BTreeSet<(String, u64)> {
    let listed = ask(&ports.admin("/upstreams/shop.upstream/targets?size=1000"), &[]).json();
    let targets = listed["data"].as_array().unwrap_or_else(|| panic!("{listed}")).clone();
    let read = |target: &serde_json::Value| {
        (target["target"].as_str().unwrap().to_owned(), target["weight"].as_u64().unwrap())
    };
    targets.iter().map(read).collect()
}

fn replicas(project: &Project, numbers: &[usize]) -> BTreeSet<(String, u64)> {
    let name = |number: &usize| format!("{}:8080", project.container(&format!("shop-{number}")));
    numbers.iter().map(|number| (name(number), 50)).collect()
}

/// No answer of a replica that is there takes so long, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks without a pause while something is done and a while longer: no answer may be an error, or late. The sizes that
/// the set of targets had meanwhile.
fn while_asked(ports: Ports, done: impl FnOnce()) -> BTreeSet<usize> {
    let over = Arc::new(AtomicBool::new(false));
    let asking = {
        let over = Arc::clone(&over);
        std::thread::spawn(move || {
            let (mut bad, mut sizes) = (Vec::new(), BTreeSet::new());
            while !over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let answer = ask(&ports.proxy("/shop"), &[]);
                // Kong asks another one where nobody answers, but its client has waited.
                if answer.status != 200 || asked.elapsed() > PATIENCE {
                    bad.push(answer);
                }
                sizes.insert(targets(ports).len());
            }
            (bad, sizes)
        })
    };
    done();
    // The proxy's workers take up what was told with a delay.
    std::thread::sleep(Duration::from_secs(3));
    over.store(true, Ordering::Relaxed);
    let (bad, sizes) = asking.join().unwrap();
    assert!(bad.is_empty(), "{bad:?}");
    sizes
}

#[test]
fn targets_follow_the_replicas() {
    let ports = Ports::free();
    let services = stub("shop", 8080, &["/shop"]);
    // Long enough for a replica that is stopped at once to be asked in vain.
    let slow = with_database(ports).replace("UPDATE_FREQUENCY: 1}", "UPDATE_FREQUENCY: 3}");
    let project = project("routes-scale", &slow, &services, FILE);
    project.ok(&["start"]);
    assert_eq!(targets(ports), replicas(&project, &[1]));
    // Somebody else's target of the same upstream.
    let foreign = format!("{}:8080", project.container("kong-1"));
    send("POST", &ports.admin("/upstreams/shop.upstream/targets"), &json!({"target": foreign, "weight": 0}));
    let with_foreign = |numbers: &[usize]| {
        let mut all = replicas(&project, numbers);
        all.insert((foreign.clone(), 0));
        all
    };

    let sizes = while_asked(ports, || drop(project.ok(&["scale", "shop", "3"])));
    assert_eq!(targets(ports), with_foreign(&[1, 2, 3]));
    assert!(sizes.iter().all(|size| *size >= 2), "there was always one: {sizes:?}");
    project.ok(&["setup-routes", "--check"]);

    // Fewer: the one that goes is asked no more before it goes.
    let sizes = while_asked(ports, || drop(project.ok(&["scale", "shop", "2"])));
    assert_eq!(targets(ports), with_foreign(&[1, 2]));
    assert!(sizes.iter().all(|size| *size >= 3), "none went but the one: {sizes:?}");

    project.ok(&["stop", "shop"]);
    assert_eq!(targets(ports), with_foreign(&[]), "what is stopped is asked no more");
    let answer = ask(&ports.proxy("/shop"), &[]);
    assert_eq!(answer.status, 503, "{answer:?}");
    project.ok(&["start"]);
    assert_eq!(targets(ports), with_foreign(&[1, 2]));
    assert_eq!(ask(&ports.proxy("/shop"), &[]).status, 200);
    project.ok(&["start"]).says("nothing to do");
    project.ok(&["setup-routes", "--check"]);
    project.ok(&["down", "-v"]);
    assert_eq!(project.leftovers(), Vec::<String>::new());
}

/// A weight that changes is a weight that changes: the replicas stay what they are.
#[test]
fn a_changed_weight_moves_nobody() {
    let ports = Ports::free();
    let services = stub("shop", 8080, &["/shop"]);
    let project = project("routes-weight", &with_database(ports), &services, FILE);
    project.ok(&["start"]);
    project.ok(&["scale", "shop", "2"]);
    let ids = || -> BTreeSet<String> {
        let listed = ask(&ports.admin("/upstreams/shop.upstream/targets"), &[]).json();
        let targets = listed["data"].as_array().unwrap().clone();
        targets.iter().map(|target| target["id"].as_str().unwrap().to_owned()).collect()
    };
    let before = ids();
    project.write("kong.yml", &FILE.replace("weight: 50", "weight: 80"));
    project.ok(&["setup-routes"]).shows("weight");
    let weights: BTreeSet<u64> = targets(ports).into_iter().map(|(_, weight)| weight).collect();
    assert_eq!((weights, ids()), (BTreeSet::from([80]), before));
    project.ok(&["down", "-v"]);
}
