//! What is to be done with one declared entity, whatever becomes of the others.

use serde_json::json;

use super::desired::Desired;
use super::difference::Difference;
use super::live::{Entity as LiveEntity, Whose};
use super::planner::{Candidate, Planner};
use super::{Action, Body};

/// What is to be done with a declared entity.
pub(super) enum Verdict {
    /// Nothing.
    Settled,
    /// This.
    Change(Action, Body),
    /// It can't be made so, for this reason; with what to do.
    Impossible(String, Option<String>),
    /// The same, and others may refer to it all the same: it is there, and another's.
    Foreign(String, Option<String>),
}

impl<'a> Planner<'a> {
    /// Decides on each, for itself.
    pub(super) fn judge(&self, group: &mut [Candidate<'a>]) {
        for candidate in group {
            candidate.verdict = self.verdict(candidate);
        }
    }

    fn verdict(&self, candidate: &Candidate<'a>) -> Verdict {
        let Candidate { entity, schema, desired, .. } = candidate;
        // Kong 3.4.2 hashes whatever it is given as a password.
        let unhashable =
            self.declaration.hashed && self.gateway.database && entity.kind.name() == "basicauth_credentials";
        let hashed = || {
            let hint = "give the password itself, without '_transform: false'".to_owned();
            let reason = "a password that is hashed already can't be set through the Admin API".to_owned();
            Verdict::Impossible(reason, Some(hint))
        };
        let difference = Difference {
            kind: &entity.kind,
            schema,
            without_tag: (!self.gateway.database).then_some(self.tag.as_str()),
            labels: &self.labels,
            secrets: &self.declaration.secrets,
        };
        let Some(found) = candidate.found else {
            if unhashable {
                return hashed();
            }
            let mut send = desired.sent.clone();
            send.insert("id".to_owned(), json!(candidate.id));
            return Verdict::Change(Action::Create, Body(send));
        };
        let (fields, mut patch) = difference.between(&desired.shown, found);
        if patch.contains_key("password") && entity.kind.name() == "basicauth_credentials" {
            if unhashable {
                return hashed();
            }
            // What is kept is the hash, what is sent the password.
            patch.insert("password".to_owned(), desired.sent.get("password").cloned().unwrap_or_default());
        }
        let adopts = self.live.whose(found) != Whose::Own;
        if patch.is_empty() {
            return Verdict::Settled;
        }
        if adopts && !self.options.adopt {
            if difference.holds(&self.as_shown(candidate), found, &self.tag) {
                return Verdict::Settled;
            }
            let others: Vec<&str> =
                fields.iter().map(|field| field.field.as_str()).filter(|field| *field != "tags").collect();
            let reason =
                format!("it is there, belongs to another owner, and differs in {}", others.join(", "));
            let hint = Some("--adopt takes it over".to_owned());
            // What refers to it by name means it whatever else it is; by an id alone, perhaps not.
            let renamed = entity
                .kind
                .facts()
                .is_some_and(|facts| others.iter().any(|field| facts.named_by.contains(field)));
            return if renamed { Verdict::Impossible(reason, hint) } else { Verdict::Foreign(reason, hint) };
        }
        Verdict::Change(Action::Update { fields, adopts }, Body(patch))
    }

    /// What is declared, and only that, in the form in which the gateway shows it.
    fn as_shown(&self, candidate: &Candidate<'a>) -> LiveEntity {
        let Desired { sent, shown } = &candidate.desired;
        let mut declared = sent.clone();
        if candidate.entity.kind.name() == "basicauth_credentials"
            && let Some(hash) = shown.get("password")
        {
            declared.insert("password".to_owned(), hash.clone());
        }
        declared
    }
}
