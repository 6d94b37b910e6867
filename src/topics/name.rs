//! Kafka's rules for the names of topics (`org.apache.kafka.common.internals.Topic`). Pure.

use std::fmt;

/// In bytes; the name becomes that of a folder, with a partition's number behind it.
pub const LONGEST: usize = 249;

/// The topics that Kafka keeps for itself.
const KAFKAS_OWN: [&str; 5] = [
    "__consumer_offsets",
    "__transaction_state",
    "__share_group_state",
    "__cluster_metadata",
    "__remote_log_metadata",
];

/// Why Kafka, or vv, can't take a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrongName {
    /// It has no letters.
    Empty,
    /// `.` or `..`: a folder can't be called so.
    Dots(String),
    /// Longer than [`LONGEST`]: so many bytes.
    TooLong(usize),
    /// It has a character that isn't allowed.
    Illegal {
        /// The name.
        name: String,
        /// The first such character.
        character: char,
    },
    /// Kafka makes and keeps it itself.
    KafkasOwn(String),
    /// vv's own checks make it.
    VvsOwn(String),
}

impl fmt::Display for WrongName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WrongName::Empty => f.write_str("a topic's name is empty"),
            WrongName::Dots(name) => write!(f, "'{name}' can't be a topic's name"),
            WrongName::TooLong(bytes) => {
                write!(f, "the name is {bytes} bytes long, and Kafka takes up to {LONGEST}")
            }
            WrongName::Illegal { name, character } => {
                write!(
                    f,
                    "{name:?} can't be a topic's name: it has {character:?}, and Kafka takes letters (a-z, A-Z), digits, \
                     '.', '_' and '-'"
                )?;
                match mended(name) {
                    Some(mended) => write!(f, "; '{mended}' would do"),
                    None => Ok(()),
                }
            }
            WrongName::KafkasOwn(name) => write!(f, "'{name}' is Kafka's own: it makes and keeps it itself"),
            WrongName::VvsOwn(name) => write!(f, "'{name}' is the topic that vv's own checks make"),
        }
    }
}

/// Whether a topic can be declared under this name.
pub fn check(name: &str) -> Result<(), WrongName> {
    if name.is_empty() {
        return Err(WrongName::Empty);
    }
    if let Some(character) = name.chars().find(|character| !is_legal(*character)) {
        return Err(WrongName::Illegal { name: name.to_owned(), character });
    }
    match name {
        "." | ".." => Err(WrongName::Dots(name.to_owned())),
        _ if name.len() > LONGEST => Err(WrongName::TooLong(name.len())),
        _ if KAFKAS_OWN.contains(&name) => Err(WrongName::KafkasOwn(name.to_owned())),
        super::PROBE => Err(WrongName::VvsOwn(name.to_owned())),
        _ => Ok(()),
    }
}

/// Whether Kafka takes this character in a topic's name.
pub fn is_legal(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}

/// What the name is in the names of metrics, where `.` becomes `_`. Kafka refuses to create a topic whose name is the
/// same there as another's.
pub fn in_metrics(name: &str) -> String {
    name.replace('.', "_")
}

/// Whether a topic that wasn't declared is nobody's business: Kafka's own, other tools' own by the same custom, and vv's.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with("__") || name == super::PROBE
}

/// The name with `-` for what isn't allowed.
fn mended(name: &str) -> Option<String> {
    let mended: String =
        name.trim().chars().map(|letter| if is_legal(letter) { letter } else { '-' }).collect();
    let telling = mended.chars().any(|letter| letter.is_ascii_alphanumeric());
    (telling && check(&mended).is_ok()).then_some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_rules() {
        let longest = "x".repeat(LONGEST);
        for good in ["a", "A.b_c-9", "...", "-", "_", "__debezium-heartbeat.shop", "vv-probes", &longest] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let too_long = "x".repeat(LONGEST + 1);
        let said: Vec<String> =
            ["", ".", "..", "a b", "a/b", "größe", "a\nb", "ß", &too_long, "__consumer_offsets", "vv-probe"]
                .map(|name| check(name).unwrap_err().to_string())
                .into();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn dots_and_underscores_are_the_same_in_metrics() {
        assert_eq!(in_metrics("a.b_c-d"), "a_b_c-d");
    }
}
