//! What a service's own protocol says, and when it is taken at its word.

use super::support::*;
use crate::engine::memory::Behaviour;
use crate::failure::{Failure, Kind};
use crate::plan::operation::WaitCondition::{Completed, Ready};
use crate::plan::spec::ContainerSpec;
use crate::probe::ProbeFailure;
use crate::run::RunError;

fn wrong_password() -> ProbeFailure {
    ProbeFailure::lasting("refuses the password of user app").hint("set POSTGRES_PASSWORD back")
}

/// Services that aren't ready for so long, and say this from so long after the first question on.
fn refusing(service: &str, not_ready: u64, from: u64, failure: ProbeFailure) -> Bench {
    let bench = Bench::new();
    refuse(&bench, service, not_ready, from, failure);
    bench
}

fn refuse(bench: &Bench, service: &str, not_ready: u64, from: u64, failure: ProbeFailure) {
    bench.ready.after.lock().unwrap().insert(service.to_owned(), secs(not_ready));
    bench.ready.refusals.lock().unwrap().insert(service.to_owned(), (secs(from), failure));
}

fn kind(error: RunError) -> Kind {
    Failure::from(error).kind
}

#[tokio::test(start_paused = true)]
async fn what_waiting_will_not_change_is_not_waited_for() {
    let mut bench = refusing("web", 600, 0, wrong_password());
    bench.options.timeout = Some(secs(300));
    bench.engine.script("web", Behaviour { logs: vec!["FATAL: no".to_owned()], ..Behaviour::default() });
    let error = bench.run(&one(checked(), Ready)).await.unwrap_err();
    insta::assert_snapshot!(described(&error), @r"
    2: could not wait until web is ready: shop-web-1 won't become ready: refuses the password of user app
       | FATAL: no
       hint: set POSTGRES_PASSWORD back
       hint: `vv logs web` shows all of its output
    ");
    assert!(bench.elapsed() >= secs(5) && bench.elapsed() < secs(7), "{:?}", bench.elapsed());
    assert_eq!(kind(error), Kind::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_moment_of_refusal_on_the_way_up_means_nothing() {
    // Its users are made some seconds after its port opens.
    let bench = refusing("web", 4, 1, wrong_password());
    bench.run(&one(checked(), Ready)).await.unwrap();

    // Refusals that aren't in a row don't add up.
    let bench = refusing("web", 60, 0, wrong_password());
    let ready = std::sync::Arc::clone(&bench.ready);
    tokio::spawn(async move {
        for from in [1000, 0].into_iter().cycle() {
            tokio::time::sleep(secs(3)).await;
            ready.refusals.lock().unwrap().insert("web".to_owned(), (secs(from), wrong_password()));
        }
    });
    bench.run(&one(checked(), Ready)).await.unwrap();
    assert!(bench.elapsed() >= secs(60), "{:?}", bench.elapsed());
}

#[tokio::test(start_paused = true)]
async fn another_that_comes_up_may_mend_it() {
    // A job makes the database that the question logs in to.
    let no_database = ProbeFailure::lasting("has no database shop");
    let bench = refusing("db", 20, 0, no_database.clone());
    bench.engine.script("migrate", Behaviour::exits(secs(19), 0));
    let mut steps = Steps::default();
    let db = steps.up("db", checked(), &[]);
    steps.wait("db", Ready, &[db]);
    let migrate = steps.up("migrate", ContainerSpec::default(), &[db]);
    steps.wait("migrate", Completed, &[migrate]);
    bench.run(&steps).await.unwrap();

    // It gets half a minute for that.
    let bench = refusing("db", 600, 0, no_database);
    bench.engine.script("migrate", Behaviour::exits(secs(500), 0));
    let error = bench.run(&steps).await.unwrap_err();
    assert!(described(&error).contains("shop-db-1 won't become ready: has no database shop"));
    assert!(bench.elapsed() >= secs(30) && bench.elapsed() < secs(32), "{:?}", bench.elapsed());
}

#[tokio::test(start_paused = true)]
async fn two_that_refuse_do_not_wait_for_each_other() {
    let bench = refusing("a", 600, 0, wrong_password());
    refuse(&bench, "b", 600, 0, ProbeFailure::lasting("the listener wants TLS"));
    let mut steps = Steps::default();
    for service in ["a", "b"] {
        let up = steps.up(service, checked(), &[]);
        steps.wait(service, Ready, &[up]);
    }
    let error = bench.run(&steps).await.unwrap_err();
    assert!(described(&error).contains("won't become ready"), "{}", described(&error));
    assert!(bench.elapsed() < secs(8), "{:?}", bench.elapsed());
}

#[tokio::test(start_paused = true)]
async fn time_that_is_up_says_what_is_wrong() {
    let failure = ProbeFailure::new("answers 503").hint("its database is missing: vv logs db");
    let mut bench = refusing("web", 600, 0, failure);
    bench.options.timeout = Some(secs(60));
    let error = bench.run(&one(checked(), Ready)).await.unwrap_err();
    insta::assert_snapshot!(described(&error), @r"
    2: could not wait until web is ready: shop-web-1 isn't ready after 1m: answers 503
       hint: its database is missing: vv logs db
       hint: --timeout gives it more time
       hint: `vv logs web` shows all of its output
    ");
    assert_eq!(kind(error), Kind::NotReady);
}
