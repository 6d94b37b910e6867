//! The stand-in for Kong against what a real Kong Gateway 3.4.2 answered: every recorded exchange is replayed, once as it
//! was recorded and once with all entities renamed. What needn't hold is in `exceptions`, each with its reason.

#![allow(clippy::unwrap_used, missing_docs, reason = "all of it is a test")]

#[path = "contract/compare.rs"]
mod compare;
#[path = "contract/exceptions.rs"]
mod exceptions;
#[path = "contract/recording.rs"]
mod recording;
#[path = "contract/rename.rs"]
mod rename;
#[path = "contract/replay.rs"]
mod replay;

use replay::{Way, replay};

/// Both ways at once: waiting is most of it.
fn both(folder: &'static str) {
    let ways = [Way::Recorded, Way::Renamed].map(|way| std::thread::spawn(move || replay(folder, way)));
    for way in ways {
        let outcome = way.join().unwrap();
        outcome.judge();
    }
}

#[test]
fn db_postgres() {
    both("db-postgres");
}

#[test]
fn db_postgres_2() {
    both("db-postgres-2");
}

#[test]
fn db_postgres_3() {
    both("db-postgres-3");
}

#[test]
fn db_down() {
    both("db-down");
}

#[test]
fn schemas() {
    both("schemas");
}
