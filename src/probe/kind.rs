//! Which system a service is.

use crate::stack::Service;

/// The systems that have a question of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Adminer.
    Adminer,
    /// ClickHouse.
    Clickhouse,
    /// HashiCorp Consul.
    Consul,
    /// Elasticsearch and OpenSearch.
    Elasticsearch,
    /// Envoy.
    Envoy,
    /// Grafana.
    Grafana,
    /// An Apollo GraphQL server.
    Graphql,
    /// Jaeger, all in one or in parts.
    Jaeger,
    /// A job: runs once and ends.
    Job,
    /// Apache Kafka and what speaks its protocol.
    Kafka,
    /// Kafka UI.
    KafkaUi,
    /// Kibana and OpenSearch Dashboards.
    Kibana,
    /// Kong Gateway.
    Kong,
    /// Konga.
    Konga,
    /// Logstash.
    Logstash,
    /// MinIO.
    Minio,
    /// MongoDB.
    Mongo,
    /// MySQL and MariaDB.
    Mysql,
    /// NATS.
    Nats,
    /// nginx.
    Nginx,
    /// The OpenTelemetry collector.
    OtelCollector,
    /// PostgreSQL.
    Postgres,
    /// Prometheus.
    Prometheus,
    /// RabbitMQ.
    Rabbitmq,
    /// Redis and Valkey.
    Redis,
    /// Redis Commander.
    RedisCommander,
    /// A service of the platform itself: HTTP with `/health`.
    Service,
    /// SigNoz.
    Signoz,
    /// Temporal.
    Temporal,
    /// Temporal's web interface.
    TemporalUi,
    /// Traefik.
    Traefik,
    /// Apache ZooKeeper.
    Zookeeper,
}

impl Kind {
    /// The kind of a service: what `x-vv.kind` says, which the loader fills in from the image's name where it is absent.
    pub fn of(service: &Service) -> Option<Self> {
        Self::from_name(service.vv.kind.as_deref()?)
    }

    /// The kind of this name, as `x-vv.kind` spells it.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "adminer" => Self::Adminer,
            "clickhouse" => Self::Clickhouse,
            "consul" => Self::Consul,
            "elasticsearch" | "opensearch" => Self::Elasticsearch,
            "envoy" => Self::Envoy,
            "grafana" => Self::Grafana,
            "graphql" => Self::Graphql,
            "jaeger" => Self::Jaeger,
            "job" => Self::Job,
            "kafka" | "redpanda" => Self::Kafka,
            "kafka-ui" => Self::KafkaUi,
            "kibana" => Self::Kibana,
            "kong" => Self::Kong,
            "konga" => Self::Konga,
            "logstash" => Self::Logstash,
            "minio" => Self::Minio,
            "mongo" => Self::Mongo,
            "mysql" => Self::Mysql,
            "nats" => Self::Nats,
            "nginx" => Self::Nginx,
            "otel-collector" => Self::OtelCollector,
            "postgres" | "postgresql" => Self::Postgres,
            "prometheus" => Self::Prometheus,
            "rabbitmq" => Self::Rabbitmq,
            "redis" | "valkey" => Self::Redis,
            "redis-commander" => Self::RedisCommander,
            "service" => Self::Service,
            "signoz" => Self::Signoz,
            "temporal" => Self::Temporal,
            "temporal-ui" => Self::TemporalUi,
            "traefik" => Self::Traefik,
            "zookeeper" => Self::Zookeeper,
            _ => return None,
        })
    }
}
