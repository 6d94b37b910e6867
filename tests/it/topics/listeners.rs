//! Every kind of listener, asked rightly and in each wrong way.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use vv::topics::admin::Admin;
use vv::topics::kafka::security::Security;
use vv::topics::kafka::{Connection, Kafka, servers};

use super::broker::{Broker, Listener, Node, PATIENCE, certificate, secured};
use super::failure;

const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required user_vv=\"secret\";";
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required;";

/// A folder that the broker's user can read, with the broker's certificate and key, and the authority's certificate.
fn certificates() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read_to_string(certificate(name)).unwrap();
    let own = read("server-key.pem") + &read("server.pem");
    for (name, text) in [("server.pem", own), ("ca.pem", read("ca.pem"))] {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    }
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    dir
}

fn start(test: &str, mount: &str) -> Broker {
    let node = Node {
        test,
        image: "kafka:4.3.1",
        listeners: &[
            Listener("HOST", "PLAINTEXT", 19092),
            Listener("LOGIN", "SASL_PLAINTEXT", 19093),
            Listener("SAFE", "SASL_SSL", 19094),
            Listener("MUTUAL", "SSL", 19095),
        ],
        name: "kafka",
        environment: &[
            ("KAFKA_SASL_ENABLED_MECHANISMS", "PLAIN,SCRAM-SHA-512"),
            ("KAFKA_LISTENER_NAME_LOGIN_PLAIN_SASL_JAAS_CONFIG", PLAIN),
            ("KAFKA_LISTENER_NAME_SAFE_PLAIN_SASL_JAAS_CONFIG", PLAIN),
            ("KAFKA_LISTENER_NAME_LOGIN_SCRAM___SHA___512_SASL_JAAS_CONFIG", SCRAM),
            ("KAFKA_LISTENER_NAME_SAFE_SCRAM___SHA___512_SASL_JAAS_CONFIG", SCRAM),
            ("KAFKA_SSL_KEYSTORE_TYPE", "PEM"),
            ("KAFKA_SSL_KEYSTORE_LOCATION", "/certificates/server.pem"),
            ("KAFKA_SSL_TRUSTSTORE_TYPE", "PEM"),
            ("KAFKA_SSL_TRUSTSTORE_LOCATION", "/certificates/ca.pem"),
            ("KAFKA_LISTENER_NAME_MUTUAL_SSL_CLIENT_AUTH", "required"),
        ],
        options: &["-v", mount],
        network: None,
        zookeeper: None,
    };
    node.start()
}

#[tokio::test]
async fn every_listener() {
    let certificates = certificates();
    let broker = start("listeners", &format!("{}:/certificates:ro", certificates.path().display()));
    broker.client().await;
    let user = "SCRAM-SHA-512=[password=secret]";
    broker.tool(
        "kafka-configs.sh",
        &["--alter", "--add-config", user, "--entity-type", "users", "--entity-name", "vv"],
    );

    let (ca, other) = (certificate("ca.pem"), certificate("other-ca.pem"));
    let login = |protocol: &str, mechanism: &str, password: &str| {
        let module = if mechanism == "PLAIN" { "plain.PlainLoginModule" } else { "scram.ScramLoginModule" };
        format!(
            "security.protocol={protocol}\nsasl.mechanism={mechanism}\nsasl.jaas.config=\
             org.apache.kafka.common.security.{module} required username=\"vv\" password=\"{password}\";\n"
        )
    };
    let trust = |ca: &str| format!("ssl.truststore.type=PEM\nssl.truststore.location={ca}\n");
    let own = certificates.path().join("own.pem");
    let read = |name: &str| std::fs::read_to_string(certificate(name)).unwrap();
    std::fs::write(&own, read("key.pem") + &read("cert.pem")).unwrap();
    let own = format!("ssl.keystore.type=PEM\nssl.keystore.location={}\n", own.display());

    let right = [
        ("HOST", String::new()),
        ("LOGIN", login("SASL_PLAINTEXT", "PLAIN", "secret")),
        ("LOGIN", login("SASL_PLAINTEXT", "SCRAM-SHA-512", "secret")),
        ("SAFE", login("SASL_SSL", "PLAIN", "secret") + &trust(&ca)),
        ("SAFE", login("SASL_SSL", "SCRAM-SHA-512", "secret") + &trust(&ca)),
        ("MUTUAL", "security.protocol=SSL\n".to_owned() + &trust(&ca) + &own),
        // Nobody's certificate is looked at.
        (
            "SAFE",
            login("SASL_SSL", "PLAIN", "secret")
                + &trust(&other)
                + "enable.ssl.certificate.verification=false\n",
        ),
    ];
    for (listener, properties) in right {
        let kafka = Kafka::connect(broker.to(listener, secured(&properties)), PATIENCE).await;
        let kafka = kafka.unwrap_or_else(|error| panic!("{listener} {properties}: {error}"));
        assert_eq!(kafka.read(&[]).await.unwrap().brokers, [1]);
    }
    // From the stack: the listener that wants what is offered is found by itself.
    let (stack, platform) = broker.stack();
    let offered = secured(&(login("SASL_SSL", "PLAIN", "secret") + &trust(&ca)));
    let connection = Connection::of_stack(&stack, platform, offered).await.unwrap();
    assert_eq!(connection.described(), format!("localhost:{}", broker.ports["SAFE"]));
    Kafka::connect(connection, PATIENCE).await.unwrap_or_else(|error| panic!("{error}"));

    let wrong = [
        ("LOGIN", login("SASL_PLAINTEXT", "PLAIN", "hidden")),
        ("LOGIN", login("SASL_PLAINTEXT", "SCRAM-SHA-512", "hidden")),
        ("LOGIN", login("SASL_PLAINTEXT", "SCRAM-SHA-256", "secret")),
        ("LOGIN", String::new()),
        ("SAFE", login("SASL_SSL", "PLAIN", "hidden") + &trust(&ca)),
        ("SAFE", login("SASL_SSL", "PLAIN", "secret") + &trust(&other)),
        ("SAFE", login("SASL_PLAINTEXT", "PLAIN", "secret")),
        ("SAFE", "security.protocol=SSL\n".to_owned() + &trust(&ca)),
        ("SAFE", String::new()),
        ("HOST", "security.protocol=SSL\n".to_owned() + &trust(&ca)),
        ("HOST", login("SASL_PLAINTEXT", "PLAIN", "secret")),
        ("HOST", login("SASL_SSL", "PLAIN", "secret") + &trust(&ca)),
        ("MUTUAL", "security.protocol=SSL\n".to_owned() + &trust(&ca)),
        ("MUTUAL", String::new()),
    ];
    let mut lines = Vec::new();
    for (listener, properties) in wrong {
        let started = Instant::now();
        let Err(error) = Kafka::connect(broker.to(listener, secured(&properties)), PATIENCE).await else {
            panic!("{listener} takes {properties}");
        };
        let told = failure(&error);
        assert!(!told.contains("hidden"), "{told}");
        assert!(started.elapsed() < PATIENCE / 2, "what will not change isn't waited for: {told}");
        lines.push(format!("{listener}: {told}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    LOGIN: localhost:PORT refuses the login: Authentication failed: Invalid username or password -> are the user and the password in sasl.jaas.config right?
    LOGIN: localhost:PORT refuses the login: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 -> are the user and the password in sasl.jaas.config right?
    LOGIN: the listener at localhost:PORT takes no login by this mechanism, but by PLAIN, SCRAM-SHA-512 -> say one of them as sasl.mechanism
    LOGIN: the listener at localhost:PORT wants a login (SASL) -> say security.protocol=SASL_PLAINTEXT, sasl.mechanism and sasl.jaas.config (--command-config)
    SAFE: localhost:PORT refuses the login: Authentication failed: Invalid username or password -> are the user and the password in sasl.jaas.config right?
    SAFE: the certificate of localhost:PORT isn't trusted: unable to get local issuer certificate (/CN=localhost, signed by /CN=vv test ca) -> name the authority that signed it (ssl.truststore.type=PEM, ssl.truststore.location)
    SAFE: the listener at localhost:PORT wants TLS -> say security.protocol=SASL_SSL (--command-config)
    SAFE: the listener at localhost:PORT wants a login (SASL) -> say security.protocol=SASL_SSL, sasl.mechanism and sasl.jaas.config (--command-config)
    SAFE: the listener at localhost:PORT wants TLS -> say security.protocol=SSL, or SASL_SSL with a login (--command-config)
    HOST: the listener at localhost:PORT doesn't speak TLS -> say security.protocol=PLAINTEXT
    HOST: the listener at localhost:PORT takes no login (SASL) -> say security.protocol=PLAINTEXT
    HOST: the listener at localhost:PORT doesn't speak TLS -> say security.protocol=SASL_PLAINTEXT
    MUTUAL: the listener at localhost:PORT wants a certificate of its clients -> say ssl.keystore.location (PEM or PKCS12)
    MUTUAL: the listener at localhost:PORT wants TLS -> say security.protocol=SSL, or SASL_SSL with a login (--command-config)
    ");
}

#[tokio::test]
async fn a_certificate_for_another_name() {
    let certificates = certificates();
    let broker = start("names", &format!("{}:/certificates:ro", certificates.path().display()));
    broker.client().await;
    // Its certificate is for localhost and 127.0.0.1.
    let port = broker.ports["SAFE"];
    let bootstrap = servers(&format!("127.0.0.2:{port}")).unwrap();
    let properties = format!(
        "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=vv\nsasl.password=secret\n\
         ssl.truststore.type=PEM\nssl.truststore.location={}\n",
        certificate("ca.pem")
    );
    // The port is published on 127.0.0.1 alone; a door leads there from the other address.
    let door = tokio::net::TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = door.accept().await {
            tokio::spawn(async move {
                let there = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
                let Ok(mut there) = there else { return };
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut there).await;
            });
        }
    });
    let to = |properties: &str| Connection::to(bootstrap.clone(), None, secured(properties));
    let Err(error) = Kafka::connect(to(&properties), PATIENCE).await else { panic!("it is taken") };
    insta::assert_snapshot!(failure(&error).replace(&port.to_string(), "PORT"), @"the certificate of 127.0.0.2:PORT isn't trusted: IP address mismatch (/CN=localhost, signed by /CN=vv test ca) -> name the broker by a name that is in it, or say ssl.endpoint.identification.algorithm= (nothing)");
    let unchecked = properties + "ssl.endpoint.identification.algorithm=\n";
    Kafka::connect(to(&unchecked), PATIENCE).await.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn nobody_there() {
    let wait = Duration::from_secs(2);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port();
    let foreign = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let web = foreign.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = foreign.accept().await {
            let _ =
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let mut lines = Vec::new();
    for bootstrap in [format!("localhost:{silent}"), "kafka.invalid:9092".into(), format!("localhost:{web}")]
    {
        let connection = Connection::to(servers(&bootstrap).unwrap(), None, Security::default());
        let started = Instant::now();
        let Err(error) = Kafka::connect(connection, wait).await else { panic!("somebody is there") };
        assert!(started.elapsed() >= wait && started.elapsed() < wait * 4);
        lines.push(failure(&error));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    no Kafka answers at localhost:PORT within 2 s -> is Kafka up, and is this its port? (again)
    no Kafka answers at kafka.invalid:9092 within 2 s: the name kafka.invalid doesn't resolve from here -> name the broker as this machine knows it (again)
    no Kafka answers at localhost:PORT within 2 s: localhost:PORT answers, but not as Kafka -> is this Kafka's port? (again)
    ");
}
