//! The deep level of a broker: that the cluster does its work, asked through the listener that the protocol level found.
//!
//! A listener that wants a login or TLS isn't asked: nothing tells vv which it may use.

use super::client::Step;
use super::cluster::{Cluster, settled};
use super::listeners::{self, Security};
use super::{controller, create, disk, partitions, round_trip};
use crate::probe::answer::Answer;
use crate::probe::deep::DeepCheck;
use crate::probe::target::Target;

/// What a broker is asked.
pub(in crate::probe) fn checks(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![
        check(target, "controller", controller::check),
        check(target, "partitions", partitions::check),
        check(target, "create topic", create::check),
        check(target, "consumer groups", create::groups),
        check(target, "disk", disk::check),
        check(target, "produce and consume", round_trip::check),
        // What a declaration of topics promises is checked here: that each is there, with its partitions and settings.
    ]
}

fn check<'a, F>(target: Target<'a>, name: &str, ask: fn(Cluster<'a>) -> F) -> DeepCheck<'a>
where
    F: Future<Output = Step<Answer>> + Send + 'a,
{
    let port = listeners::client_port(target.service);
    DeepCheck::at(name, target, port, move |target, place| async move {
        let wants = match listeners::security(target.service, port) {
            Some(Security::Tls) => "TLS",
            Some(Security::Login) => "a login (SASL)",
            Some(Security::None) | None => {
                let cluster = Cluster::at(target, place);
                return settled(target.deadline, move || ask(cluster)).await;
            }
        };
        Ok(Answer::NotAsked(format!("the listener on port {port} wants {wants}")))
    })
}
