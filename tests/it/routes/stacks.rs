//! Stacks with a gateway in a container, for what only vv's other commands do.

use crate::support::{Project, free_port};

/// The stand-in for Kong, and PostgreSQL.
const KONG: &str = "localhost/vv-parts/kong-stand-in:3.4";
const POSTGRES: &str = "localhost/vv-parts/postgres:15";

/// Where a gateway is published.
#[derive(Clone, Copy)]
pub struct Ports {
    pub proxy: u16,
    pub tls: u16,
    pub admin: u16,
}

impl Ports {
    pub fn free() -> Self {
        Self { proxy: free_port(), tls: free_port(), admin: free_port() }
    }

    /// An address of the proxy.
    pub fn proxy(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.proxy)
    }

    /// An address of the Admin API.
    pub fn admin(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.admin)
    }

    fn published(&self) -> String {
        let Self { proxy, tls, admin } = self;
        format!("['127.0.0.1:{proxy}:8000', '127.0.0.1:{tls}:8443', '127.0.0.1:{admin}:8001']")
    }
}

/// Kong with its PostgreSQL, whose data are in memory, and the job that makes its tables. These and the services that
/// follow are what stands under `services`.
pub fn with_database(ports: Ports) -> String {
    let variables = "KONG_DATABASE: postgres, KONG_PG_HOST: kong-db, KONG_PG_USER: kong, KONG_PG_PASSWORD: kong-pg-secret";
    format!(
        "x-vv: {{routes: kong.yml}}
services:
  kong-db:
    image: {POSTGRES}
    command: [postgres, -c, fsync=off, -c, full_page_writes=off]
    stop_grace_period: 0s
    tmpfs: ['/var/lib/postgresql/data:size=256m']
    environment: {{POSTGRES_USER: kong, POSTGRES_PASSWORD: kong-pg-secret, POSTGRES_DB: kong}}
    healthcheck: {{test: [CMD, pg_isready, -q, -h, 127.0.0.1, -U, kong], interval: 1s, retries: 30}}
  kong-migration:
    image: {KONG}
    command: [sh, -c, 'kong migrations bootstrap && kong migrations up && kong migrations finish']
    environment: {{{variables}}}
    depends_on: {{kong-db: {{condition: service_healthy}}}}
    x-vv: {{kind: job}}
  kong:
    image: {KONG}
    stop_grace_period: 0s
    ports: {}
    environment: {{{variables}, KONG_ADMIN_LISTEN: '0.0.0.0:8001', KONG_STATUS_LISTEN: '0.0.0.0:8100', KONG_WORKER_STATE_UPDATE_FREQUENCY: 1}}
    depends_on:
      kong-db: {{condition: service_healthy}}
      kong-migration: {{condition: service_completed_successfully}}
",
        ports.published()
    )
}

/// Kong that loads `kong.yml` itself when it starts.
pub fn without_database(ports: Ports) -> String {
    format!(
        "x-vv: {{routes: kong.yml}}
services:
  kong:
    image: {KONG}
    stop_grace_period: 0s
    ports: {}
    environment:
      KONG_DATABASE: 'off'
      KONG_DECLARATIVE_CONFIG: /kong/kong.yml
      KONG_ADMIN_LISTEN: 0.0.0.0:8001
      KONG_STATUS_LISTEN: 0.0.0.0:8100
    configs: [{{source: kong, target: /kong/kong.yml}}]
configs:
  kong: {{file: ./kong.yml}}
",
        ports.published()
    )
}

/// A service that vv stands in for. It answers on this path, and says who it is.
pub fn stub(name: &str, port: u16, paths: &[&str]) -> String {
    let mut text = format!(
        "  {name}:
    build: ./absent/{name}
    stop_grace_period: 2s
    x-vv:
      kind: service
      stub:
        port: {port}
        health: /health
        routes:
"
    );
    for path in paths {
        text +=
            &format!("          - {{method: GET, path: {path}, status: 200, body: {{service: {name}}}}}\n");
    }
    text
}

/// A project whose file is this one, with `services` after those of `base`.
pub fn project(test: &str, base: &str, services: &str, file: &str) -> Project {
    // `configs` stands behind the services.
    let (first, last) = base
        .split_once("configs:\n  kong:")
        .map_or((base, String::new()), |(first, last)| (first, format!("configs:\n  kong:{last}")));
    let project = Project::new(test, &format!("{first}{services}{last}"));
    project.write("kong.yml", file);
    project
}
