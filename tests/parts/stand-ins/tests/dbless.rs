//! The stand-in for Kong without a database against what a real Kong 3.4.2 answered.

#![allow(clippy::unwrap_used, missing_docs, dead_code, reason = "a test that can't go on should panic")]

mod replay;

use replay::compare::{Ids, without_first_use};
use replay::rename::Renaming;
use vv_stand_ins::kong::{Kong, Options};

/// Exchanges that don't hold, with why.
const EXCEPTED: [(&str, &str); 3] = [
    ("dbless-2/016-", "which 100 of 500 services come first is the order of a Lua table"),
    ("dbless-3/016-", "which of two services comes first is the order of a Lua table"),
    ("dbless-3/017-", "as before"),
];

/// Those that happen to hold with other names.
const LUCKY: [&str; 2] = ["dbless-3/016-", "dbless-3/017-"];

/// From here on the recorded gateway had been started with a file.
const FILE: &str = "106-";

#[tokio::test]
async fn dbless_as_recorded() {
    replay("dbless", false).await;
}

#[tokio::test]
async fn dbless_with_other_names() {
    replay("dbless", true).await;
}

#[tokio::test]
async fn dbless_2_as_recorded() {
    replay("dbless-2", false).await;
}

#[tokio::test]
async fn dbless_2_with_other_names() {
    replay("dbless-2", true).await;
}

#[tokio::test]
async fn dbless_3_as_recorded() {
    replay("dbless-3", false).await;
}

#[tokio::test]
async fn dbless_3_with_other_names() {
    replay("dbless-3", true).await;
}

fn start(declarative: Option<String>) -> Kong {
    Kong::start(Options { database: false, declarative, ..Options::default() }).unwrap()
}

async fn replay(folder: &str, renamed: bool) {
    let recorded = replay::folder(folder);
    let renaming = Renaming::of(&recorded, &[]);
    let mut ids = Ids::new(!renamed);
    let mut kong = start(None);
    let mut failed = Vec::new();
    for exchange in &recorded {
        let mut exchange = if renamed { renaming.exchange(exchange, true) } else { exchange.clone() };
        if folder == "dbless-3" && exchange.name.starts_with(FILE) {
            let file = recorded.iter().find(|exchange| exchange.name.starts_with("113-")).unwrap();
            let file = if renamed { renaming.exchange(file, true) } else { file.clone() };
            kong = start(Some(file.body["config"].as_str().unwrap().to_owned()));
        }
        exchange.url = ids.translate(&exchange.url);
        let address = if exchange.port() == 9100 { kong.status() } else { kong.admin() };
        let mut answer = replay::send(&exchange, address, false).await;
        if exchange.path().starts_with("/schemas/") {
            without_first_use(&mut exchange.json);
            without_first_use(&mut answer.json);
        }
        let same = match answer.status == exchange.status {
            true => ids.same(&exchange.json, &answer.json, ""),
            false => {
                Err(format!("status: recorded {}, now {} {}", exchange.status, answer.status, answer.text))
            }
        };
        if let Err(why) = same {
            failed.push((format!("{folder}/{}", exchange.name), why));
        }
    }
    let of_folder = |(name, _): &&(&str, &str)| {
        name.starts_with(&format!("{folder}/")) && !(renamed && LUCKY.contains(name))
    };
    let excepted: Vec<_> = EXCEPTED.iter().filter(of_folder).copied().collect();
    let how = if renamed { "with other names" } else { "as recorded" };
    replay::verdict(&format!("{folder} {how}"), &failed, recorded.len(), &excepted);
}
