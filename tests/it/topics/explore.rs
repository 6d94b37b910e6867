use super::broker::*;
use std::time::*;
use vv::topics::admin::*;
use vv::topics::kafka::*;
#[tokio::test]
async fn explore() {
    let dir = tempfile::tempdir().unwrap();
    let pem = std::fs::read_to_string(certificate("server-key.pem")).unwrap()
        + &std::fs::read_to_string(certificate("server.pem")).unwrap();
    std::fs::write(dir.path().join("server.pem"), pem).unwrap();
    std::fs::copy(certificate("ca.pem"), dir.path().join("ca.pem")).unwrap();
    std::process::Command::new("chmod").args(["-R", "a+rX", dir.path().to_str().unwrap()]).status().unwrap();
    let mount = format!("{}:/certs:ro", dir.path().display());
    let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required user_vv=\"secret\";";
    let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    let node = Node {
        test: "explore",
        image: "kafka:4.3.1",
        name: "kafka",
        zookeeper: None,
        listeners: &[
            Listener("HOST", "PLAINTEXT", 19092),
            Listener("LOGIN", "SASL_PLAINTEXT", 19093),
            Listener("SAFE", "SASL_SSL", 19094),
            Listener("MUTUAL", "SSL", 19095),
        ],
        options: &["-v", &mount],
        environment: &[
            ("KAFKA_SASL_ENABLED_MECHANISMS", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"),
            ("KAFKA_LISTENER_NAME_LOGIN_PLAIN_SASL_JAAS_CONFIG", plain),
            ("KAFKA_LISTENER_NAME_SAFE_PLAIN_SASL_JAAS_CONFIG", plain),
            ("KAFKA_LISTENER_NAME_LOGIN_SCRAM___SHA___512_SASL_JAAS_CONFIG", scram),
            ("KAFKA_LISTENER_NAME_LOGIN_SCRAM___SHA___256_SASL_JAAS_CONFIG", scram),
            ("KAFKA_LISTENER_NAME_SAFE_SCRAM___SHA___512_SASL_JAAS_CONFIG", scram),
            ("KAFKA_LISTENER_NAME_SAFE_SASL_ENABLED_MECHANISMS", "PLAIN,SCRAM-SHA-512"),
            ("KAFKA_SSL_KEYSTORE_TYPE", "PEM"),
            ("KAFKA_SSL_KEYSTORE_LOCATION", "/certs/server.pem"),
            ("KAFKA_SSL_TRUSTSTORE_TYPE", "PEM"),
            ("KAFKA_SSL_TRUSTSTORE_LOCATION", "/certs/ca.pem"),
            ("KAFKA_LISTENER_NAME_MUTUAL_SSL_CLIENT_AUTH", "required"),
        ],
        network: None,
    };
    let broker = node.start();
    let t = Instant::now();
    let client = broker.client().await;
    println!("connected {:?}", t.elapsed());
    let t = Instant::now();
    let read = client.read(&[]).await;
    println!("{:?} {read:?}", t.elapsed());
    let t = Instant::now();
    drop(client);
    println!("drop {:?}", t.elapsed());
    let t = Instant::now();
    let client = broker.client().await;
    println!("connected {:?}", t.elapsed());
    println!(
        "{}",
        broker.tool(
            "kafka-configs.sh",
            &[
                "--alter",
                "--add-config",
                "SCRAM-SHA-512=[password=secret]",
                "--entity-type",
                "users",
                "--entity-name",
                "vv"
            ]
        )
    );
    let ca = certificate("ca.pem");
    let other = certificate("other-ca.pem");
    let login = |mech: &str, pw: &str| {
        format!(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism={mech}\nsasl.username=vv\nsasl.password={pw}\n"
        )
    };
    let safe = |ca: &str, mech: &str, pw: &str| {
        format!(
            "security.protocol=SASL_SSL\nsasl.mechanism={mech}\nsasl.username=vv\nsasl.password={pw}\nssl.ca.location={ca}\n"
        )
    };
    let cases: Vec<(&str, &str, String)> = vec![
        ("plain ok", "LOGIN", login("PLAIN", "secret")),
        ("scram ok", "LOGIN", login("SCRAM-SHA-512", "secret")),
        ("plain wrong", "LOGIN", login("PLAIN", "wrong")),
        ("scram wrong", "LOGIN", login("SCRAM-SHA-512", "wrong")),
        ("scram 256", "LOGIN", login("SCRAM-SHA-256", "secret")),
        ("safe ok", "SAFE", safe(&ca, "PLAIN", "secret")),
        ("safe scram ok", "SAFE", safe(&ca, "SCRAM-SHA-512", "secret")),
        ("safe wrong mech", "SAFE", safe(&ca, "SCRAM-SHA-256", "secret")),
        ("safe wrong pw", "SAFE", safe(&ca, "PLAIN", "wrong")),
        ("safe wrong ca", "SAFE", safe(&other, "PLAIN", "secret")),
        (
            "safe default ca",
            "SAFE",
            "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=vv\nsasl.password=x".into(),
        ),
        ("plaintext to tls", "SAFE", "".into()),
        ("plaintext to login", "LOGIN", "".into()),
        ("tls to plaintext", "HOST", format!("security.protocol=SSL\nssl.ca.location={ca}")),
        ("sasl to plaintext", "HOST", login("PLAIN", "secret")),
        ("sasl plaintext to sasl ssl", "SAFE", login("PLAIN", "secret")),
        ("ssl to sasl ssl", "SAFE", format!("security.protocol=SSL\nssl.ca.location={ca}")),
        ("sasl ssl to ssl", "MUTUAL", safe(&ca, "PLAIN", "secret")),
        ("no client cert", "MUTUAL", format!("security.protocol=SSL\nssl.ca.location={ca}")),
    ];
    for (name, listener, props) in cases {
        let _ = std::fs::remove_file(format!("/tmp/tb-{}.txt", std::process::id()));
        let t = Instant::now();
        let r = Kafka::connect(broker.to(listener, secured(&props)), Duration::from_secs(4)).await;
        let m = match &r {
            Ok(k) => format!("OK {:?}", k.read(&[]).await.map(|c| c.brokers)),
            Err(e) => format!("{e} {:?}", e.hint),
        };
        println!(
            "== {name} {:?}: {m}\n{}",
            t.elapsed(),
            std::fs::read_to_string(format!("/tmp/tb-{}.txt", std::process::id())).unwrap_or_default()
        );
    }
    for (name, b) in
        [("refused", "localhost:1"), ("unknown", "nowhere.invalid:9092"), ("blackhole", "10.255.255.1:9092")]
    {
        let _ = std::fs::remove_file(format!("/tmp/tb-{}.txt", std::process::id()));
        let r = Kafka::connect(
            Connection::to(servers(b).unwrap(), None, Default::default()),
            Duration::from_secs(4),
        )
        .await;
        println!(
            "== {name} {:?}\n{}",
            r.err(),
            std::fs::read_to_string(format!("/tmp/tb-{}.txt", std::process::id())).unwrap_or_default()
        );
    }
    for (name, r) in [
        (
            "bad config",
            client
                .create(&[
                    NewTopic {
                        name: "a".into(),
                        partitions: Some(1),
                        replication_factor: None,
                        config: [("retention.mss".to_string(), "1".to_string())].into(),
                    },
                    NewTopic {
                        name: "b".into(),
                        partitions: Some(1),
                        replication_factor: None,
                        config: [("retention.ms".to_string(), "soon".to_string())].into(),
                    },
                    NewTopic {
                        name: "c".into(),
                        partitions: Some(1),
                        replication_factor: Some(3),
                        config: Default::default(),
                    },
                    NewTopic {
                        name: "d".into(),
                        partitions: Some(0),
                        replication_factor: Some(1),
                        config: Default::default(),
                    }
                    .clone(),
                    NewTopic {
                        name: "e".into(),
                        partitions: Some(20000),
                        replication_factor: Some(1),
                        config: Default::default(),
                    },
                    NewTopic {
                        name: "ok".into(),
                        partitions: None,
                        replication_factor: None,
                        config: Default::default(),
                    },
                    NewTopic {
                        name: "a b".into(),
                        partitions: None,
                        replication_factor: None,
                        config: Default::default(),
                    },
                    NewTopic {
                        name: "__x".into(),
                        partitions: None,
                        replication_factor: None,
                        config: Default::default(),
                    },
                ])
                .await,
        ),
        ("grow", client.grow(&[("ok".to_string(), 1), ("none".to_string(), 3)].into()).await),
        ("grow0", client.grow(&[("ok".to_string(), 0)].into()).await),
        (
            "alter",
            client
                .alter(
                    &[
                        (
                            "ok".to_string(),
                            [
                                ("retention.ms".to_string(), Alteration::Set("x".into())),
                                ("cleanup.policy".to_string(), Alteration::Unset),
                            ]
                            .into(),
                        ),
                        (
                            "none".to_string(),
                            [("retention.ms".to_string(), Alteration::Set("1".into()))].into(),
                        ),
                    ]
                    .into(),
                )
                .await,
        ),
        ("delete", client.delete(&["none".to_string(), "ok".to_string()]).await),
    ] {
        println!("{name} {r:#?}");
    }
    println!(
        "{:?}",
        client
            .create(
                &(0..1000)
                    .map(|n| NewTopic {
                        name: format!("t{n}"),
                        partitions: Some(3),
                        replication_factor: None,
                        config: [("retention.ms".to_string(), "1000".to_string())].into()
                    })
                    .collect::<Vec<_>>()
            )
            .await
            .map(|o| o.values().filter(|o| o.is_ok()).count())
    );
    let names: Vec<String> = (0..1000).map(|n| format!("t{n}")).collect();
    let t = Instant::now();
    println!("{:?} {:?}", client.led(&names, Duration::from_secs(20)).await.map(|l| l.len()), t.elapsed());
    let t = Instant::now();
    println!("{:?} {:?}", client.read(&names).await.map(|l| l.topics["t7"].config.len()), t.elapsed());
}
