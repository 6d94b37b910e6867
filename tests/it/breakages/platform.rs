//! A platform of real parts, broken one service after the other.

use super::{Breakage, break_all, messaging, stores, web};
use crate::support::kafka::broker;
use crate::support::{BUSYBOX, Project, free_port};

pub const TABLES: &[&[Breakage]] = &[
    stores::LOGINS,
    stores::REDIS,
    stores::POSTGRES,
    messaging::RABBITMQ,
    messaging::KAFKA,
    web::CONSUL,
    web::KONG,
    web::WATCHERS,
];

/// A service that uses another, by this URL.
fn client(name: &str, variable: &str, url: &str) -> String {
    let command = match name {
        // One that runs can't be told from one that made its database itself.
        "app-database" | "app-vhost" => "command: [sh, -c, 'echo no such place; exit 1']",
        _ => "command: [sleep, '1000']",
    };
    format!(
        "  {name}:
    image: {BUSYBOX}
    stop_grace_period: 0s
    {command}
    environment: {{{variable}: '{url}'}}
"
    )
}

/// PostgreSQL has a network of its own: it is cut off there, and the engine (20.10) miscounts what is in a network where
/// one is cut off as others come and go; such a network can't be removed any more.
fn stack() -> String {
    let (port, lost) = (free_port(), free_port());
    let kafka = broker(port, &format!("localhost:{port}"), "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: 3");
    let kafka_lost =
        broker(lost, &format!("broker.vv-no-such-name:{lost}"), "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: 1");
    let clients = [
        client("app-password", "DATABASE_URL", "postgres://app:swordfish@postgres:5432/shop"),
        client("app-database", "DATABASE_URL", "postgres://app:hunter22@postgres:5432/nowhere"),
        client("app-cache", "REDIS_URL", "redis://:swordfish@redis:6379/0"),
        client("app-broker", "AMQP_URL", "amqp://worker:swordfish@rabbitmq:5672/shop"),
        client("app-vhost", "AMQP_URL", "amqp://admin:hunter22@rabbitmq:5672/nowhere"),
    ]
    .concat();
    format!(
        r#"services:
  redis:
    image: localhost/vv-parts/redis:7.0
    stop_grace_period: 0s
    command: [redis-server, --requirepass, hunter22]
    tmpfs: ['/data:size=1m,mode=777']
    ports: ['127.0.0.1::6379']
  postgres:
    image: localhost/vv-parts/postgres:15
    stop_grace_period: 0s
    command: [postgres, -c, max_connections=10]
    environment: {{POSTGRES_USER: app, POSTGRES_PASSWORD: hunter22, POSTGRES_DB: shop}}
    volumes: ['data:/var/lib/postgresql/data']
    networks: [apart]
  rabbitmq:
    image: localhost/vv-parts/rabbitmq:3.10
    stop_grace_period: 0s
    environment: {{RABBITMQ_DEFAULT_USER: admin, RABBITMQ_DEFAULT_PASS: hunter22, RABBITMQ_DEFAULT_VHOST: shop}}
    ports: ['127.0.0.1::5672']
  kafka:
    {kafka}
  kafka-lost:
    {kafka_lost}
  consul:
    image: localhost/vv-parts/consul:1.20.6
    stop_grace_period: 0s
    command: agent -dev -client=0.0.0.0
    ports: ['127.0.0.1::8500', '127.0.0.1::8600/tcp']
  shop:
    image: {BUSYBOX}
    stop_grace_period: 0s
    command: [sleep, '1000']
    x-vv: {{register: {{consul: self}}}}
  kong-database:
    image: {BUSYBOX}
    stop_grace_period: 0s
    command: [sh, -c, 'mkdir -p /tmp/www && echo "{{\"server\":{{}},\"database\":{{\"reachable\":true}}}}" >/tmp/www/status && exec httpd -f -p 8080 -h /tmp/www']
  kong:
    image: localhost/vv-parts/nginx:1.22
    stop_grace_period: 0s
    environment:
      KONG_PG_HOST: kong-database
      KONG_ADMIN_LISTEN: 0.0.0.0:8001
      CONF: |
        server {{
          listen 8001;
          location / {{
            proxy_connect_timeout 300ms;
            proxy_pass http://kong-database:8080;
            error_page 502 504 =200 @down;
          }}
          location @down {{ default_type application/json; return 200 '{{"server":{{}},"database":{{"reachable":false}}}}'; }}
        }}
        server {{
          listen 8000;
          location / {{ default_type application/json; return 404 '{{"message":"no Route matched with those values"}}'; }}
        }}
    command: [sh, -c, 'printf "%s" "$$CONF" >/etc/nginx/conf.d/kong.conf && exec nginx -g "daemon off;"']
    depends_on: [kong-database]
    expose: ['8000', '8001']
    x-vv: {{kind: kong}}
  gateway:
    image: localhost/vv-parts/nginx:1.22
    stop_grace_period: 0s
    ports: ['127.0.0.1::80']
  prometheus:
    image: localhost/vv-parts/prometheus:2.42
    stop_grace_period: 0s
    environment:
      CONF: '{{"global":{{"scrape_interval":"1s","scrape_timeout":"1s"}},"scrape_configs":[{{"job_name":"gone","static_configs":[{{"targets":["nosuch:80"]}}]}}]}}'
    entrypoint: [sh, -c, 'printf "%s" "$$CONF" >/tmp/p.yml; exec /bin/prometheus --config.file=/tmp/p.yml --storage.tsdb.path=/tmp/data']
    expose: ['9090']
  jaeger:
    image: localhost/vv-parts/jaeger:1.62.0
    stop_grace_period: 0s
    command: [--collector.otlp.enabled=false]
    ports: ['127.0.0.1::16686', '127.0.0.1::4317', '127.0.0.1::4318']
{clients}volumes: {{data: {{}}}}
networks: {{apart: {{}}}}
"#
    )
}

#[test]
fn every_part_of_a_platform() {
    let project = Project::new("break", &stack());
    project.write("stale.yaml", "services: {postgres: {environment: {POSTGRES_PASSWORD: other}}}\n");
    project.write("nodns.yaml", "services: {consul: {command: agent -dev -client=0.0.0.0 -dns-port=-1}}\n");
    project.write(
        "alone.yaml",
        "services: {consul: {command: agent -server -bootstrap-expect=3 -data-dir=/tmp/c -client=0.0.0.0}}\n",
    );
    // Some of it is broken from the start.
    let ran = project.vv(&["start", "--no-wait"]);
    assert!(ran.code == 0, "{ran}");
    let whole = ["redis", "postgres", "rabbitmq", "kong", "gateway"];
    project.ok(&[
        &["health", "--quick", "--wait", "--timeout", "2m", "kafka", "jaeger", "prometheus"],
        &whole[..],
    ]
    .concat());
    // A wrong login can be told only while the other side is well.
    break_all(&project, &[&TABLES[..1], &TABLES[1..]]);
    project.ok(&[&["health"], &whole[..3]].concat());
}
