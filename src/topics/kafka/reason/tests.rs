use super::*;
use crate::topics::kafka::servers;

const LINES: &[&str] = &[
    "localhost:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
    "nowhere.invalid:9092/bootstrap: Failed to resolve 'nowhere.invalid:9092': Name or service not known (after 0ms in \
     state CONNECT)",
    "kafka:9092/1: Connection setup timed out in state CONNECT (after 10001ms in state CONNECT, 1 identical error(s) \
     suppressed)",
    "[thrd:localhost:9094/bootstrap]: localhost:9094/bootstrap: Disconnected: requesting ApiVersion: might be caused by \
     incorrect security.protocol configuration (connecting to a SSL listener?) or broker version is < 0.10 (see \
     api.version.request) (after 3ms in state APIVERSION_QUERY)",
    "[thrd:localhost:9093/bootstrap]: localhost:9093/bootstrap: Disconnected: verify that security.protocol is correctly \
     configured, broker might require SASL authentication (after 0ms in state UP)",
    "[thrd:localhost:9093/bootstrap]: localhost:9093/bootstrap: Disconnected (after 2ms in state UP)",
    "localhost:9094/bootstrap: Receive failed: Invalid response size 352518912 (0..100000000): increase \
     receive.message.max.bytes (after 0ms in state APIVERSION_QUERY)",
    "10.0.0.1:80/bootstrap: Receive failed: Invalid response size 1213486160 (0..100000000): increase \
     receive.message.max.bytes (after 0ms in state APIVERSION_QUERY)",
    "ssl://localhost:9092/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a \
     PLAINTEXT broker listener? (after 3ms in state SSL_HANDSHAKE)",
    "sasl_plaintext://localhost:9093/bootstrap: SASL authentication error: Authentication failed: Invalid username or \
     password (after 302ms in state AUTH_REQ)",
    "sasl_ssl://localhost:9094/bootstrap: SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL \
     mechanism: broker's supported mechanisms: PLAIN,SCRAM-SHA-512 (after 301ms in state AUTH_HANDSHAKE)",
    "sasl_plaintext://localhost:9092/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not valid in \
     current SASL state: broker's supported mechanisms:  (after 1ms in state AUTH_HANDSHAKE)",
    "sasl_ssl://localhost:9094/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: \
     broker certificate could not be verified, verify that ssl.ca.location is correctly configured (after 6ms in state \
     SSL_HANDSHAKE)",
    "[thrd:ssl://localhost:9094/bootstrap]: ssl://localhost:9094/bootstrap: Certificate (subject=/CN=localhost, \
     issuer=/CN=ours) verification callback failed: certificate has expired",
    "ssl://localhost:9095/bootstrap: Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL \
     alert number 116 (after 0ms in state APIVERSION_QUERY)",
    "[::1]:9092/bootstrap: Send failed: No route to host (after 1ms in state UP)",
    "1/1 brokers are down",
    "",
];

fn told(error: &AdminError) -> String {
    let hint = error.hint.as_ref().map(|hint| format!(" -> {hint}")).unwrap_or_default();
    format!("{}{hint}{}", error.message, if error.retriable { " (again)" } else { "" })
}

#[test]
fn every_line_has_its_words() {
    let security = Security::default();
    let lines = LINES.iter().map(|line| {
        let mut troubles = Troubles::default();
        troubles.extend(vec![(*line).to_owned()]);
        let bootstrap = servers("localhost:9092").unwrap();
        told(&troubles.unanswered(
            &Asked { bootstrap: &bootstrap, security: &security, blocked: None },
            Some(Duration::from_secs(30)),
        ))
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
    no Kafka answers at localhost:9092 within 30 s: localhost:1 refuses connections -> is Kafka up, and is this its port? (again)
    no Kafka answers at localhost:9092 within 30 s: the name nowhere.invalid doesn't resolve from here -> name the broker as this machine knows it (again)
    no Kafka answers at localhost:9092 within 30 s: kafka:9092 doesn't answer -> is Kafka up, and is this its port? (again)
    no Kafka answers at localhost:9092 within 30 s: localhost:9094 accepts and closes the connection without an answer -> is Kafka up? A listener that wants TLS does so too (security.protocol=SSL or SASL_SSL) (again)
    no Kafka answers at localhost:9092 within 30 s: the listener at localhost:9093 wants a login (SASL) -> say security.protocol=SASL_PLAINTEXT, sasl.mechanism and sasl.jaas.config (--command-config)
    no Kafka answers at localhost:9092 within 30 s: localhost:9093 answers and then closes the connection -> is Kafka up, and is this its port? (again)
    no Kafka answers at localhost:9092 within 30 s: the listener at localhost:9094 wants TLS -> say security.protocol=SSL, or SASL_SSL with a login (--command-config)
    no Kafka answers at localhost:9092 within 30 s: 10.0.0.1:80 answers, but not as Kafka -> is this Kafka's port? (again)
    no Kafka answers at localhost:9092 within 30 s: localhost:9092 accepts and closes the connection without an answer -> is Kafka up? A listener that wants TLS does so too (security.protocol=SSL or SASL_SSL) (again)
    no Kafka answers at localhost:9092 within 30 s: localhost:9093 refuses the login: Authentication failed: Invalid username or password -> are the user and the password in sasl.jaas.config right?
    no Kafka answers at localhost:9092 within 30 s: the listener at localhost:9094 takes no login by this mechanism, but by PLAIN, SCRAM-SHA-512 -> say one of them as sasl.mechanism
    no Kafka answers at localhost:9092 within 30 s: the listener at localhost:9092 takes no login (SASL) -> say security.protocol=PLAINTEXT
    no Kafka answers at localhost:9092 within 30 s: the certificate of localhost:9094 isn't trusted -> name the authority that signed it (ssl.truststore.type=PEM, ssl.truststore.location)
    no Kafka answers at localhost:9092 within 30 s: the certificate of localhost:9094 isn't trusted: certificate has expired (/CN=localhost, signed by /CN=ours) -> renew it
    no Kafka answers at localhost:9092 within 30 s: the listener at localhost:9095 wants a certificate of its clients -> say ssl.keystore.location (PEM or PKCS12)
    no Kafka answers at localhost:9092 within 30 s: [::1]:9092: Send failed: No route to host (again)
    no Kafka answers at localhost:9092 within 30 s -> is Kafka up, and is this its port? (again)
    no Kafka answers at localhost:9092 within 30 s -> is Kafka up, and is this its port? (again)
    ");
}

#[test]
fn what_was_found_out_is_kept() {
    let bootstrap = servers("localhost:9094").unwrap();
    let mut troubles = Troubles::default();
    assert!(!troubles.lasting(&bootstrap));
    troubles.extend(vec![LINES[3].to_owned()]);
    assert!(!troubles.lasting(&bootstrap), "nobody may listen behind a published port yet");
    let speechless = troubles.speechless().unwrap();
    assert_eq!(speechless, bootstrap[0]);
    troubles.found(&speechless, true);
    troubles.extend(vec![LINES[3].to_owned()]);
    assert!(troubles.lasting(&bootstrap));
    assert_eq!(troubles.speechless(), None);

    let mut away = Troubles::default();
    away.extend(vec![LINES[5].to_owned()]);
    assert!(away.turned_away());
    away.want_login();
    assert!(!away.turned_away() && away.lasting(&servers("localhost:9093").unwrap()));

    let mut untrusted = Troubles::default();
    untrusted.extend(vec![LINES[13].to_owned(), LINES[12].to_owned()]);
    let security = Security::default();
    let who = Asked { bootstrap: &bootstrap, security: &security, blocked: None };
    assert!(told(&untrusted.unanswered(&who, None)).contains("certificate has expired"));
    let two = servers("localhost:9094,localhost:9095").unwrap();
    assert!(!untrusted.lasting(&two), "the other may answer");
}

#[test]
fn requests_that_fail() {
    let bootstrap = servers("localhost:9092").unwrap();
    let security = Security::default();
    let failed = |code, text: &str, lines: &[&str], blocked: Option<&str>| {
        let mut troubles = Troubles::default();
        troubles.extend(lines.iter().map(|line| (*line).to_owned()).collect());
        let blocked = blocked.map(str::to_owned);
        let who = Asked { bootstrap: &bootstrap, security: &security, blocked };
        told(&troubles.failed(
            "read the topics",
            &Said { code, text: text.into() },
            &who,
            Duration::from_secs(5),
        ))
    };
    let lines = [
        failed(-185, "Local: Timed out", &[], None),
        failed(-185, "Local: Timed out", &[LINES[2]], None),
        failed(-195, "Local: Broker transport failure", &[LINES[1]], None),
        failed(-185, "Local: Timed out", &[LINES[1]], Some("kafka:9092: port 9092 isn't published")),
        failed(-185, "Local: Timed out", &["localhost:9092/1: Connect failed: Connection refused"], None),
        failed(31, "Cluster authorization failed.", &[], None),
        failed(41, "This is not the correct controller.", &[LINES[2]], None),
        failed(INVALID, "No topics to create", &[], None),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    can't read the topics: no answer within 5 s (again)
    can't read the topics: no answer within 5 s: kafka:9092 doesn't answer -> the broker advertises kafka:9092 (KAFKA_ADVERTISED_LISTENERS); advertise what can be reached from here (again)
    can't read the topics: no answer within 5 s: the name nowhere.invalid doesn't resolve from here -> the broker advertises nowhere.invalid:9092 (KAFKA_ADVERTISED_LISTENERS); advertise what can be reached from here (again)
    can't read the topics: no answer within 5 s: kafka:9092: port 9092 isn't published -> the broker advertises nowhere.invalid:9092 (KAFKA_ADVERTISED_LISTENERS); advertise what can be reached from here (again)
    can't read the topics: no answer within 5 s: localhost:9092 refuses connections -> is Kafka up, and is this its port? (again)
    can't read the topics: CLUSTER_AUTHORIZATION_FAILED: Cluster authorization failed. -> give this user the right to do it on the cluster
    can't read the topics: NOT_CONTROLLER: This is not the correct controller. (again)
    can't read the topics: No topics to create
    ");
}
