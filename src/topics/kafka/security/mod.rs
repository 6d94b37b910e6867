//! Who asks a cluster, and how safely: a file in the syntax of Kafka's Java clients (`--command-config`, as Kafka's own
//! tools take it) and variables `VV_KAFKA_…` over it, as properties for librdkafka.
//! <https://kafka.apache.org/documentation/#security>
//!
//! What Java's clients and librdkafka call differently is translated, what only Java's clients know is passed over
//! with a note, what nobody knows is an error. No value of a password, a key or a login is ever shown.

mod given;
mod jaas;
mod java;
mod stores;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use given::{Given, Place};

use super::address::{Server, servers};
use super::native;
use crate::topics::admin::AdminError;

/// Reads a file.
type Read<'a> = dyn Fn(&Path) -> std::io::Result<Vec<u8>> + 'a;

/// A property can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct ConfigError {
    /// `client.properties:3`, or a variable's name.
    pub place: String,
    /// What is wrong; never a secret.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How a listener is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// In the clear, without a login.
    Plaintext,
    /// TLS.
    Ssl,
    /// A login in the clear.
    SaslPlaintext,
    /// A login through TLS.
    SaslSsl,
}

impl Protocol {
    const ALL: [(&str, Self); 4] = [
        ("PLAINTEXT", Self::Plaintext),
        ("SSL", Self::Ssl),
        ("SASL_PLAINTEXT", Self::SaslPlaintext),
        ("SASL_SSL", Self::SaslSsl),
    ];

    /// Whether it is TLS.
    pub fn tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    fn login(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// A text that isn't shown.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What a client needs beside the brokers' addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    protocol: Option<Protocol>,
    /// For librdkafka, with where each comes from.
    properties: BTreeMap<String, (Secret, Option<Place>)>,
    /// `bootstrap.servers`, where it is given.
    pub bootstrap: Option<Vec<Server>>,
    /// What was passed over, a line each.
    pub notes: Vec<String>,
}

impl Security {
    /// From a file, if there is one, and the environment, whose variables come before the file.
    ///
    /// # Errors
    /// The first property that can't be used.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut all = file.map(given::read).transpose()?.unwrap_or_default();
        all.extend(given::of_environment(environment));
        Self::of(all, &|path| std::fs::read(path))
    }

    /// The protocol, where one is given; without, it is PLAINTEXT.
    pub fn protocol(&self) -> Option<Protocol> {
        self.protocol
    }

    /// Whether a login is sent.
    pub fn has_login(&self) -> bool {
        self.protocol.is_some_and(Protocol::login)
    }

    /// Everything that librdkafka is to be told.
    pub(super) fn properties(&self, bootstrap: &str) -> Vec<(String, String)> {
        let ours = [
            ("bootstrap.servers", bootstrap),
            // Asking for a topic must not make it.
            ("allow.auto.create.topics", "false"),
            ("enable.metrics.push", "false"),
            // Its lines are read, and never written to a terminal.
            ("log.queue", "true"),
            ("socket.connection.setup.timeout.ms", "10000"),
            // Requests wait for the controller of the last Metadata, for ever when that broker is lost: librdkafka looks
            // for another one (every 10 s at most) only while it refreshes.
            ("topic.metadata.refresh.interval.ms", "3000"),
            ("reconnect.backoff.ms", "50"),
            ("reconnect.backoff.max.ms", "500"),
        ];
        let given = self.properties.iter().map(|(name, (value, _))| (name.clone(), value.0.clone()));
        let mut all: BTreeMap<String, String> = [("client.id".to_owned(), "vv".to_owned())].into();
        all.extend(given);
        all.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
        all.into_iter().collect()
    }

    /// librdkafka doesn't take the properties.
    pub(super) fn refused(&self, (name, said): (Option<String>, String)) -> AdminError {
        let place = name.and_then(|name| self.properties.get(&name)?.1.as_ref().map(Place::to_string));
        let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
        let hint =
            said.contains("ssl.key").then(|| "is ssl.key.password right, and does the key fit?".to_owned());
        AdminError {
            message: format!("{place}the Kafka client can't be set up: {said}"),
            hint,
            retriable: false,
        }
    }

    /// Puts properties together; later ones come before earlier ones of the same name.
    fn of(all: Vec<Given>, read: &Read<'_>) -> Result<Self, ConfigError> {
        let mut latest: BTreeMap<String, Given> = BTreeMap::new();
        for given in all {
            let name = alias(&given.name).to_owned();
            latest.insert(name.clone(), Given { name, ..given });
        }
        let mut security = Self::default();
        for given in latest.values() {
            security.take(given, read)?;
        }
        security.complete(&latest)?;
        Ok(security)
    }

    fn put(&mut self, name: &str, value: impl Into<String>, place: &Place) {
        self.properties.insert(name.to_owned(), (Secret(value.into()), Some(place.clone())));
    }

    /// Takes one property for what it means.
    fn take(&mut self, given: &Given, read: &Read<'_>) -> Result<(), ConfigError> {
        let (value, place) = (given.value.0.as_str(), &given.place);
        let refused = |(said, hint): stores::Refused| error(given, said, hint);
        let put_all = |security: &mut Self, properties: stores::Properties| {
            for (name, value) in properties {
                security.put(name, value, place);
            }
        };
        match given.name.as_str() {
            "security.protocol" => {
                let found = Protocol::ALL.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
                let (name, protocol) =
                    found.ok_or_else(|| one_of(given, &Protocol::ALL.map(|(name, _)| name)))?;
                self.protocol = Some(protocol);
                self.put("security.protocol", name, place);
            }
            "sasl.mechanism" => {
                let known = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
                let found = known.into_iter().find(|name| name.eq_ignore_ascii_case(value));
                let mechanism = found.ok_or_else(|| match value.to_ascii_uppercase().as_str() {
                    "GSSAPI" | "OAUTHBEARER" => error(
                        given,
                        format!("vv can't log in by {value}; it can by {}", known.join(", ")),
                        None,
                    ),
                    _ => one_of(given, &known),
                })?;
                self.put("sasl.mechanism", mechanism, place);
            }
            "bootstrap.servers" => {
                self.bootstrap = Some(servers(value).map_err(|said| error(given, said, None))?);
            }
            "sasl.jaas.config" => {
                let login = jaas::login(value).map_err(|said| error(given, said, None))?;
                self.put("sasl.username", login.username, place);
                self.put("sasl.password", login.password.0, place);
            }
            "ssl.truststore.location" | "ssl.ca.location" if value != "probe" => {
                put_all(self, stores::trusted_file(value, read).map_err(refused)?);
            }
            "ssl.keystore.location" => put_all(self, stores::own_file(value, read).map_err(refused)?),
            "ssl.truststore.certificates" => {
                self.put("ssl.ca.pem", stores::pem(value, "certificate").map_err(refused)?, place);
            }
            "ssl.keystore.certificate.chain" => {
                self.put("ssl.certificate.pem", stores::pem(value, "certificate").map_err(refused)?, place);
            }
            "ssl.keystore.key" => {
                self.put("ssl.key.pem", stores::pem(value, "private key").map_err(refused)?, place);
            }
            // What a store is stands in it.
            "ssl.truststore.type" | "ssl.keystore.type" => {
                let known = ["PEM", "PKCS12", "JKS"];
                if !known.iter().any(|name| name.eq_ignore_ascii_case(value)) {
                    return Err(one_of(given, &known));
                }
            }
            "ssl.endpoint.identification.algorithm" => {
                let value = match value.to_ascii_lowercase().as_str() {
                    "" | "none" => "none",
                    "https" => "https",
                    _ => return Err(one_of(given, &["https", "nothing"])),
                };
                self.put("ssl.endpoint.identification.algorithm", value, place);
            }
            name if java::only(name) || OURS.contains(&name) => {
                self.notes.push(format!("{place}: {name} has no meaning here, and is passed over"));
            }
            // librdkafka's own tests: some are pointers.
            name if ["ut_", "test."].iter().any(|prefix| name.starts_with(prefix)) => {
                return Err(unknown(given));
            }
            name => match native::takes(name, value) {
                Ok(()) => self.put(name, value, place),
                Err(_) if native::properties().iter().any(|known| known == name) => {
                    return Err(error(given, format!("this is no value of {name}"), None));
                }
                Err(_) => return Err(unknown(given)),
            },
        }
        Ok(())
    }

    /// What holds between properties.
    fn complete(&mut self, given: &BTreeMap<String, Given>) -> Result<(), ConfigError> {
        let Some(protocol) = self.protocol else {
            let asks = |name: &&String| name.starts_with("sasl.") || name.starts_with("ssl.");
            if let Some(name) = self.properties.keys().find(asks) {
                let place =
                    self.properties[name].1.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
                self.notes.push(format!("{place}without security.protocol, neither a login nor TLS is used"));
            }
            self.properties.retain(|name, _| !name.starts_with("sasl.") && !name.starts_with("ssl."));
            return Ok(());
        };
        let says = &given["security.protocol"];
        if protocol.login() {
            self.complete_login(given, says)?;
        } else {
            self.properties.retain(|name, _| !name.starts_with("sasl."));
        }
        let trusts = ["ssl.ca.location", "ssl.ca.pem"].iter().any(|name| self.properties.contains_key(*name));
        if protocol.tls() && !trusts {
            // The OpenSSL that is built in doesn't know where this machine keeps its certificates.
            self.properties.insert("ssl.ca.location".into(), (Secret("probe".into()), None));
        } else if !protocol.tls() {
            self.properties.retain(|name, _| !name.starts_with("ssl."));
        }
        Ok(())
    }

    fn complete_login(&mut self, given: &BTreeMap<String, Given>, says: &Given) -> Result<(), ConfigError> {
        let jaas = given.get("sasl.jaas.config");
        let module = jaas.and_then(|jaas| Some((jaas, jaas::login(&jaas.value.0).ok()?.module)));
        let mechanism = self.properties.get("sasl.mechanism").map(|(value, _)| value.0.clone());
        match (&mechanism, &module) {
            (None, Some((jaas, module))) if module == "PlainLoginModule" => {
                self.put("sasl.mechanism", "PLAIN", &jaas.place);
            }
            (None, _) => {
                let hint = "say sasl.mechanism=PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512".to_owned();
                return Err(error(says, "a login needs a sasl.mechanism".into(), Some(hint)));
            }
            (Some(mechanism), Some((jaas, module))) => {
                let fits = match module.as_str() {
                    "PlainLoginModule" => mechanism == "PLAIN",
                    "ScramLoginModule" => mechanism.starts_with("SCRAM-"),
                    _ => false,
                };
                if !fits {
                    let fitting = if mechanism == "PLAIN" {
                        "org.apache.kafka.common.security.plain.PlainLoginModule"
                    } else {
                        "org.apache.kafka.common.security.scram.ScramLoginModule"
                    };
                    let said = format!("{module} is not the login module of sasl.mechanism {mechanism}");
                    return Err(error(jaas, said, Some(format!("it is {fitting}"))));
                }
            }
            (Some(_), None) => {}
        }
        for (name, what) in [("sasl.username", "user"), ("sasl.password", "password")] {
            if !self.properties.contains_key(name) {
                let hint = format!("say {name}, or sasl.jaas.config with a login module that has it");
                return Err(error(says, format!("a login needs a {what}"), Some(hint)));
            }
        }
        Ok(())
    }
}

/// What vv itself tells librdkafka.
const OURS: [&str; 6] = [
    "debug",
    "enable.metrics.push",
    "log.queue",
    "log_level",
    "plugin.library.paths",
    "topic.metadata.refresh.interval.ms",
];

/// The name under which a property is known here: Java's, where both have one.
fn alias(name: &str) -> &str {
    match name {
        "sasl.mechanisms" => "sasl.mechanism",
        "metadata.broker.list" => "bootstrap.servers",
        _ => name,
    }
}

fn error(given: &Given, message: String, hint: Option<String>) -> ConfigError {
    // A variable's name says which property it is.
    let message = match &given.place {
        Place::Line(..) => format!("{}: {message}", given.name),
        Place::Variable(_) => message,
    };
    ConfigError { place: given.place.to_string(), message, hint }
}

/// A value that isn't one of the known.
fn one_of(given: &Given, known: &[&str]) -> ConfigError {
    let message = format!("'{}' isn't known; it can be {}", given.value.0, known.join(", "));
    error(given, message, None)
}

/// A name that nobody knows.
fn unknown(given: &Given) -> ConfigError {
    let librdkafkas = native::properties();
    let mut known: Vec<&str> = librdkafkas.iter().map(String::as_str).collect();
    known.extend_from_slice(java::names());
    known.extend_from_slice(&[
        "sasl.jaas.config",
        "ssl.truststore.location",
        "ssl.truststore.type",
        "ssl.truststore.certificates",
        "ssl.keystore.type",
        "ssl.keystore.key",
        "ssl.keystore.certificate.chain",
    ]);
    let likely = known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(known, &given.name), known))
        .filter(|(likeness, _)| *likeness > 0.9)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let hint = likely.map(|(_, name)| match &given.place {
        Place::Line(..) => format!("did you mean {name}?"),
        Place::Variable(_) => {
            format!("did you mean VV_KAFKA_{}?", name.to_ascii_uppercase().replace('.', "_"))
        }
    });
    let message = match &given.place {
        Place::Line(..) => format!("Kafka's clients have no property {}", given.name),
        Place::Variable(_) => {
            format!("Kafka's clients have no property {}, which this would set", given.name)
        }
    };
    ConfigError { place: given.place.to_string(), message, hint }
}

#[cfg(test)]
mod tests;
