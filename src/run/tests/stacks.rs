//! A stack with everything that needs care: a job, replicas, a fixed port, a volume, two networks, a shared
//! namespace, a copied file, a build.

use std::path::PathBuf;

use super::support::secs;
use crate::stack::Stack;
use crate::stack::model::{
    Build, Condition, Dependency, FileMount, FileSource, Healthcheck, Mount, MountKind, Namespace, Network,
    NetworkAttachment, Origin, Port, PortRange, Protocol, Service, Test, Volume,
};

/// `db` ← `migrate` (a job) ← `web` (two replicas, one of them on port 8080) ; `sidecar` in db's network.
pub(super) fn shop() -> Stack {
    let db = Service {
        healthcheck: Some(Healthcheck {
            test: Some(Test::Shell("pg_isready".to_owned())),
            interval: Some(secs(10)),
            timeout: Some(secs(3)),
            retries: Some(5),
            start_period: None,
            start_interval: None,
        }),
        mounts: vec![
            volume("/data", Some("data")),
            // Not declared anywhere: the engine names it.
            volume("/cache", None),
        ],
        ..service("db", &["back"])
    };
    let migrate = Service {
        depends_on: [needs("db", Condition::ServiceHealthy)].into(),
        files: vec![config("schema", "/schema.sql", "create table orders")],
        ..service("migrate", &["back"])
    };
    let web = Service {
        depends_on: [
            needs("migrate", Condition::ServiceCompletedSuccessfully),
            needs("db", Condition::ServiceHealthy),
        ]
        .into(),
        build: Some(Build { context: "/srv/web".into(), ..Build::default() }),
        files: vec![config("settings", "/etc/web.toml", "level = 1")],
        ports: vec![Port {
            target: 80,
            published: Some(PortRange { first: 8080, last: 8080 }),
            host_ip: Some("127.0.0.1".to_owned()),
            protocol: Protocol::Tcp,
        }],
        replicas: 2,
        ..service("web", &["front", "back"])
    };
    let sidecar = Service {
        network_mode: Some(Namespace::Service("db".to_owned())),
        depends_on: [needs("db", Condition::ServiceStarted)].into(),
        ..service("sidecar", &[])
    };
    let services = [db, migrate, web, sidecar];
    Stack {
        name: "shop".to_owned(),
        origin: Origin {
            working_dir: PathBuf::from("/work"),
            config_files: vec!["/srv/compose.yaml".to_owned()],
            ..Origin::default()
        },
        services: services.into_iter().map(|service| (service.name.clone(), service)).collect(),
        inactive: Default::default(),
        networks: ["front", "back"].map(|key| (key.to_owned(), network(key))).into_iter().collect(),
        volumes: [("data".to_owned(), named_volume("data"))].into_iter().collect(),
        vv: Default::default(),
        warnings: Vec::new(),
    }
}

fn service(name: &str, networks: &[&str]) -> Service {
    Service {
        name: name.to_owned(),
        image: format!("{name}:1"),
        replicas: 1,
        networks: networks.iter().map(|key| ((*key).to_owned(), NetworkAttachment::default())).collect(),
        ..Service::default()
    }
}

fn needs(name: &str, condition: Condition) -> (String, Dependency) {
    (name.to_owned(), Dependency { condition, restart: false, required: true })
}

fn volume(target: &str, key: Option<&str>) -> Mount {
    let kind = MountKind::Volume { source: key.map(str::to_owned), nocopy: false };
    Mount { target: target.to_owned(), read_only: false, kind }
}

fn config(name: &str, target: &str, content: &str) -> FileMount {
    FileMount {
        name: name.to_owned(),
        secret: false,
        target: target.to_owned(),
        uid: None,
        gid: None,
        mode: None,
        source: FileSource::Inline,
        content: content.into(),
    }
}

fn network(key: &str) -> Network {
    Network { name: format!("shop_{key}"), ..Network::default() }
}

fn named_volume(key: &str) -> Volume {
    Volume { name: format!("shop_{key}"), ..Volume::default() }
}
