use super::*;

const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required";
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required";

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    Ok(match path.to_str().unwrap() {
        "ca.pem" => b"-----BEGIN CERTIFICATE-----\n".to_vec(),
        "me.pem" => b"-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n".to_vec(),
        "me.p12" => vec![0x30, 0x82, 5, 0],
        "trust.jks" => vec![0xfe, 0xed, 0xfe, 0xed],
        _ => return Err(std::io::ErrorKind::NotFound.into()),
    })
}

/// What a file and variables come to: the properties (those of librdkafka, without vv's own), the notes, or the error.
fn told(file: &str, variables: &[(&str, &str)]) -> String {
    let loaded = given::of_file("client.properties", file.as_bytes()).and_then(|mut all| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        all.extend(given::of_environment(variables));
        Security::of(all, &read)
    });
    match loaded {
        Ok(security) => {
            assert!(!format!("{security:?}").contains("hidden"), "{security:?}");
            let mut lines: Vec<String> = security
                .properties
                .iter()
                .map(|(name, (value, _))| format!("{name}={}", value.0.replace('\n', "\\n")))
                .collect();
            lines.extend(security.bootstrap.iter().flatten().map(|server| format!("bootstrap {server}")));
            lines.extend(security.notes.iter().map(|note| format!("note: {note}")));
            lines.join("\n")
        }
        Err(error) => {
            let told = format!(
                "{error}{}",
                error.hint.as_ref().map(|hint| format!(" -> {hint}")).unwrap_or_default()
            );
            assert!(!told.contains("hidden"), "{told}");
            told
        }
    }
}

#[test]
fn files_that_kafkas_own_tools_take() {
    insta::assert_snapshot!(told("", &[]), @"");
    let file = format!(
        "# as Confluent Cloud gives it\nbootstrap.servers=pkc-1.example.com:9092\nsecurity.protocol=SASL_SSL\n\
         sasl.jaas.config={PLAIN} \\\n   username='vv' \\\n   password='hidden';\nsasl.mechanism=PLAIN\n\
         client.dns.lookup=use_all_dns_ips\nsession.timeout.ms=45000\nacks=all\n"
    );
    insta::assert_snapshot!(told(&file, &[]), @"");
    let file = format!(
        "security.protocol = sasl_plaintext\nsasl.mechanism : SCRAM-SHA-512\nsasl.jaas.config={SCRAM} \
         username=\"vv\" password=\"hidden \\u00fc\";\nssl.truststore.location=ca.pem\n"
    );
    insta::assert_snapshot!(told(&file, &[]), @"");
    let file = "security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location=ca.pem\n\
        ssl.keystore.type=PKCS12\nssl.keystore.location=me.p12\nssl.keystore.password=hidden\n\
        ssl.key.password=hidden\nssl.endpoint.identification.algorithm=\nssl.protocol=TLSv1.3\n";
    insta::assert_snapshot!(told(file, &[]), @"");
    let file = "security.protocol=SSL\nssl.keystore.location=me.pem\nssl.truststore.type=PEM\n\
        ssl.truststore.certificates=-----BEGIN CERTIFICATE----- AAAA -----END CERTIFICATE-----\n";
    insta::assert_snapshot!(told(file, &[]), @"");
    let file = "security.protocol=SASL_SSL\nsasl.mechanisms=PLAIN\nsasl.username=vv\nsasl.password=hidden\n\
        ssl.ca.location=ca.pem\nsocket.keepalive.enable=true\nclient.id=ours\n";
    insta::assert_snapshot!(told(file, &[]), @"");
}

#[test]
fn variables_come_before_the_file() {
    let file = "security.protocol=PLAINTEXT\nsasl.mechanism=PLAIN\n";
    let variables = [
        ("VV_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("VV_KAFKA_SASL_USERNAME", "vv"),
        ("VV_KAFKA_SASL_PASSWORD", " hidden "),
        ("VV_OTHER", "x"),
    ];
    insta::assert_snapshot!(told(file, &variables), @"");
    insta::assert_snapshot!(told(file, &[]), @"");
    insta::assert_snapshot!(told("sasl.mechanism=PLAIN\nsasl.password=hidden", &[]), @"");
}

#[test]
fn what_cannot_be_used() {
    let login = "security.protocol=SASL_SSL\n";
    let files = [
        "security.protocol=TLS".to_owned(),
        "\n\nsecurity.protocol=".to_owned(),
        "sasl.mechanism=GSSAPI".to_owned(),
        "sasl.mechanism=OAUTHBEARER".to_owned(),
        "sasl.mechanism=SCRAM".to_owned(),
        login.to_owned(),
        format!("{login}sasl.mechanism=PLAIN"),
        format!("{login}sasl.mechanism=PLAIN\nsasl.username=vv"),
        format!("{login}sasl.mechanism=PLAIN\nsasl.jaas.config={SCRAM} username=vv password=hidden;"),
        format!("{login}sasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config={PLAIN} username=vv password=hidden;"),
        format!("{login}sasl.jaas.config={SCRAM} username=vv password=hidden;"),
        format!("{login}sasl.mechanism=PLAIN\nsasl.jaas.config={PLAIN} username=vv password=\"hidden;"),
        format!("{login}sasl.mechanism=PLAIN\nsasl.jaas.config=Krb5 required username=vv password=hidden;"),
        "ssl.truststore.location=trust.jks".to_owned(),
        "ssl.keystore.location=trust.jks".to_owned(),
        "ssl.ca.location=none.pem".to_owned(),
        "ssl.truststore.type=BKS".to_owned(),
        "ssl.keystore.key=hidden".to_owned(),
        "ssl.endpoint.identification.algorithm=ldap".to_owned(),
        "bootstrap.servers=kafka".to_owned(),
        "secuirty.protocol=SSL".to_owned(),
        "sasl.jaas.conf=hidden".to_owned(),
        "password=hidden".to_owned(),
        "socket.timeout.ms=hidden".to_owned(),
        "sasl.password=\\uhidden".to_owned(),
    ];
    let told_of: Vec<String> = files.iter().map(|file| told(file, &[])).collect();
    insta::assert_snapshot!(told_of.join("\n"), @"");
    let variables = [
        told("", &[("VV_KAFKA_SASL_MECHANISMUS", "PLAIN")]),
        told("", &[("VV_KAFKA_SECURITY_PROTOCOL", "tls")]),
        told("", &[("VV_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")]),
        told("", &[("VV_KAFKA_SASL_JAAS_CONFIG", "hidden")]),
    ];
    insta::assert_snapshot!(variables.join("\n"), @"");
}

#[test]
fn what_librdkafka_is_told() {
    let security = Security::of(given::of_file("f", b"client.id=ours").unwrap(), &read).unwrap();
    let told: Vec<String> =
        security.properties("kafka:9092").iter().map(|(name, value)| format!("{name}={value}")).collect();
    insta::assert_snapshot!(told.join("\n"), @"");
}
