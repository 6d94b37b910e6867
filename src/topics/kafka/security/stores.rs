//! Certificates and keys: what Kafka calls truststores and keystores, as librdkafka takes them. Pure, but for the
//! reading of files, which is passed in.

use std::path::Path;

use super::Read;

/// What kind of store a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Pem,
    Pkcs12,
    Jks,
    Unknown,
}

/// Properties for librdkafka.
pub(super) type Properties = Vec<(&'static str, String)>;

/// A refusal: what is wrong, and what to do.
pub(super) type Refused = (String, Option<String>);

impl Format {
    /// By what is in it: people name files as they like, and Java's own default reads both of its kinds.
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => Self::Jks,
            // A sequence of more than 127 bytes.
            [0x30, 0x80..=0x84, ..] => Self::Pkcs12,
            _ if holds(bytes, "-----BEGIN ") => Self::Pem,
            _ => Self::Unknown,
        }
    }
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

/// Reads a file; where it can't be read, why.
fn contents(location: &str, read: &Read<'_>) -> Result<Vec<u8>, Refused> {
    read(Path::new(location)).map_err(|error| (format!("{location}: {}", reason(&error)), None))
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".into(),
        _ => error.to_string(),
    }
}

/// `ssl.truststore.location`, or librdkafka's `ssl.ca.location`.
pub(super) fn trusted_file(location: &str, read: &Read<'_>) -> Result<Properties, Refused> {
    let bytes = contents(location, read)?;
    let list = format!("keytool -list -rfc -keystore {location} > ca.pem");
    let convert = |kind: &str| {
        (
            format!("{location} is a {kind} truststore, which vv doesn't read; it takes certificates as PEM"),
            Some(format!("{list}; then say ssl.truststore.type=PEM and ssl.truststore.location=ca.pem")),
        )
    };
    match Format::of(&bytes) {
        Format::Pem if holds(&bytes, "-----BEGIN CERTIFICATE") || holds(&bytes, "-----BEGIN TRUSTED") => {
            Ok(vec![("ssl.ca.location", location.to_owned())])
        }
        Format::Pem | Format::Unknown => Err((format!("{location} has no certificate in PEM"), None)),
        Format::Pkcs12 => Err(convert("PKCS12")),
        Format::Jks => Err(convert("JKS")),
    }
}

/// `ssl.keystore.location`: the client's own certificate and key.
pub(super) fn own_file(location: &str, read: &Read<'_>) -> Result<Properties, Refused> {
    let bytes = contents(location, read)?;
    match Format::of(&bytes) {
        Format::Pem => {
            own_pem(&bytes).map_err(|said| (format!("{location}: {said}"), None))?;
            let location = location.to_owned();
            Ok(vec![("ssl.certificate.location", location.clone()), ("ssl.key.location", location)])
        }
        Format::Pkcs12 => Ok(vec![("ssl.keystore.location", location.to_owned())]),
        Format::Jks => {
            let stem = location.strip_suffix(".jks").unwrap_or(location);
            let convert = format!(
                "keytool -importkeystore -srckeystore {location} -destkeystore {stem}.p12 -deststoretype PKCS12; then \
                 say ssl.keystore.type=PKCS12 and ssl.keystore.location={stem}.p12"
            );
            Err((format!("{location} is a JKS keystore, which only Java reads"), Some(convert)))
        }
        Format::Unknown => Err((format!("{location} is neither PEM nor PKCS12"), None)),
    }
}

fn own_pem(bytes: &[u8]) -> Result<(), &'static str> {
    match (holds(bytes, "PRIVATE KEY-----"), holds(bytes, "-----BEGIN CERTIFICATE")) {
        (true, true) => Ok(()),
        (false, _) => Err("there is no private key in it"),
        (true, false) => Err("there is no certificate in it"),
    }
}

/// PEM as a property holds it: Java takes a text without line breaks, OpenSSL needs them where they belong.
pub(super) fn pem(text: &str, what: &str) -> Result<String, Refused> {
    let broken = || (format!("there is no {what} in PEM in it"), None);
    let mut whole = String::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----").ok_or_else(broken)?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(&end).ok_or_else(broken)?;
        let body: Vec<char> = body.chars().filter(|letter| !letter.is_whitespace()).collect();
        let lines: Vec<String> = body.chunks(64).map(|line| line.iter().collect()).collect();
        whole.push_str(&format!("-----BEGIN {label}-----\n{}\n{end}\n", lines.join("\n")));
        rest = after;
    }
    if whole.contains(&format!("{}-----\n", what.to_ascii_uppercase())) { Ok(whole) } else { Err(broken()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path) -> std::io::Result<Vec<u8>> {
        Ok(match path.to_str().unwrap() {
            "trust.jks" => vec![0xfe, 0xed, 0xfe, 0xed, 0, 0],
            "trust.p12" => vec![0x30, 0x82, 5, 0, 2],
            "ca.pem" => b"# ours\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
            "key.pem" => b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_vec(),
            "both.pem" => b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n\n-----BEGIN CERTIFICATE-----\n".to_vec(),
            "notes.txt" => b"nothing".to_vec(),
            "secret.pem" => return Err(std::io::ErrorKind::PermissionDenied.into()),
            _ => return Err(std::io::ErrorKind::NotFound.into()),
        })
    }

    #[test]
    fn stores() {
        let of = |result: Result<Properties, Refused>| match result {
            Ok(properties) => {
                properties.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            }
            Err((said, None)) => said,
            Err((said, Some(hint))) => format!("{said} -> {hint}"),
        };
        let all =
            ["trust.jks", "trust.p12", "ca.pem", "key.pem", "both.pem", "notes.txt", "secret.pem", "none"];
        let trusted = all.map(|name| of(trusted_file(name, &file)));
        let own = all.map(|name| of(own_file(name, &file)));
        insta::assert_snapshot!(trusted.join("\n"), @r"
        trust.jks is a JKS truststore, which vv doesn't read; it takes certificates as PEM -> keytool -list -rfc -keystore trust.jks > ca.pem; then say ssl.truststore.type=PEM and ssl.truststore.location=ca.pem
        trust.p12 is a PKCS12 truststore, which vv doesn't read; it takes certificates as PEM -> keytool -list -rfc -keystore trust.p12 > ca.pem; then say ssl.truststore.type=PEM and ssl.truststore.location=ca.pem
        ssl.ca.location=ca.pem
        key.pem has no certificate in PEM
        ssl.ca.location=both.pem
        notes.txt has no certificate in PEM
        secret.pem: it may not be read
        none: there is no such file
        ");
        insta::assert_snapshot!(own.join("\n"), @r"
        trust.jks is a JKS keystore, which only Java reads -> keytool -importkeystore -srckeystore trust.jks -destkeystore trust.p12 -deststoretype PKCS12; then say ssl.keystore.type=PKCS12 and ssl.keystore.location=trust.p12
        ssl.keystore.location=trust.p12
        ca.pem: there is no private key in it
        key.pem: there is no certificate in it
        ssl.certificate.location=both.pem ssl.key.location=both.pem
        notes.txt is neither PEM nor PKCS12
        secret.pem: it may not be read
        none: there is no such file
        ");
    }

    #[test]
    fn pem_in_one_line() {
        let line =
            format!("-----BEGIN CERTIFICATE----- {} {} -----END CERTIFICATE-----", "A".repeat(64), "B");
        let whole = pem(&line, "certificate").unwrap();
        assert_eq!(
            whole,
            format!("-----BEGIN CERTIFICATE-----\n{}\nB\n-----END CERTIFICATE-----\n", "A".repeat(64))
        );
        assert_eq!(pem(&whole, "certificate").unwrap(), whole);
        assert_eq!(pem("AAAA", "certificate").unwrap_err().0, "there is no certificate in PEM in it");
        assert!(pem(&line, "private key").is_err());
        assert!(pem("-----BEGIN CERTIFICATE----- A", "certificate").is_err());
    }
}
