//! What a service is asked to prove that it is ready. Pure.

use super::jaeger::{Part, query_port};
use super::kind::Kind;
use super::listen::{commanded, declares, first, port, published, variable};
use super::{kafka, kong, zookeeper};
use crate::stack::Service;
use crate::stack::vv::Probe;

const WEB: &[&str] = &["http", "https"];

/// A question to a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A page.
    Http(Page),
    /// A port that accepts.
    Tcp(u16),
    /// gRPC's health service.
    Grpc {
        /// The container's port.
        port: u16,
        /// The service asked for; empty for the server as a whole.
        service: String,
    },
    /// A command in the container.
    Exec(Vec<String>),
    /// Consul's leader, by HTTP on this port.
    Consul(u16),
    /// Elasticsearch's cluster health, by HTTP on this port.
    Elasticsearch(u16),
    /// Grafana's health, by HTTP on this port.
    Grafana(u16),
    /// Jaeger's query API, by HTTP on this port.
    Jaeger(u16),
    /// Kafka's ApiVersions and Metadata, on this port.
    Kafka(u16),
    /// Kibana's status, by HTTP on this port.
    Kibana(u16),
    /// Kong's status and proxy.
    Kong(kong::Ports),
    /// MongoDB's `hello`.
    Mongo(u16),
    /// A login at MySQL.
    Mysql(u16),
    /// A login at NATS, and a PING.
    Nats(u16),
    /// A login at PostgreSQL.
    Postgres(u16),
    /// Prometheus' readiness, by HTTP on this port.
    Prometheus(u16),
    /// A login at RabbitMQ.
    Rabbitmq(u16),
    /// A PING to Redis.
    Redis(u16),
    /// ZooKeeper's `srvr`.
    Zookeeper(u16),
}

/// A page and what its answer must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The container's port.
    pub port: u16,
    /// HTTP or HTTPS.
    pub scheme: Scheme,
    /// From `/`.
    pub path: String,
    /// Which answers count.
    pub accept: Accept,
}

/// How a page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Encrypted; the certificate isn't verified.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Which answers to a page count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// 2xx and 3xx.
    Success,
    /// Anything that isn't the server's own failure (5xx): of a server whose pages are the user's.
    Anything,
}

impl Question {
    /// What to ask: `x-vv.probe`, else the kind's question; a stand-in's health page for a stub. Nothing for a
    /// service that nothing is known of.
    pub fn of(service: &Service, stub: bool) -> Option<Self> {
        if stub {
            return Self::of_stub(service);
        }
        match &service.vv.probe {
            Some(probe) => Some(Self::declared(service, probe)),
            None => Self::of_kind(service, Kind::of(service)?),
        }
    }

    fn declared(service: &Service, probe: &Probe) -> Self {
        match probe.clone() {
            Probe::Http { port, path } => Self::Http(page(service, port, &path)),
            Probe::Tcp { port } => Self::Tcp(port),
            Probe::Grpc { port, service } => Self::Grpc { port, service },
            Probe::Exec { command } => Self::Exec(command),
        }
    }

    /// A stand-in speaks HTTP and has no commands.
    fn of_stub(service: &Service) -> Option<Self> {
        if let Some(probe @ Probe::Http { .. }) = &service.vv.probe {
            return Some(Self::declared(service, probe));
        }
        let stub = service.vv.stub.as_ref();
        let port = stub.and_then(|stub| stub.port).or_else(|| first(service, WEB))?;
        Some(Self::Http(Page { scheme: Scheme::Http, ..page(service, port, health(service)) }))
    }

    fn of_kind(service: &Service, kind: Kind) -> Option<Self> {
        let web = |usual| port(service, WEB, usual);
        let get = |usual, path: &str| Self::Http(page(service, web(usual), path));
        Some(match kind {
            Kind::Consul => Self::Consul(web(8500)),
            Kind::Elasticsearch => Self::Elasticsearch(web(9200)),
            Kind::Grafana => Self::Grafana(web(3000)),
            Kind::Jaeger => return Some(jaeger(service)),
            Kind::Kafka => Self::Kafka(kafka::listeners::client_port(service)),
            Kind::Kong => Self::Kong(kong::Ports::of(service)),
            Kind::Postgres => {
                let own = commanded(service, &["--port", "-p", "port"]);
                let own = own.or_else(|| variable(service, "PGPORT")?.parse().ok());
                Self::Postgres(port(service, &["postgres", "postgresql"], own.unwrap_or(5432)))
            }
            Kind::Prometheus => Self::Prometheus(web(9090)),
            Kind::Rabbitmq => Self::Rabbitmq(port(service, &["amqp"], 5672)),
            Kind::Redis => {
                Self::Redis(port(service, &["redis"], commanded(service, &["--port"]).unwrap_or(6379)))
            }
            Kind::Zookeeper => Self::Zookeeper(zookeeper::client_port(service)),
            Kind::Temporal => Self::Grpc {
                port: port(service, &["grpc"], 7233),
                service: "temporal.api.workflowservice.v1.WorkflowService".into(),
            },
            Kind::Service => Self::Http(page(service, first(service, WEB)?, health(service))),
            Kind::Nginx => Self::Http(Page { accept: Accept::Anything, ..page(service, web(80), "/") }),
            Kind::Adminer => get(8080, "/"),
            Kind::Clickhouse => get(8123, "/ping"),
            Kind::Envoy if declares(service, 9901) => get(9901, "/ready"),
            // Its admin page may listen in the container only, and its listeners' pages are the user's.
            Kind::Envoy => Self::Tcp(first(service, &[])?),
            Kind::Graphql => get(4000, "/.well-known/apollo/server-health"),
            // Several programs are of this kind; all have a first page.
            Kind::KafkaUi => get(8080, "/"),
            Kind::Kibana => Self::Kibana(web(5601)),
            Kind::Job => return None,
            Kind::Konga => get(1337, "/"),
            Kind::Logstash => get(9600, "/"),
            Kind::Minio => get(9000, "/minio/health/ready"),
            Kind::Mongo => {
                Self::Mongo(port(service, &["mongodb"], commanded(service, &["--port"]).unwrap_or(27017)))
            }
            Kind::Mysql => {
                Self::Mysql(port(service, &["mysql"], commanded(service, &["--port", "-P"]).unwrap_or(3306)))
            }
            Kind::Nats => Self::Nats(port(service, &["nats"], 4222)),
            Kind::Signoz => get(8080, "/api/v1/health"),
            Kind::TemporalUi => get(8080, "/"),
            Kind::OtelCollector if declares(service, 13133) => get(13133, "/"),
            // Its health page is an extension that isn't always there.
            Kind::OtelCollector => Self::Tcp(first(service, &[])?),
            Kind::RedisCommander => get(8081, "/healthcheck"),
            // Only with --ping does it have this page; any answer of its own will do.
            Kind::Traefik => {
                let port = if declares(service, 8080) { 8080 } else { first(service, WEB).unwrap_or(8080) };
                Self::Http(Page { accept: Accept::Anything, ..page(service, port, "/ping") })
            }
        })
    }

    /// The container port that the question goes to.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Http(page) => Some(page.port),
            Self::Kong(ports) => Some(ports.proxy.port),
            Self::Exec(_) => None,
            Self::Grpc { port, .. }
            | Self::Tcp(port)
            | Self::Consul(port)
            | Self::Elasticsearch(port)
            | Self::Grafana(port)
            | Self::Jaeger(port)
            | Self::Kafka(port)
            | Self::Kibana(port)
            | Self::Mongo(port)
            | Self::Mysql(port)
            | Self::Nats(port)
            | Self::Postgres(port)
            | Self::Prometheus(port)
            | Self::Rabbitmq(port)
            | Self::Redis(port)
            | Self::Zookeeper(port) => Some(*port),
        }
    }

    /// What the check is called.
    pub fn name(&self) -> String {
        match self {
            Self::Http(page) => format!("GET {}", page.path),
            Self::Tcp(_) => "connection".into(),
            Self::Grpc { .. } => "grpc health".into(),
            Self::Exec(_) => "command".into(),
            Self::Consul(_) => "leader".into(),
            Self::Elasticsearch(_) => "cluster".into(),
            Self::Grafana(_) => "health".into(),
            Self::Jaeger(_) => "query".into(),
            Self::Kafka(_) => "metadata".into(),
            Self::Kibana(_) => "status".into(),
            Self::Kong(_) => "gateway".into(),
            Self::Mongo(_) => "hello".into(),
            Self::Mysql(_) | Self::Postgres(_) | Self::Rabbitmq(_) => "login".into(),
            Self::Prometheus(_) => "ready".into(),
            Self::Nats(_) | Self::Redis(_) => "ping".into(),
            Self::Zookeeper(_) => "srvr".into(),
        }
    }
}

/// The port that a service without a question promises to people or publishes; whether a url promises it.
pub(super) fn bare_port(service: &Service) -> Option<(u16, bool)> {
    let tcp = |scheme: &str| !matches!(scheme, "dns" | "udp");
    let url = service.vv.urls.iter().find(|url| tcp(&url.scheme)).map(|url| (url.port, true));
    url.or_else(|| published(service).next().map(|port| (port, false)))
}

/// The page at a port; over TLS where a url with this port says so.
fn page(service: &Service, port: u16, path: &str) -> Page {
    let tls = service.vv.urls.iter().any(|url| url.port == port && url.scheme == "https");
    let scheme = if tls { Scheme::Https } else { Scheme::Http };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Page { port, scheme, path, accept: Accept::Success }
}

fn health(service: &Service) -> &str {
    service.vv.stub.as_ref().and_then(|stub| stub.health.as_deref()).unwrap_or("/health")
}

/// Jaeger's parts other than the query service have only their admin port.
fn jaeger(service: &Service) -> Question {
    let admin = |usual| Question::Http(page(service, usual, "/"));
    match Part::of(service) {
        Part::Collector => admin(14269),
        Part::Agent => admin(14271),
        Part::Ingester => admin(14270),
        Part::Query | Part::Whole => Question::Jaeger(query_port(service)),
    }
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
