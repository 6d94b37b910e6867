//! Properties as they are given: in a file of Kafka's Java clients, and in the environment over it.

use std::fmt;
use std::path::Path;

use java_properties::{LineContent, PropertiesIter};

use super::{ConfigError, Secret};

/// What variables of the environment begin with.
const PREFIX: &str = "VV_KAFKA_";

/// A property, and where it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub name: String,
    pub value: Secret,
    pub place: Place,
}

/// Where a property is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In a file, on a line from 1.
    Line(String, usize),
    /// In this variable.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(file, line) => write!(f, "{file}:{line}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// The properties of a file's text.
pub(super) fn of_file(name: &str, bytes: &[u8]) -> Result<Vec<Given>, ConfigError> {
    // Java reads Latin-1 and knows \u escapes; who writes UTF-8 means it.
    let utf8;
    let lines = match std::str::from_utf8(bytes) {
        Ok(text) => {
            utf8 = text.trim_start_matches('\u{feff}');
            PropertiesIter::new_with_encoding(utf8.as_bytes(), encoding_rs::UTF_8)
        }
        Err(_) => PropertiesIter::new_with_encoding(bytes, encoding_rs::WINDOWS_1252),
    };
    let mut given = Vec::new();
    for line in lines {
        let line = line.map_err(|error| ConfigError {
            place: match error.line_number() {
                Some(line) => Place::Line(name.to_owned(), line).to_string(),
                None => name.to_owned(),
            },
            // The parser's own words may quote the line, and with it a password.
            message: "it isn't a line of a properties file; is an escape (\\uXXXX) broken?".into(),
            hint: None,
        })?;
        let place = Place::Line(name.to_owned(), line.line_number());
        if let LineContent::KVPair(name, value) = line.consume_content() {
            // Kafka's clients trim what they read.
            given.push(Given { name, value: Secret(value.trim().to_owned()), place });
        }
    }
    Ok(given)
}

/// The properties of an environment, by name.
pub(super) fn of_environment(variables: impl Iterator<Item = (String, String)>) -> Vec<Given> {
    let given = variables.filter_map(|(variable, value)| {
        let name = variable.strip_prefix(PREFIX)?.to_ascii_lowercase().replace('_', ".");
        Some(Given { name, value: Secret(value.trim().to_owned()), place: Place::Variable(variable) })
    });
    let mut given: Vec<Given> = given.collect();
    given.sort_by(|one, other| one.name.cmp(&other.name));
    given
}

/// Reads a file of properties.
pub(super) fn read(file: &Path) -> Result<Vec<Given>, ConfigError> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| ConfigError {
        place: name.clone(),
        message: match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".into(),
            _ => format!("it can't be read: {error}"),
        },
        hint: None,
    })?;
    of_file(&name, &bytes)
}
