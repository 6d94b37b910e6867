use super::*;
use crate::probe::testing::{environment, service, system};
use crate::stack::vv::Stub;

fn line(question: Option<Question>) -> String {
    match question {
        Some(question) => {
            let port = question.port().map(|port| format!(" :{port}")).unwrap_or_default();
            format!("{}{port}", question.name())
        }
        None => "nothing".into(),
    }
}

#[test]
fn every_kind_has_its_question() {
    let kinds = [
        "adminer",
        "clickhouse",
        "consul",
        "elasticsearch",
        "envoy",
        "grafana",
        "graphql",
        "jaeger",
        "kafka",
        "kafka-ui",
        "kibana",
        "kong",
        "konga",
        "logstash",
        "minio",
        "nginx",
        "otel-collector",
        "postgres",
        "prometheus",
        "mongo",
        "mysql",
        "nats",
        "signoz",
        "temporal-ui",
        "job",
        "rabbitmq",
        "redis",
        "redis-commander",
        "service",
        "temporal",
        "traefik",
        "zookeeper",
        "other",
    ];
    let lines: Vec<String> = kinds
        .iter()
        .map(|kind| {
            let mut subject = service("s", &[], &[]);
            subject.vv.kind = Some((*kind).into());
            subject.expose = vec!["8001".into(), "8002".into()];
            format!("{kind}: {}", line(Question::of(&subject, false)))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    adminer: GET / :8080
    clickhouse: GET /ping :8123
    consul: leader :8500
    elasticsearch: cluster :9200
    envoy: connection :8001
    grafana: health :3000
    graphql: GET /.well-known/apollo/server-health :4000
    jaeger: query :16686
    kafka: metadata :9092
    kafka-ui: GET / :8080
    kibana: status :5601
    kong: gateway :8000
    konga: GET / :1337
    logstash: GET / :9600
    minio: GET /minio/health/ready :9000
    nginx: GET / :80
    otel-collector: connection :8001
    postgres: login :5432
    prometheus: ready :9090
    mongo: hello :27017
    mysql: login :3306
    nats: ping :4222
    signoz: GET /api/v1/health :8080
    temporal-ui: GET / :8080
    job: nothing
    rabbitmq: login :5672
    redis: ping :6379
    redis-commander: GET /healthcheck :8081
    service: GET /health :8001
    temporal: grpc health :7233
    traefik: GET /ping :8001
    zookeeper: srvr :2181
    other: nothing
    ");
}

#[test]
fn the_files_probe_comes_before_the_kinds() {
    let mut redis = system("redis", 6379);
    redis.vv.probe = Some(Probe::Exec { command: vec!["true".into()] });
    assert_eq!(Question::of(&redis, false), Some(Question::Exec(vec!["true".into()])));
    redis.vv.probe = Some(Probe::Tcp { port: 1 });
    assert_eq!(Question::of(&redis, false), Some(Question::Tcp(1)));
    redis.vv.probe = Some(Probe::Grpc { port: 2, service: "a".into() });
    assert_eq!(Question::of(&redis, false), Some(Question::Grpc { port: 2, service: "a".into() }));
}

#[test]
fn a_page_is_asked_over_tls_where_the_urls_say_so() {
    let mut web = service("web", &[8443], &[("https", 8443)]);
    web.vv.probe = Some(Probe::Http { port: 8443, path: "ready".into() });
    let wanted = Page { port: 8443, scheme: Scheme::Https, path: "/ready".into(), accept: Accept::Success };
    assert_eq!(Question::of(&web, false), Some(Question::Http(wanted.clone())));
    web.vv.urls[0].scheme = "http".into();
    assert_eq!(Question::of(&web, false), Some(Question::Http(Page { scheme: Scheme::Http, ..wanted })));
}

#[test]
fn a_stub_is_asked_over_http_whatever_the_service_is() {
    let ask = |subject: &Service| match Question::of(subject, true) {
        Some(Question::Http(page)) => format!(":{}{}", page.port, page.path),
        other => format!("{other:?}"),
    };
    let mut api = system("service", 8001);
    assert_eq!(ask(&api), ":8001/health");
    api.vv.probe = Some(Probe::Exec { command: vec!["python".into()] });
    assert_eq!(ask(&api), ":8001/health", "a stub has no commands");
    api.vv.stub = Some(Stub { port: Some(9000), health: Some("/up".into()), ..Stub::default() });
    assert_eq!(ask(&api), ":9000/up");
    api.vv.probe = Some(Probe::Http { port: 9001, path: "/ready".into() });
    assert_eq!(ask(&api), ":9001/ready");
    assert_eq!(Question::of(&service("worker", &[], &[]), true), None);
}

#[test]
fn a_service_of_its_own_may_have_another_health_page() {
    let mut api = system("service", 8001);
    api.vv.stub = Some(Stub { health: Some("/up".into()), ..Stub::default() });
    assert_eq!(line(Question::of(&api, false)), "GET /up :8001");
    assert_eq!(line(Question::of(&service("worker", &[], &[]), false)), "nothing");
}

#[test]
fn a_system_is_asked_where_it_listens() {
    let postgres = environment(service("db", &[], &[]), &[("PGPORT", "5433")]);
    let mut postgres = postgres;
    postgres.vv.kind = Some("postgres".into());
    assert_eq!(line(Question::of(&postgres, false)), "login :5433");
    let mut collector = system("jaeger", 14268);
    collector.image = "jaegertracing/jaeger-collector:1.62".into();
    assert_eq!(line(Question::of(&collector, false)), "GET / :14269");
}

#[test]
fn the_port_of_a_service_without_a_question() {
    assert_eq!(bare_port(&service("s", &[], &[])), None);
    assert_eq!(bare_port(&service("s", &[5005, 8080], &[])), Some((5005, false)));
    assert_eq!(bare_port(&service("s", &[5005], &[("dns", 53), ("http", 8080)])), Some((8080, true)));
}
