//! Settings of the kernel that systems in containers depend on. Containers share it, so it is the machine's to set.

use super::Finding;
use super::facts::{EngineFacts, Here};
use crate::stack::{Service, Stack};

/// What Elasticsearch and OpenSearch check at their start
/// (<https://www.elastic.co/docs/deploy-manage/deploy/self-managed/vm-max-map-count>).
const MAP_COUNT: u64 = 262_144;
/// The kernel's own default; less is soon used up.
const INOTIFY: u64 = 128;

/// Settings that are too low for what the stack runs; nothing of an engine with another kernel.
pub fn limits(stack: &Stack, engine: &EngineFacts, here: &Here) -> Vec<Finding> {
    // Docker Desktop's engine is local and has a kernel of its own.
    let same = engine.info.local
        && engine
            .system
            .as_ref()
            .is_ok_and(|system| !system.kernel.is_empty() && system.kernel == here.kernel);
    if !same {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let searching =
        stack.services.values().filter(|service| service.vv.kind.as_deref() == Some("elasticsearch"));
    for service in searching {
        let Some(count) = here.max_map_count else { continue };
        let seen = format!("vm.max_map_count is {count}, and Elasticsearch wants {MAP_COUNT}");
        let fix = format!(
            "sudo sysctl -w vm.max_map_count={MAP_COUNT} (for good: a line in /etc/sysctl.d/99-elasticsearch.conf)"
        );
        findings.push(
            match () {
                () if count >= MAP_COUNT => Finding::ok("kernel", format!("vm.max_map_count is {count}")),
                // A single node only logs what fails of its checks.
                () if is_single(service) => Finding::warn("kernel", seen, fix),
                () => Finding::fail("kernel", seen, fix),
            }
            .of(&service.name),
        );
    }
    if let Some(instances) = here.inotify_instances.filter(|instances| *instances < INOTIFY) {
        findings.push(Finding::warn(
            "kernel",
            format!(
                "fs.inotify.max_user_instances is {instances}: servers that watch files may refuse to start"
            ),
            "sudo sysctl -w fs.inotify.max_user_instances=1024",
        ));
    }
    findings
}

fn is_single(service: &Service) -> bool {
    let value = |name: &str| service.environment.get(name).and_then(Option::as_deref);
    value("discovery.type") == Some("single-node")
}
