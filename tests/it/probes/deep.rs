//! What the deep checks of real systems come to, and the ways in which every system goes away.

use std::time::{Duration, Instant};

use vv::probe::{Check, Level, Outcome, check_service};
use vv::stack::Service;

use super::engine::{Cli, Container, docker};
use super::{PATIENCE, START, stack_of, until_ready};

/// Asks everything.
pub async fn checks(service: &Service, container: &Container, patience: Duration) -> Vec<Check> {
    let platform = Cli::of(&service.name, container);
    check_service(&stack_of(service), service, &platform, Level::Deep, patience).await
}

/// What the deep checks say, a line each: `writes Ok: …`.
pub async fn deep(service: &Service, container: &Container) -> String {
    let checks = checks(service, container, PATIENCE).await;
    lines(checks.iter().filter(|check| check.level == Level::Deep))
}

fn lines<'a>(checks: impl Iterator<Item = &'a Check>) -> String {
    checks.map(|check| format!("{} {:?}: {}\n", check.name, check.outcome, check.detail)).collect()
}

/// Asks until this is among what the checks say, for what a system takes note of in its own time.
pub async fn comes_to(service: &Service, container: &Container, wanted: &str) -> String {
    let started = Instant::now();
    loop {
        let said = lines(checks(service, container, PATIENCE).await.iter());
        if said.contains(wanted) {
            return said;
        }
        assert!(started.elapsed() < START / 2, "wanted: {wanted}\nsaid: {said}\n{}", container.logs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// That all is well, at every level.
pub async fn all_well(service: &Service, container: &Container) -> String {
    let checks = checks(service, container, PATIENCE).await;
    assert!(checks.iter().any(|check| check.level == Level::Deep), "{checks:?}");
    assert!(checks.iter().all(|check| check.outcome == Outcome::Ok), "{}", lines(checks.iter()));
    lines(checks.iter().filter(|check| check.level == Level::Deep))
}

/// Freezes, cuts off, takes off its network and kills a system that is ready: each has its own words, within the
/// time that an answer may take.
pub async fn goes_away(service: &Service, container: &Container) {
    let patience = Duration::from_millis(700);
    let first_failure = async |patience: Duration| {
        let started = Instant::now();
        let checks = checks(service, container, patience).await;
        // Beside the probes' own time, the test's platform starts docker some times.
        assert!(started.elapsed() < patience * 2 + Duration::from_secs(6), "{:?}", started.elapsed());
        let failed: Vec<&Check> = checks.iter().filter(|check| check.outcome == Outcome::Fail).collect();
        let after = checks.iter().skip_while(|check| check.outcome != Outcome::Fail).skip(1);
        assert!(after.clone().all(|check| check.outcome == Outcome::Skipped), "{}", lines(checks.iter()));
        match failed.as_slice() {
            [only] => format!("{:?}: {}", only.level, only.detail),
            _ => lines(checks.iter()),
        }
    };

    container.freeze_all();
    let frozen = first_failure(patience).await;
    container.thaw();
    assert!(frozen.ends_with("accepts but says nothing within 0.7 s"), "{frozen}");
    until_ready(service, container).await;

    container.pause();
    let paused = first_failure(patience).await;
    docker(&["unpause", &container.name]);
    assert_eq!(paused, "Container: paused: its processes are frozen");
    until_ready(service, container).await;

    container.cut(true);
    let cut = first_failure(patience).await;
    container.cut(false);
    assert!(cut.ends_with("accepts but says nothing within 0.7 s"), "{cut}");
    until_ready(service, container).await;

    docker(&["network", "disconnect", "bridge", &container.name]);
    let off = first_failure(patience).await;
    assert_eq!(off, format!("Port: {} is cut off from its networks", container.name));

    docker(&["kill", &container.name]);
    let dead = first_failure(patience).await;
    assert!(dead.starts_with("Container: ended with 137"), "{dead}");
}
