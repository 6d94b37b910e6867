//! Containers of a test, and the engine's command line as a platform.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use vv::platform::{
    Endpoint, ExecResult, HealthVerdict, LastEnd, Platform, PlatformError, Replica, ReplicaState,
    ReplicaStatus,
};

/// Runs docker and returns what it says; panics when it fails.
pub fn docker(words: &[&str]) -> String {
    let ran = Command::new("docker").args(words).output().expect("the docker command is there");
    assert!(ran.status.success(), "docker {}: {}", words.join(" "), String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

/// A container that is gone when the test ends, however it ends.
pub struct Container {
    pub name: String,
}

impl Container {
    /// Pauses it. A busy kernel may not freeze all of its processes in time.
    pub fn pause(&self) {
        for _ in 0..10 {
            let ran = Command::new("docker").args(["pause", &self.name]).output().unwrap();
            if ran.status.success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        docker(&["pause", &self.name]);
    }

    /// Starts one. `options` are those of `docker run`, `command` the container's.
    pub fn start(test: &str, image: &str, options: &[&str], command: &[&str]) -> Self {
        let run = std::env::var("VV_TEST_RUN").unwrap_or_else(|_| format!("vvt{}", std::process::id()));
        let container = Self { name: format!("{run}-probe-{test}") };
        let image = format!("localhost/vv-parts/{image}");
        // So that a test can cut its cable.
        let may = ["--cap-add", "NET_ADMIN"];
        let mut words = vec!["run", "--detach", "--pull", "never", "--name", &container.name, may[0], may[1]];
        words.extend(options);
        words.push(&image);
        words.extend(command);
        docker(&words);
        container
    }

    /// Stops the main process as an overload or a debugger would: the kernel still accepts, nobody answers.
    pub fn freeze(&self) {
        docker(&["kill", "--signal", "STOP", &self.name]);
    }

    /// Stops every process, and so also what was waiting for a connection already.
    pub fn freeze_all(&self) {
        self.freeze();
        docker(&["exec", "-u", "0", &self.name, "sh", "-c", "kill -STOP -1 || true"]);
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        docker(&["exec", "-u", "0", &self.name, "sh", "-c", "kill -CONT -1 || true"]);
        docker(&["kill", "--signal", "CONT", &self.name]);
    }

    /// Cuts the cable: packets to the container get lost. Its published ports still accept.
    pub fn cut(&self, cut: bool) {
        let state = if cut { "down" } else { "up" };
        self.run(&["ip", "link", "set", "eth0", state]);
    }

    /// Runs a command in the container as root and returns what it says.
    pub fn run(&self, words: &[&str]) -> String {
        docker(&[&["exec", "-u", "0", &self.name], words].concat())
    }

    /// What the container said.
    pub fn logs(&self) -> String {
        let ran = Command::new("docker").args(["logs", "--tail", "40", &self.name]).output().unwrap();
        String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", "--volumes", &self.name]).output();
    }
}

/// The addresses of a container on its networks.
fn addresses(settings: &Value) -> Vec<String> {
    let networks = settings["Networks"].as_object().into_iter().flat_map(|networks| networks.values());
    let addresses = networks.filter_map(|network| network["IPAddress"].as_str());
    addresses.filter(|address| !address.is_empty()).map(str::to_owned).collect()
}

/// A port of the host that nobody has right now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The containers of a test as a platform: one replica per service.
#[derive(Default)]
pub struct Cli {
    names: BTreeMap<String, String>,
}

impl Cli {
    /// A platform on which this container is the service's replica.
    pub fn of(service: &str, container: &Container) -> Self {
        Self { names: BTreeMap::from([(service.to_owned(), container.name.clone())]) }
    }

    /// Another service's replica.
    pub fn add(&mut self, service: &str, container: &Container) {
        self.names.insert(service.to_owned(), container.name.clone());
    }

    /// The replica's state.
    pub fn status(&self, service: &str) -> ReplicaStatus {
        let container = self.inspect(service);
        let state = &container["State"];
        let health = match state["Health"]["Status"].as_str() {
            Some("starting") => Some(HealthVerdict::Starting),
            Some("healthy") => Some(HealthVerdict::Healthy),
            Some("unhealthy") => Some(HealthVerdict::Unhealthy),
            _ => None,
        };
        ReplicaStatus {
            replica: Replica { service: service.to_owned(), number: 1 },
            state: match state["Status"].as_str().unwrap() {
                "created" => ReplicaState::Created,
                "running" => ReplicaState::Running,
                "paused" => ReplicaState::Paused,
                "restarting" => ReplicaState::Restarting,
                "exited" => ReplicaState::Exited {
                    code: state["ExitCode"].as_i64().unwrap(),
                    oom: state["OOMKilled"].as_bool().unwrap(),
                },
                _ => ReplicaState::Dead,
            },
            health,
            restarts: container["RestartCount"].as_u64().unwrap(),
            up_for: None,
            last_end: LastEnd::default(),
            start_error: None,
            name: self.names[service].clone(),
            stub: false,
        }
    }

    fn inspect(&self, service: &str) -> Value {
        let said: Value = serde_json::from_str(&docker(&["inspect", &self.names[service]])).unwrap();
        said[0].clone()
    }
}

#[async_trait]
impl Platform for Cli {
    async fn replicas(&self, service: &str) -> Result<Vec<ReplicaStatus>, PlatformError> {
        Ok(self.names.get(service).map(|_| self.status(service)).into_iter().collect())
    }

    async fn reach(&self, replica: &Replica, port: u16) -> Result<Endpoint, PlatformError> {
        let settings = self.inspect(&replica.service)["NetworkSettings"].clone();
        if let Some(bound) =
            settings["Ports"][format!("{port}/tcp")].as_array().and_then(|bound| bound.first())
        {
            let address = format!("127.0.0.1:{}", bound["HostPort"].as_str().unwrap());
            return Ok(Endpoint { address: address.parse().unwrap(), published: true });
        }
        match addresses(&settings).into_iter().find_map(|ip| ip.parse().ok()) {
            Some(ip) => Ok(Endpoint { address: SocketAddr::new(ip, port), published: false }),
            None => {
                let name = &self.names[&replica.service];
                Err(PlatformError::NotRunning(format!("{name} is cut off from its networks")))
            }
        }
    }

    async fn names(&self, replica: &Replica) -> Vec<String> {
        let container = self.inspect(&replica.service);
        let hostname = container["Config"]["Hostname"].as_str().unwrap_or_default().to_owned();
        addresses(&container["NetworkSettings"]).into_iter().chain([hostname]).collect()
    }

    async fn exec(
        &self,
        replica: &Replica,
        command: &[String],
        timeout: Duration,
    ) -> Result<ExecResult, PlatformError> {
        let mut docker = tokio::process::Command::new("docker");
        docker.arg("exec").arg(&self.names[&replica.service]).args(command).kill_on_drop(true);
        match tokio::time::timeout(timeout, docker.output()).await {
            Ok(ran) => {
                let ran = ran.unwrap();
                let output = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
                Ok(ExecResult { code: ran.status.code().unwrap().into(), output })
            }
            Err(_) => Err(PlatformError::Timeout(timeout)),
        }
    }

    async fn last_logs(&self, _: &Replica, _: usize) -> Result<Vec<String>, PlatformError> {
        Ok(Vec::new())
    }
}
