//! Deletes topics that nobody declared, when somebody asked for it.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::round::too_late;
use super::{End, look_again, pauses};
use crate::topics::admin::Admin;

/// Deletes these topics within `timeout`; how each ended, in their order. One that is gone already is done.
///
/// The names must come from [`crate::topics::prune::matching`].
pub async fn prune(admin: &dyn Admin, topics: &[String], timeout: Duration) -> Vec<(String, End)> {
    let deadline = Instant::now() + timeout;
    let mut ends: Vec<(String, Option<End>)> = topics.iter().map(|name| (name.clone(), None)).collect();
    let mut pauses = pauses();
    loop {
        let open: Vec<String> =
            ends.iter().filter(|(_, end)| end.is_none()).map(|(name, _)| name.clone()).collect();
        if open.is_empty() {
            break;
        }
        let answers = timeout_at(deadline, admin.delete(&open)).await.unwrap_or_else(|_| Err(too_late()));
        let mut trouble = Vec::new();
        for (name, end) in ends.iter_mut().filter(|(_, end)| end.is_none()) {
            let answer = answers.as_ref().map(|answers| answers.get(name));
            let lost = match answer {
                Ok(Some(Err(refusal))) => refusal.as_unanswered(),
                _ => None,
            };
            match lost.as_ref().map_or(answer, Err) {
                Ok(Some(Ok(()))) => *end = Some(End::Done),
                Ok(Some(Err(refusal))) if refusal.code == "UNKNOWN_TOPIC_OR_PARTITION" => {
                    *end = Some(End::Done);
                }
                Ok(Some(Err(refusal))) if !refusal.retriable => *end = Some(End::Refused(refusal.clone())),
                Ok(Some(Err(refusal))) => trouble.push((name.clone(), End::Refused(refusal.clone()))),
                Ok(None) => {}
                Err(error) if !error.retriable => *end = Some(End::Unknown(error.clone())),
                Err(error) => trouble.push((name.clone(), End::Unknown(error.clone()))),
            }
        }
        let open = ends.iter_mut().filter(|(_, end)| end.is_none());
        if open.count() == 0 {
            break;
        }
        match look_again(admin, &[], deadline, &mut pauses).await {
            Ok(cluster) => {
                let gone = |name: &str| !cluster.topics.contains_key(name);
                ends.iter_mut()
                    .filter(|(name, end)| end.is_none() && gone(name))
                    .for_each(|(_, end)| *end = Some(End::Done));
            }
            Err(error) => {
                for (name, end) in ends.iter_mut().filter(|(_, end)| end.is_none()) {
                    let told = trouble.iter().find(|(topic, _)| topic == name).map(|(_, end)| end.clone());
                    *end = Some(told.unwrap_or_else(|| End::Unknown(error.clone())));
                }
            }
        }
    }
    ends.into_iter().map(|(name, end)| (name, end.unwrap_or_else(|| End::Unknown(too_late())))).collect()
}
