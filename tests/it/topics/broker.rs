//! Brokers of tests, with whatever listeners they need.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use vv::platform::Platform;
use vv::stack::{Service, Stack};
use vv::topics::kafka::security::Security;
use vv::topics::kafka::{Connection, Kafka, servers};

use crate::probes::engine::{Cli, Container, docker};
use crate::probes::{START, service, stack_of};
use crate::support::free_port;

/// How long a request may take here; the machine builds something else meanwhile.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A network that is gone when the test ends, after the containers in it.
pub struct Network(pub String);

impl Network {
    pub fn new(test: &str) -> Self {
        let run = std::env::var("VV_TEST_RUN").unwrap_or_else(|_| format!("vvt{}", std::process::id()));
        let name = format!("{run}-topics-{test}");
        docker(&["network", "create", &name]);
        Self(name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["network", "rm", &self.0]).output();
    }
}

/// A listener for clients: its name, what it speaks and its port in the container.
#[derive(Clone, Copy)]
pub struct Listener(pub &'static str, pub &'static str, pub u16);

/// Where clients in the container itself, and other brokers, go.
pub const INSIDE: &str = "localhost:29092";

/// A node to be started.
pub struct Node<'a> {
    pub test: &'a str,
    pub image: &'a str,
    /// Its listeners for clients on this machine; each is published.
    pub listeners: &'a [Listener],
    /// What it is known as on its network.
    pub name: &'a str,
    /// More variables, over the usual ones.
    pub environment: &'a [(&'a str, &'a str)],
    /// More options of `docker run`.
    pub options: &'a [&'a str],
    /// The network that it is on, with others that go to it by its name.
    pub network: Option<&'a str>,
    /// With which ZooKeeper it keeps its state; its own quorum otherwise.
    pub zookeeper: Option<&'a str>,
}

/// A node that was started.
pub struct Broker {
    pub service: Service,
    pub container: Container,
    /// The published port of each listener, by its name.
    pub ports: BTreeMap<&'static str, u16>,
}

impl Node<'_> {
    pub fn start(&self) -> Broker {
        let published: Vec<(Listener, u16)> = self.listeners.iter().map(|one| (*one, free_port())).collect();
        let inside = format!("INSIDE://{}:29092", self.network.map_or("localhost", |_| self.name));
        let join = |each: &dyn Fn(&(Listener, u16)) -> String, more: &[&str]| {
            let all = published.iter().map(each).chain(more.iter().map(|more| (*more).to_owned()));
            all.collect::<Vec<_>>().join(",")
        };
        let kraft = self.zookeeper.is_none();
        let controller = if kraft { &["CONTROLLER://:9093"][..] } else { &[] };
        let listeners =
            join(&|(one, _)| format!("{}://:{}", one.0, one.2), &[&["INSIDE://:29092"], controller].concat());
        let advertised = join(&|(one, port)| format!("{}://localhost:{port}", one.0), &[&inside]);
        let protocols =
            join(&|(one, _)| format!("{}:{}", one.0, one.1), &["INSIDE:PLAINTEXT", "CONTROLLER:PLAINTEXT"]);
        let mut environment = BTreeMap::from([
            ("KAFKA_LISTENERS", listeners.as_str()),
            ("KAFKA_ADVERTISED_LISTENERS", &advertised),
            ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", &protocols),
            ("KAFKA_INTER_BROKER_LISTENER_NAME", "INSIDE"),
            ("KAFKA_LOG_DIRS", "/logs"),
            ("KAFKA_HEAP_OPTS", "-Xmx256m"),
        ]);
        match self.zookeeper {
            Some(address) => {
                environment.extend([("KAFKA_BROKER_ID", "1"), ("KAFKA_ZOOKEEPER_CONNECT", address)])
            }
            None => environment.extend([
                ("KAFKA_NODE_ID", "1"),
                ("KAFKA_PROCESS_ROLES", "broker,controller"),
                ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093"),
                ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
            ]),
        }
        environment.extend(self.environment.iter().copied());
        let mut options: Vec<String> = self.options.iter().map(|word| (*word).to_owned()).collect();
        if let Some(network) = self.network {
            options.extend(["--network", network, "--network-alias", self.name].map(str::to_owned));
        }
        options.extend(["--tmpfs".into(), "/logs:size=160m,mode=777".into()]);
        for (one, port) in &published {
            options.extend(["-p".into(), format!("127.0.0.1:{port}:{}", one.2)]);
        }
        for (name, value) in &environment {
            options.extend(["-e".into(), format!("{name}={value}")]);
        }
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let container = Container::start(&format!("topics-{}", self.test), self.image, &options, &[]);
        let targets: Vec<u16> = self.listeners.iter().map(|one| one.2).collect();
        let environment: Vec<(&str, &str)> = environment.into_iter().collect();
        let mut service = service("kafka", &targets, &environment);
        service.name = self.name.to_owned();
        let ports = published.into_iter().map(|(one, port)| (one.0, port)).collect();
        Broker { service, container, ports }
    }
}

impl Broker {
    /// The stack of this broker alone.
    pub fn stack(&self) -> (Stack, Arc<dyn Platform>) {
        (stack_of(&self.service), Arc::new(Cli::of(&self.service.name, &self.container)))
    }

    /// A client as vv makes it for a stack.
    pub async fn client(&self) -> Kafka {
        let (stack, platform) = self.stack();
        let connection = Connection::of_stack(&stack, platform, Security::default()).await.unwrap();
        let client = Kafka::connect(connection, START).await;
        client.unwrap_or_else(|error| panic!("{error}\n{}", self.container.logs()))
    }

    /// A connection to a listener, by the port that it is published as.
    pub fn to(&self, listener: &str, security: Security) -> Connection {
        let bootstrap = servers(&format!("localhost:{}", self.ports[listener])).unwrap();
        Connection::to(bootstrap, None, security)
    }

    /// Kafka's own tool, in the container; what it prints.
    pub fn tool(&self, tool: &str, words: &[&str]) -> String {
        let fixed = ["exec", &self.container.name, tool, "--bootstrap-server", INSIDE];
        docker(&[&fixed, words].concat())
    }
}

/// Security from properties in a file.
pub fn secured(properties: &str) -> Security {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("client.properties");
    std::fs::write(&file, properties).unwrap();
    Security::load(Some(&file), std::iter::empty()).unwrap()
}

/// A file of the tests' own certificates.
pub fn certificate(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/engine/tls");
    dir.join(name).to_str().unwrap().to_owned()
}
