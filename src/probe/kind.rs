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
    /// Temporal.
    Temporal,
    /// Traefik.
    Traefik,
    /// Apache ZooKeeper.
    Zookeeper,
}

impl Kind {
    /// The kind of a service: what `x-vv.kind` says, else what its image's name tells.
    pub fn of(service: &Service) -> Option<Self> {
        match &service.vv.kind {
            Some(name) => Self::from_name(name),
            None => Self::from_image(&service.image),
        }
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
            "kafka" | "redpanda" => Self::Kafka,
            "kafka-ui" => Self::KafkaUi,
            "kibana" => Self::Kibana,
            "kong" => Self::Kong,
            "konga" => Self::Konga,
            "logstash" => Self::Logstash,
            "minio" => Self::Minio,
            "nginx" => Self::Nginx,
            "otel-collector" => Self::OtelCollector,
            "postgres" | "postgresql" => Self::Postgres,
            "prometheus" => Self::Prometheus,
            "rabbitmq" => Self::Rabbitmq,
            "redis" | "valkey" => Self::Redis,
            "redis-commander" => Self::RedisCommander,
            "service" => Self::Service,
            "temporal" => Self::Temporal,
            "traefik" => Self::Traefik,
            "zookeeper" => Self::Zookeeper,
            _ => return None,
        })
    }

    /// The kind that an image's name tells, whatever its registry, owner and tag: `registry:5000/mirror/redis:7`.
    fn from_image(image: &str) -> Option<Self> {
        let path = image.split('@').next().unwrap_or_default();
        let mut parts = path.rsplit('/');
        let last = parts.next().unwrap_or_default();
        let name = last.split(':').next().unwrap_or_default();
        let owner = parts.next().unwrap_or_default();
        Self::from_name(match (owner, name) {
            (_, "all-in-one" | "jaeger-query" | "jaeger-collector" | "jaeger-agent" | "jaeger-ingester") => {
                "jaeger"
            }
            (_, "cp-kafka" | "cp-server" | "kafka-native") => "kafka",
            (_, "cp-zookeeper") => "zookeeper",
            (_, "kong-gateway") => "kong",
            (_, "clickhouse-server") => "clickhouse",
            (_, "opentelemetry-collector" | "opentelemetry-collector-contrib") => "otel-collector",
            (_, "postgis" | "timescaledb" | "pgvector") => "postgres",
            (_, "redis-stack" | "redis-stack-server") => "redis",
            (_, "opensearch-dashboards") => "kibana",
            ("temporalio", "auto-setup" | "server") => "temporal",
            ("grafana", "grafana-oss" | "grafana-enterprise") => "grafana",
            (_, "nginx-unprivileged") => "nginx",
            // Never a guess: no image is called so for what it is.
            (_, "service" | "graphql") => return None,
            (_, name) => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_tell_their_kind_whatever_their_registry_and_tag() {
        for (image, kind) in [
            ("redis", Some(Kind::Redis)),
            ("redis:7-alpine", Some(Kind::Redis)),
            ("registry.example:5000/mirror/redis:7@sha256:00ff", Some(Kind::Redis)),
            ("localhost/vv-parts/kafka:4.3.1", Some(Kind::Kafka)),
            ("confluentinc/cp-kafka:7.5.0", Some(Kind::Kafka)),
            ("jaegertracing/all-in-one:1.62.0", Some(Kind::Jaeger)),
            ("hashicorp/consul:1.16", Some(Kind::Consul)),
            ("oliver006/redis_exporter", None),
            ("acme/service:1", None),
            ("acme/kafka-consumer", None),
        ] {
            assert_eq!(Kind::from_image(image), kind, "{image}");
        }
    }

    #[test]
    fn the_file_has_the_last_word() {
        let mut service = Service { image: "redis:7".into(), ..Service::default() };
        assert_eq!(Kind::of(&service), Some(Kind::Redis));
        service.vv.kind = Some("kafka".into());
        assert_eq!(Kind::of(&service), Some(Kind::Kafka));
        service.vv.kind = Some("mainframe".into());
        assert_eq!(Kind::of(&service), None);
    }
}
