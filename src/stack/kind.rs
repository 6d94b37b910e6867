//! Which system an image holds, by its name.

/// The systems that vv knows, by the name that `x-vv.kind` takes, with the words that their images go by.
///
/// The first entry that fits wins, so that what is made for a system (`kafka-ui`, `konga`) stands before the system
/// itself.
const KINDS: &[(&str, &[&str])] = &[
    ("kafka-ui", &["kafka-ui", "akhq", "kafdrop"]),
    ("adminer", &["adminer"]),
    ("redis-commander", &["redis-commander"]),
    ("temporal-ui", &["temporal-ui", "ui"]),
    ("konga", &["konga"]),
    ("kong", &["kong", "kong-gateway"]),
    ("consul", &["consul", "consul-enterprise"]),
    (
        "jaeger",
        &[
            "jaeger",
            "all-in-one",
            "jaeger-all-in-one",
            "jaeger-query",
            "jaeger-collector",
            "jaeger-agent",
            "jaeger-ingester",
        ],
    ),
    (
        "kafka",
        &[
            "kafka",
            "kafka-native",
            "cp-kafka",
            "cp-enterprise-kafka",
            "cp-server",
            "confluent-local",
            "redpanda",
        ],
    ),
    ("zookeeper", &["zookeeper", "cp-zookeeper"]),
    (
        "postgres",
        &[
            "postgres",
            "postgresql",
            "postgis",
            "timescaledb",
            "timescaledb-ha",
            "pgvector",
            "postgresql-repmgr",
            "percona-distribution-postgresql",
            "citus",
        ],
    ),
    ("redis", &["redis", "redis-stack", "redis-stack-server", "valkey", "keydb"]),
    ("rabbitmq", &["rabbitmq"]),
    ("prometheus", &["prometheus"]),
    ("grafana", &["grafana", "grafana-oss", "grafana-enterprise"]),
    ("elasticsearch", &["elasticsearch", "elasticsearch-oss", "elasticsearch-wolfi", "opensearch"]),
    (
        "logstash",
        &["logstash", "logstash-oss", "logstash-wolfi", "logstash-oss-with-opensearch-output-plugin"],
    ),
    ("kibana", &["kibana", "kibana-oss", "kibana-wolfi", "opensearch-dashboards"]),
    ("temporal", &["temporal", "auto-setup", "server"]),
    ("traefik", &["traefik"]),
    ("envoy", &["envoy", "envoy-alpine", "envoy-contrib", "envoy-debug", "envoy-dev", "envoy-distroless"]),
    ("nginx", &["nginx", "nginx-unprivileged", "openresty"]),
    ("minio", &["minio"]),
    ("clickhouse", &["clickhouse", "clickhouse-server"]),
    (
        "otel-collector",
        &[
            "opentelemetry-collector",
            "opentelemetry-collector-contrib",
            "opentelemetry-collector-k8s",
            "opentelemetry-collector-otlp",
            "otel-collector",
            "signoz-otel-collector",
        ],
    ),
    ("signoz", &["signoz", "query-service"]),
    (
        "mysql",
        &[
            "mysql",
            "mysql-server",
            "community-server",
            "mariadb",
            "mariadb-galera",
            "percona",
            "percona-server",
            "percona-xtradb-cluster",
        ],
    ),
    (
        "mongo",
        &[
            "mongo",
            "mongodb",
            "mongodb-community-server",
            "mongodb-enterprise-server",
            "percona-server-mongodb",
        ],
    ),
    ("nats", &["nats", "nats-server"]),
    // These aren't seen in an image's name; `x-vv.kind` says so. A job runs once and ends.
    ("graphql", &[]),
    ("job", &[]),
    ("service", &[]),
];

/// Images whose last word says too little by itself: they count only below these owners.
const OWNED: &[(&str, &[&str])] = &[
    ("all-in-one", &["jaegertracing"]),
    ("auto-setup", &["temporalio"]),
    ("server", &["temporalio"]),
    ("ui", &["temporalio"]),
    ("community-server", &["mysql"]),
    ("query-service", &["signoz"]),
];

/// All kinds that `x-vv.kind` may name.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    KINDS.iter().map(|(kind, _)| *kind)
}

/// The kind that an image's name suggests, whatever its registry, owner and tag; a stand-in (`…-stand-in`) is taken
/// for what it stands in for.
pub fn guess(image: &str) -> Option<&'static str> {
    let path = image.split('@').next().unwrap_or(image);
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = name.split(':').next().unwrap_or(name).to_ascii_lowercase();
    let name = name.strip_suffix("-stand-in").unwrap_or(&name);
    if let Some((_, owners)) = OWNED.iter().find(|(owned, _)| *owned == name) {
        let owner = folder.rsplit('/').next().unwrap_or_default();
        if !owners.contains(&owner) {
            return None;
        }
    }
    KINDS.iter().find(|(_, words)| words.contains(&name)).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses() {
        let cases = [
            ("kong", Some("kong")),
            ("kong:3.4", Some("kong")),
            ("kong/kong-gateway:3.4.2.0", Some("kong")),
            ("localhost/vv-parts/kong-stand-in:3.4", Some("kong")),
            ("localhost:5000/team/kong:3.4", Some("kong")),
            ("pantsel/konga:latest", Some("konga")),
            ("hashicorp/consul:1.16", Some("consul")),
            ("docker.io/library/postgres:15-alpine", Some("postgres")),
            ("bitnami/postgresql", Some("postgres")),
            ("postgres@sha256:0123", Some("postgres")),
            ("postgres:15@sha256:0123", Some("postgres")),
            ("prometheuscommunity/postgres-exporter:v0.15.0", None),
            ("oliver006/redis_exporter", None),
            ("redis/redis-stack-server", Some("redis")),
            ("ghcr.io/joeferner/redis-commander", Some("redis-commander")),
            ("apache/kafka:4.0.0", Some("kafka")),
            ("confluentinc/cp-kafka:7.5.0", Some("kafka")),
            ("provectuslabs/kafka-ui", Some("kafka-ui")),
            ("confluentinc/cp-zookeeper:7.5.0", Some("zookeeper")),
            ("jaegertracing/all-in-one:1.50", Some("jaeger")),
            ("jaegertracing/jaeger:2.0.0", Some("jaeger")),
            ("jaegertracing/jaeger-query:1.57", Some("jaeger")),
            ("jaegertracing/jaeger-collector:1.57", Some("jaeger")),
            ("jaegertracing/jaeger-agent:1.57", Some("jaeger")),
            ("jaegertracing/jaeger-ingester:1.57", Some("jaeger")),
            ("jaegertracing/example-hotrod", None),
            ("somebody/all-in-one", None),
            ("temporalio/server:1.24", Some("temporal")),
            ("temporalio/ui:2.26", Some("temporal-ui")),
            ("temporalio/admin-tools:1.24", None),
            ("acme/server", None),
            ("acme/ui", None),
            ("percona/percona-server:8.0", Some("mysql")),
            ("percona/percona-server-mongodb:7.0", Some("mongo")),
            ("container-registry.oracle.com/mysql/community-server:8.4", Some("mysql")),
            ("acme/community-server", None),
            ("confluentinc/confluent-local:7.6", Some("kafka")),
            ("docker.elastic.co/elasticsearch/elasticsearch-wolfi:8.15.0", Some("elasticsearch")),
            ("envoyproxy/envoy-contrib:v1.30", Some("envoy")),
            ("rabbitmq:3.12-management", Some("rabbitmq")),
            ("prom/prometheus:v2.47.0", Some("prometheus")),
            ("grafana/grafana:10.1.5", Some("grafana")),
            ("docker.elastic.co/elasticsearch/elasticsearch:8.10.2", Some("elasticsearch")),
            ("opensearchproject/opensearch:2", Some("elasticsearch")),
            ("opensearchproject/opensearch-dashboards:2", Some("kibana")),
            ("temporalio/auto-setup:1.22", Some("temporal")),
            ("Nginx:alpine", Some("nginx")),
            ("acme/service", None),
            ("my-kong-plugin-tests", None),
            ("", None),
            ("/", None),
            (":", None),
        ];
        for (image, wanted) in cases {
            assert_eq!(guess(image), wanted, "{image}");
        }
    }
}
