//! Stacks in few words.

use std::path::PathBuf;
use std::time::Duration;

use crate::stack::model::{
    Build, Condition, Dependency, FileMount, FileSource, Healthcheck, Mount, MountKind, Namespace, Network,
    NetworkAttachment, Port, PortRange, Protocol, Service, Stack, Test, Volume,
};

/// A stack `demo` of these services, with the networks and volumes that they name.
pub fn stack(services: impl IntoIterator<Item = Service>) -> Stack {
    let mut stack = Stack {
        name: "demo".into(),
        origin: crate::stack::model::Origin {
            working_dir: PathBuf::from("/srv/demo"),
            config_files: vec!["/srv/demo/compose.yaml".into()],
            ..Default::default()
        },
        services: Default::default(),
        inactive: Default::default(),
        networks: Default::default(),
        volumes: Default::default(),
        vv: Default::default(),
        warnings: Vec::new(),
    };
    for service in services {
        stack.services.insert(service.name.clone(), service);
    }
    settle(&mut stack);
    stack
}

/// Declares the networks and volumes that services name and nobody has declared.
pub fn settle(stack: &mut Stack) {
    for service in stack.services.values() {
        for key in service.networks.keys() {
            let name = format!("{}_{key}", stack.name);
            stack.networks.entry(key.clone()).or_insert(Network { name, ..Network::default() });
        }
        for mount in &service.mounts {
            if let MountKind::Volume { source: Some(key), .. } = &mount.kind {
                let name = format!("{}_{key}", stack.name);
                stack.volumes.entry(key.clone()).or_insert(Volume { name, ..Volume::default() });
            }
        }
    }
}

/// A service on the default network, of the image `<name>:1`.
pub fn service(name: &str) -> Service {
    let mut service =
        Service { name: name.into(), image: format!("{name}:1"), replicas: 1, ..Service::default() };
    service.networks.insert("default".into(), NetworkAttachment::default());
    service
}

/// A port that is published on all addresses.
pub fn port(published: Option<(u16, u16)>, target: u16) -> Port {
    Port {
        target,
        published: published.map(|(first, last)| PortRange { first, last }),
        host_ip: Some("127.0.0.1".into()),
        protocol: Protocol::Tcp,
    }
}

/// What can be said of a service, one after the other.
pub trait Fluent: Sized {
    fn with(self, change: impl FnOnce(&mut Service)) -> Self;

    fn image(self, image: &str) -> Self {
        self.with(|service| service.image = image.into())
    }
    fn env(self, name: &str, value: &str) -> Self {
        self.with(|service| {
            service.environment.insert(name.into(), Some(value.into()));
        })
    }
    fn publish(self, host: u16, target: u16) -> Self {
        self.with(|service| service.ports.push(port(Some((host, host)), target)))
    }
    fn healthy(self) -> Self {
        self.with(|service| {
            service.healthcheck = Some(Healthcheck {
                test: Some(Test::Cmd(vec!["check".into()])),
                interval: Some(Duration::from_secs(10)),
                timeout: None,
                retries: None,
                start_period: None,
                start_interval: None,
            });
        })
    }
    fn needs(self, name: &str, condition: Condition) -> Self {
        self.depends(name, condition, false, true)
    }
    fn restarts_with(self, name: &str) -> Self {
        self.depends(name, Condition::ServiceHealthy, true, true)
    }
    fn depends(self, name: &str, condition: Condition, restart: bool, required: bool) -> Self {
        self.with(|service| {
            service.depends_on.insert(name.into(), Dependency { condition, restart, required });
        })
    }
    fn volume(self, key: &str, target: &str) -> Self {
        self.with(|service| {
            service.mounts.push(Mount {
                target: target.into(),
                read_only: false,
                kind: MountKind::Volume { source: Some(key.into()), nocopy: false },
            });
        })
    }
    fn bind(self, source: &str, target: &str) -> Self {
        self.with(|service| {
            service.mounts.push(Mount {
                target: target.into(),
                read_only: false,
                kind: MountKind::Bind { source: source.into(), create_host_path: true, propagation: None },
            });
        })
    }
    fn tmpfs(self, target: &str) -> Self {
        self.with(|service| {
            service.mounts.push(Mount {
                target: target.into(),
                read_only: false,
                kind: MountKind::Tmpfs { size: None, mode: None },
            });
        })
    }
    fn config(self, name: &str, target: &str, content: &str) -> Self {
        self.file(name, target, content, FileSource::Inline, false)
    }
    fn file(self, name: &str, target: &str, content: &str, source: FileSource, secret: bool) -> Self {
        self.with(|service| {
            service.files.push(FileMount {
                name: name.into(),
                secret,
                target: target.into(),
                uid: None,
                gid: None,
                mode: None,
                source,
                content: content.into(),
            });
        })
    }
    fn on(self, network: &str) -> Self {
        self.with(|service| {
            service.networks.insert(network.into(), NetworkAttachment::default());
        })
    }
    fn inside(self, service: &str) -> Self {
        self.with(|own| {
            own.networks.clear();
            own.network_mode = Some(Namespace::Service(service.into()));
        })
    }
    fn replicas(self, count: u32) -> Self {
        self.with(|service| service.replicas = count)
    }
    fn built(self) -> Self {
        self.with(|service| {
            service.build =
                Some(Build { context: format!("/srv/{}", service.name).into(), ..Build::default() });
        })
    }
}

impl Fluent for Service {
    fn with(mut self, change: impl FnOnce(&mut Service)) -> Self {
        change(&mut self);
        self
    }
}
