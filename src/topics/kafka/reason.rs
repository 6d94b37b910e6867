//! Why nobody answers: what librdkafka says of its connections, in words that say what to do. Pure.
//!
//! librdkafka tries again and again and only ever ends with "timed out"; the reason stands in its log.

use std::collections::BTreeMap;
use std::time::Duration;

use super::address::Server;
use super::native::{INVALID, Said};
use super::refusal;
use super::security::{Protocol, Security};
use crate::topics::admin::AdminError;

/// What went wrong with a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trouble {
    /// Nobody listens.
    Refused,
    /// No such name; or why the stack's name leads nowhere.
    Unresolved,
    /// It doesn't accept, or accepts and is silent.
    Silent,
    /// It hangs up before it has said anything: as a proxy does that finds nobody, or a listener of another protocol.
    HangsUp,
    /// It talks, and then hangs up on the first request that is meant: it wants a login, or is just ending.
    TurnsAway,
    /// It speaks TLS, and is spoken to in the clear.
    WantsTls,
    /// It speaks in the clear, and is spoken to by TLS.
    HasNoTls,
    /// It hangs up on who hasn't logged in.
    WantsLogin,
    /// It takes no logins.
    TakesNoLogin,
    /// It takes logins only by these mechanisms.
    OtherMechanism(String),
    /// The login is wrong, in the broker's words.
    WrongLogin(String),
    /// Its certificate isn't trusted, in OpenSSL's words, with whose it is.
    Untrusted(Option<String>),
    /// It wants a certificate of its clients.
    WantsCertificate,
    /// Something else than Kafka answers.
    Foreign,
    /// In librdkafka's words.
    Other(String),
}

impl Trouble {
    /// Whether trying again is in vain.
    fn lasting(&self) -> bool {
        match self {
            Self::Refused | Self::Unresolved | Self::Silent | Self::HangsUp | Self::TurnsAway => false,
            // A port's last user may just be going.
            Self::Foreign | Self::Other(_) => false,
            Self::WantsTls
            | Self::HasNoTls
            | Self::WantsLogin
            | Self::TakesNoLogin
            | Self::OtherMechanism(_)
            | Self::WrongLogin(_)
            | Self::Untrusted(_)
            | Self::WantsCertificate => true,
        }
    }

    /// What is wrong, of the broker at `server`.
    fn told(&self, server: &str) -> String {
        match self {
            Self::Refused => format!("{server} refuses connections"),
            Self::Unresolved => {
                let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
                format!("the name {host} doesn't resolve from here")
            }
            Self::Silent => format!("{server} doesn't answer"),
            Self::HangsUp => format!("{server} accepts and closes the connection without an answer"),
            Self::TurnsAway => format!("{server} answers and then closes the connection"),
            Self::WantsTls => format!("the listener at {server} wants TLS"),
            Self::HasNoTls => format!("the listener at {server} doesn't speak TLS"),
            Self::WantsLogin => format!("the listener at {server} wants a login (SASL)"),
            Self::TakesNoLogin => format!("the listener at {server} takes no login (SASL)"),
            Self::OtherMechanism(supported) => {
                format!("the listener at {server} takes no login by this mechanism, but by {supported}")
            }
            Self::WrongLogin(said) => format!("{server} refuses the login: {said}"),
            Self::Untrusted(None) => format!("the certificate of {server} isn't trusted"),
            Self::Untrusted(Some(said)) => format!("the certificate of {server} isn't trusted: {said}"),
            Self::WantsCertificate => format!("the listener at {server} wants a certificate of its clients"),
            Self::Foreign => format!("{server} answers, but not as Kafka"),
            Self::Other(said) => format!("{server}: {said}"),
        }
    }

    /// What to do.
    fn hint(&self, security: &Security) -> Option<String> {
        let protocol = security.protocol().unwrap_or(Protocol::Plaintext);
        let login = security.has_login();
        let hint = match self {
            Self::Refused | Self::Silent | Self::TurnsAway => "is Kafka up, and is this its port?",
            Self::Unresolved => "name the broker as this machine knows it",
            Self::HangsUp => match protocol {
                Protocol::Plaintext | Protocol::SaslPlaintext => {
                    "is Kafka up? A listener that wants TLS does so too (security.protocol=SSL or SASL_SSL)"
                }
                Protocol::Ssl | Protocol::SaslSsl => {
                    "is Kafka up? A listener without TLS does so too (security.protocol=PLAINTEXT or SASL_PLAINTEXT)"
                }
            },
            Self::WantsTls if login => "say security.protocol=SASL_SSL (--command-config)",
            Self::WantsTls => "say security.protocol=SSL, or SASL_SSL with a login (--command-config)",
            Self::HasNoTls if login => "say security.protocol=SASL_PLAINTEXT",
            Self::HasNoTls => "say security.protocol=PLAINTEXT",
            Self::WantsLogin if protocol == Protocol::Ssl => {
                "say security.protocol=SASL_SSL, sasl.mechanism and sasl.jaas.config (--command-config)"
            }
            Self::WantsLogin => {
                "say security.protocol=SASL_PLAINTEXT, sasl.mechanism and sasl.jaas.config (--command-config)"
            }
            Self::TakesNoLogin if protocol == Protocol::SaslSsl => "say security.protocol=SSL",
            Self::TakesNoLogin => "say security.protocol=PLAINTEXT",
            Self::OtherMechanism(_) => "say one of them as sasl.mechanism",
            Self::WrongLogin(_) => "are the user and the password in sasl.jaas.config right?",
            Self::Untrusted(Some(said)) if said.contains("expired") => "renew it",
            Self::Untrusted(Some(said)) if said.contains("mismatch") => {
                "name the broker by a name that is in it, or say ssl.endpoint.identification.algorithm= (nothing)"
            }
            Self::Untrusted(_) => {
                "name the authority that signed it (ssl.truststore.type=PEM, ssl.truststore.location)"
            }
            Self::WantsCertificate => "say ssl.keystore.location (PEM or PKCS12)",
            Self::Foreign => "is this Kafka's port?",
            Self::Other(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// What has gone wrong with each broker last.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    last: BTreeMap<String, Trouble>,
}

impl Troubles {
    /// Takes in what librdkafka says.
    pub fn extend(&mut self, said: Vec<String>) {
        for (server, trouble) in said.iter().filter_map(|line| read(line)) {
            let known = self.last.get(&server);
            // What was found out by asking, or by OpenSSL's own words, says more than that it hangs up.
            let vaguer = matches!(trouble, Trouble::HangsUp | Trouble::TurnsAway | Trouble::Untrusted(None));
            if !(vaguer && known.is_some_and(Trouble::lasting)) {
                self.last.insert(server, trouble);
            }
        }
    }

    /// A broker that hangs up without a word; it may speak another protocol.
    pub fn speechless(&self) -> Option<Server> {
        let (server, _) = self.last.iter().find(|(_, trouble)| **trouble == Trouble::HangsUp)?;
        super::address::servers(server).ok()?.pop()
    }

    /// Takes in what a broker that hangs up was found to speak: TLS, or Kafka in the clear.
    pub fn found(&mut self, server: &Server, tls: bool) {
        let trouble = if tls { Trouble::WantsTls } else { Trouble::HasNoTls };
        self.last.insert(server.to_string(), trouble);
    }

    /// Whether a broker turns us away.
    pub fn turned_away(&self) -> bool {
        self.last.values().any(|trouble| *trouble == Trouble::TurnsAway)
    }

    /// It does so again and again, and hasn't ended meanwhile: it wants a login.
    pub fn want_login(&mut self) {
        for trouble in self.last.values_mut().filter(|trouble| **trouble == Trouble::TurnsAway) {
            *trouble = Trouble::WantsLogin;
        }
    }

    /// Whether none of these brokers will answer however long they are asked.
    pub fn lasting(&self, bootstrap: &[Server]) -> bool {
        let lasting = |server: &Server| self.last.get(&server.to_string()).is_some_and(Trouble::lasting);
        bootstrap.iter().all(lasting)
    }

    /// Nobody has answered: after so long, or for a reason that will not change.
    pub fn unanswered(&self, who: &Asked<'_>, waited: Option<Duration>) -> AdminError {
        let all = who.bootstrap.iter().map(Server::to_string).collect::<Vec<_>>().join(", ");
        let waited_for = |wait: Duration| format!("no Kafka answers at {all} within {}", seconds(wait));
        let Some((server, trouble)) = self.telling() else {
            return AdminError {
                message: waited_for(waited.unwrap_or_default()),
                hint: Trouble::Silent.hint(who.security),
                retriable: true,
            };
        };
        let told = self.told(server, trouble, who);
        AdminError {
            message: waited.map_or_else(|| told.clone(), |wait| format!("{}: {told}", waited_for(wait))),
            hint: trouble.hint(who.security),
            retriable: !trouble.lasting(),
        }
    }

    /// A request failed.
    pub fn failed(&self, what: &str, said: &Said, who: &Asked<'_>, patience: Duration) -> AdminError {
        if said.code == INVALID {
            return AdminError {
                message: format!("can't {what}: {}", said.text),
                hint: None,
                retriable: false,
            };
        }
        // Codes below -1 are librdkafka's own: nobody answered.
        if said.code >= -1
            && let Err(refusal) = refusal::outcome(said.clone())
        {
            let denied = refusal.code.ends_with("AUTHORIZATION_FAILED");
            let hint = denied.then(|| "give this user the right to do it on the cluster".to_owned());
            return AdminError {
                message: format!("can't {what}: {refusal}"),
                hint,
                retriable: refusal.retriable,
            };
        }
        let late = format!("can't {what}: no answer within {}", seconds(patience));
        match self.telling() {
            None => AdminError { message: late, hint: None, retriable: true },
            Some((server, trouble)) => {
                let elsewhere = who.bootstrap.iter().all(|known| known.to_string() != server);
                let advertised = || {
                    format!(
                        "the broker advertises {server} (KAFKA_ADVERTISED_LISTENERS); advertise what can be reached from here"
                    )
                };
                AdminError {
                    message: format!("{late}: {}", self.told(server, trouble, who)),
                    hint: if elsewhere { Some(advertised()) } else { trouble.hint(who.security) },
                    retriable: !trouble.lasting(),
                }
            }
        }
    }

    /// What says most of why nobody answers.
    fn telling(&self) -> Option<(&str, &Trouble)> {
        let of = |lasting| self.last.iter().find(move |(_, trouble)| trouble.lasting() == lasting);
        of(true).or_else(|| of(false)).map(|(server, trouble)| (server.as_str(), trouble))
    }

    fn told(&self, server: &str, trouble: &Trouble, who: &Asked<'_>) -> String {
        match (&who.blocked, trouble) {
            (Some(why), Trouble::Unresolved) => why.clone(),
            _ => trouble.told(server),
        }
    }
}

/// Who was asked, and how.
pub(super) struct Asked<'a> {
    pub bootstrap: &'a [Server],
    pub security: &'a Security,
    /// Why a name of the stack's leads nowhere.
    pub blocked: Option<String>,
}

/// Reads a line: which broker, and what is wrong with it. `[thrd:NAME]: PROTOCOL://HOST:PORT/ID: WORDS (after …)`
fn read(line: &str) -> Option<(String, Trouble)> {
    let line = match line.strip_prefix("[thrd:").and_then(|line| line.split_once("]: ")) {
        Some((_, line)) => line,
        None => line,
    };
    let (name, words) = line.split_once(": ")?;
    let name = name.split_once("://").map_or(name, |(_, name)| name);
    let (server, _id) = name.rsplit_once('/')?;
    let (words, state) = words.rsplit_once(" (after ").unwrap_or((words, ""));
    let trouble = match trouble(words)? {
        // Past ApiVersions, and past a login where one is sent.
        Trouble::HangsUp if state.contains("in state UP") => Trouble::TurnsAway,
        trouble => trouble,
    };
    Some((server.to_owned(), trouble))
}

fn trouble(words: &str) -> Option<Trouble> {
    let has = |part: &str| words.contains(part);
    let after = |part: &str| words.split_once(part).map(|(_, rest)| rest.trim().to_owned());
    Some(if let Some(said) = after("SASL authentication error: ") {
        Trouble::WrongLogin(said)
    } else if has("Request not valid in current SASL state") {
        Trouble::TakesNoLogin
    } else if let Some(supported) = after("broker's supported mechanisms:") {
        Trouble::OtherMechanism(supported.replace(',', ", "))
    } else if let Some(certificate) = words.strip_prefix("Certificate (") {
        let (whose, why) = certificate.split_once(") verification callback failed: ")?;
        let whose = whose.replace("subject=", "").replace(", issuer=", ", signed by ");
        Trouble::Untrusted(Some(format!("{why} ({whose})")))
    } else if has("certificate verify failed") {
        Trouble::Untrusted(None)
    } else if has("certificate required") || has("alert bad certificate") || has("handshake failure") {
        Trouble::WantsCertificate
    } else if has("might require SASL") {
        Trouble::WantsLogin
    // The first bytes of a TLS alert, read as a size; and those of `HTTP`.
    } else if has("Invalid response size 3525") {
        Trouble::WantsTls
    } else if has("Invalid response size") {
        Trouble::Foreign
    } else if has("Failed to resolve") {
        Trouble::Unresolved
    } else if has("Connection refused") {
        Trouble::Refused
    } else if has("timed out") || has("Timed out") {
        Trouble::Silent
    } else if has("wrong version number") || has("packet length too long") {
        Trouble::HasNoTls
    } else if has("Disconnected") || has("onnection reset") || has("closed by peer") {
        Trouble::HangsUp
    } else if has("failed") {
        Trouble::Other(words.to_owned())
    } else {
        return None;
    })
}

/// What is left of a time is told no more exactly than anybody can count: `6.9 s`, `30 s`.
fn seconds(time: Duration) -> String {
    format!("{} s", (time.as_secs_f64() * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests;
