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
    insta::assert_snapshot!(told(&file, &[]), @r"
    sasl.mechanism=PLAIN
    sasl.password=hidden
    sasl.username=vv
    security.protocol=SASL_SSL
    ssl.ca.location=probe
    bootstrap pkc-1.example.com:9092
    note: client.properties:10: acks has no meaning here, and is passed over
    note: client.properties:8: client.dns.lookup has no meaning here, and is passed over
    note: client.properties:9: session.timeout.ms has no meaning here, and is passed over
    ");
    let file = format!(
        "security.protocol = sasl_plaintext\nsasl.mechanism : SCRAM-SHA-512\nsasl.jaas.config={SCRAM} \
         username=\"vv\" password=\"hidden \\u00fc\";\nssl.truststore.location=ca.pem\n"
    );
    insta::assert_snapshot!(told(&file, &[]), @r"
    sasl.mechanism=SCRAM-SHA-512
    sasl.password=hidden ü
    sasl.username=vv
    security.protocol=SASL_PLAINTEXT
    ");
    let file = "security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location=ca.pem\n\
        ssl.keystore.type=PKCS12\nssl.keystore.location=me.p12\nssl.keystore.password=hidden\n\
        ssl.key.password=hidden\nssl.endpoint.identification.algorithm=\nssl.protocol=TLSv1.3\n";
    insta::assert_snapshot!(told(file, &[]), @r"
    security.protocol=SSL
    ssl.ca.location=ca.pem
    ssl.endpoint.identification.algorithm=none
    ssl.key.password=hidden
    ssl.keystore.location=me.p12
    ssl.keystore.password=hidden
    note: client.properties:9: ssl.protocol has no meaning here, and is passed over
    ");
    let file = "security.protocol=SSL\nssl.keystore.location=me.pem\nssl.truststore.type=PEM\n\
        ssl.truststore.certificates=-----BEGIN CERTIFICATE----- AAAA -----END CERTIFICATE-----\n";
    insta::assert_snapshot!(told(file, &[]), @r"
    security.protocol=SSL
    ssl.ca.pem=-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n
    ssl.certificate.location=me.pem
    ssl.key.location=me.pem
    ");
    let file = "security.protocol=SASL_SSL\nsasl.mechanisms=PLAIN\nsasl.username=vv\nsasl.password=hidden\n\
        ssl.ca.location=ca.pem\nsocket.keepalive.enable=true\nclient.id=ours\n";
    insta::assert_snapshot!(told(file, &[]), @r"
    client.id=ours
    sasl.mechanism=PLAIN
    sasl.password=hidden
    sasl.username=vv
    security.protocol=SASL_SSL
    socket.keepalive.enable=true
    ssl.ca.location=ca.pem
    ");
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
    insta::assert_snapshot!(told(file, &variables), @r"
    sasl.mechanism=PLAIN
    sasl.password=hidden
    sasl.username=vv
    security.protocol=SASL_PLAINTEXT
    ");
    insta::assert_snapshot!(told(file, &[]), @"security.protocol=PLAINTEXT");
    insta::assert_snapshot!(told("sasl.mechanism=PLAIN\nsasl.password=hidden", &[]), @"note: client.properties:1: without security.protocol, neither a login nor TLS is used");
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
    insta::assert_snapshot!(told_of.join("\n"), @r#"
    client.properties:1: security.protocol: 'TLS' isn't known; it can be PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL
    client.properties:3: security.protocol: '' isn't known; it can be PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL
    client.properties:1: sasl.mechanism: vv can't log in by GSSAPI; it can by PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
    client.properties:1: sasl.mechanism: vv can't log in by OAUTHBEARER; it can by PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
    client.properties:1: sasl.mechanism: 'SCRAM' isn't known; it can be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
    client.properties:1: security.protocol: a login needs a sasl.mechanism -> say sasl.mechanism=PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
    client.properties:1: security.protocol: a login needs a user -> say sasl.username, or sasl.jaas.config with a login module that has it
    client.properties:1: security.protocol: a login needs a password -> say sasl.password, or sasl.jaas.config with a login module that has it
    client.properties:3: sasl.jaas.config: ScramLoginModule is not the login module of sasl.mechanism PLAIN -> it is org.apache.kafka.common.security.plain.PlainLoginModule
    client.properties:3: sasl.jaas.config: PlainLoginModule is not the login module of sasl.mechanism SCRAM-SHA-256 -> it is org.apache.kafka.common.security.scram.ScramLoginModule
    client.properties:1: security.protocol: a login needs a sasl.mechanism -> say sasl.mechanism=PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
    client.properties:3: sasl.jaas.config: a quotation mark " isn't closed
    client.properties:3: sasl.jaas.config: Krb5 is not the login module of sasl.mechanism PLAIN -> it is org.apache.kafka.common.security.plain.PlainLoginModule
    client.properties:1: ssl.truststore.location: trust.jks is a JKS truststore, which vv doesn't read; it takes certificates as PEM -> keytool -list -rfc -keystore trust.jks > ca.pem; then say ssl.truststore.type=PEM and ssl.truststore.location=ca.pem
    client.properties:1: ssl.keystore.location: trust.jks is a JKS keystore, which only Java reads -> keytool -importkeystore -srckeystore trust.jks -destkeystore trust.p12 -deststoretype PKCS12; then say ssl.keystore.type=PKCS12 and ssl.keystore.location=trust.p12
    client.properties:1: ssl.ca.location: none.pem: there is no such file
    client.properties:1: ssl.truststore.type: 'BKS' isn't known; it can be PEM, PKCS12, JKS
    client.properties:1: ssl.keystore.key: there is no private key in PEM in it
    client.properties:1: ssl.endpoint.identification.algorithm: 'ldap' isn't known; it can be https, nothing
    client.properties:1: bootstrap.servers: 'kafka' has no port; say kafka:9092, for example
    client.properties:1: Kafka's clients have no property secuirty.protocol -> did you mean security.protocol?
    client.properties:1: Kafka's clients have no property sasl.jaas.conf -> did you mean sasl.jaas.config?
    client.properties:1: Kafka's clients have no property password
    client.properties:1: socket.timeout.ms: this is no value of socket.timeout.ms
    client.properties:1: it isn't a line of a properties file; is an escape (\uXXXX) broken?
    "#);
    let variables = [
        told("", &[("VV_KAFKA_SASL_MECHANISMUS", "PLAIN")]),
        told("", &[("VV_KAFKA_SECURITY_PROTOCOL", "tls")]),
        told("", &[("VV_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")]),
        told("", &[("VV_KAFKA_SASL_JAAS_CONFIG", "hidden")]),
    ];
    insta::assert_snapshot!(variables.join("\n"), @r"
    VV_KAFKA_SASL_MECHANISMUS: Kafka's clients have no property sasl.mechanismus, which this would set -> did you mean VV_KAFKA_SASL_MECHANISMS?
    VV_KAFKA_SECURITY_PROTOCOL: 'tls' isn't known; it can be PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL
    VV_KAFKA_SECURITY_PROTOCOL: a login needs a sasl.mechanism -> say sasl.mechanism=PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
    VV_KAFKA_SASL_JAAS_CONFIG: a login module comes first, and then the word 'required'
    ");
}

#[test]
fn what_librdkafka_is_told() {
    let security = Security::of(given::of_file("f", b"client.id=ours").unwrap(), &read).unwrap();
    let told: Vec<String> =
        security.properties("kafka:9092").iter().map(|(name, value)| format!("{name}={value}")).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    allow.auto.create.topics=false
    bootstrap.servers=kafka:9092
    client.id=ours
    enable.metrics.push=false
    log.queue=true
    reconnect.backoff.max.ms=500
    reconnect.backoff.ms=50
    socket.connection.setup.timeout.ms=10000
    topic.metadata.refresh.interval.ms=3000
    ");
}
