//! What the live tests share: a project of their own that is gone when they end, and vv as a user types it.

pub mod kafka;
pub mod proxy;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// The image of containers that start at once and do nothing: busybox alone.
pub const BUSYBOX: &str = "localhost/vv-parts/busybox:1";

/// The engine's socket.
pub const ENGINE: &str = "/var/run/docker.sock";

/// A stack in a folder of its own, with a project name that no other test and no other run has.
pub struct Project {
    /// The project's name.
    pub name: String,
    /// The folder: `compose.yaml` and what a test puts beside it.
    pub dir: tempfile::TempDir,
    /// Options that come before the subcommand.
    pub options: Vec<String>,
    /// Variables for every command.
    pub env: Vec<(String, String)>,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; 128 + the signal that ended it.
    pub code: i32,
    /// Data.
    pub stdout: String,
    /// Talk.
    pub stderr: String,
}

impl Project {
    /// A project for a test, with this stack.
    pub fn new(test: &str, compose: &str) -> Self {
        let run = std::env::var("VV_TEST_RUN").unwrap_or_else(|_| format!("vvt{}", std::process::id()));
        let dir = tempfile::tempdir().unwrap();
        let project = Self { name: format!("{run}-{test}"), dir, options: Vec::new(), env: Vec::new() };
        project.write("compose.yaml", compose);
        project
    }

    /// A project of a shipped stack, run on the parts.
    pub fn of_stack(test: &str, stack: &str, port_offset: u16) -> Self {
        let mut project = Self::new(test, "services: {}");
        std::fs::remove_file(project.path("compose.yaml")).unwrap();
        let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parts/images.env");
        project.options = ["--stack", stack, "--env-file", images.to_str().unwrap(), "--port-offset"]
            .map(str::to_owned)
            .into_iter()
            .chain([port_offset.to_string()])
            .collect();
        project
    }

    /// Writes a file beside the stack.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A file beside the stack.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// vv with these words, ready to be run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vv"));
        command
            .current_dir(self.dir.path())
            .args(["-p", &self.name])
            .args(&self.options)
            .args(words)
            .stdin(Stdio::null())
            .env("NO_COLOR", "1")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        for variable in
            ["COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "VV_STACK", "DOCKER_CONTEXT"]
        {
            command.env_remove(variable);
        }
        command
    }

    /// Runs vv with these words.
    pub fn vv(&self, words: &[&str]) -> Ran {
        Ran::of(self.command(words).output().unwrap())
    }

    /// Runs vv with these words, which must succeed.
    pub fn ok(&self, words: &[&str]) -> Ran {
        let ran = self.vv(words);
        assert_eq!(ran.code, 0, "vv {}: {ran}", words.join(" "));
        ran
    }

    /// Runs vv with these words, which must end with this code.
    pub fn fails(&self, code: i32, words: &[&str]) -> Ran {
        let ran = self.vv(words);
        assert_eq!(ran.code, code, "vv {}: {ran}", words.join(" "));
        ran
    }

    /// The JSON document that vv prints.
    pub fn json(&self, words: &[&str]) -> serde_json::Value {
        let ran = self.vv(words);
        serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("vv {}: {error}: {ran}", words.join(" ")))
    }

    /// The project's containers: name and id, in the order of names.
    pub fn containers(&self) -> Vec<(String, String)> {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let output =
            docker(&["ps", "-a", "--no-trunc", "--filter", &label, "--format", "{{.Names}} {{.ID}}"]);
        let mut containers: Vec<(String, String)> = output
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, id)| (name.to_owned(), id.to_owned()))
            .collect();
        containers.sort();
        containers
    }

    /// A container's name: `web-1` within this project.
    pub fn container(&self, replica: &str) -> String {
        format!("{}-{replica}", self.name)
    }

    /// A command as hints are to name it: with what chose the stack.
    pub fn typed(&self, words: &str) -> String {
        format!("vv -p {} {words}", self.name)
    }

    /// What is left of the project: names of containers, networks and volumes.
    pub fn leftovers(&self) -> Vec<String> {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let mut names: Vec<String> = self.containers().into_iter().map(|(name, _)| name).collect();
        for kind in ["network", "volume"] {
            names.extend(
                docker(&[kind, "ls", "--filter", &label, "--format", "{{.Name}}"]).lines().map(str::to_owned),
            );
        }
        names
    }
}

impl Drop for Project {
    /// Removes everything that bears the project's name, whatever became of the test.
    fn drop(&mut self) {
        let label = format!("label=com.docker.compose.project={}", self.name);
        // A replaced container has its predecessor's anonymous volumes by name, and the engine keeps what has one.
        let containers = docker_unchecked(&["ps", "-aq", "--filter", &label]);
        let mut mounted = vec!["inspect", "-f", "{{range .Mounts}}{{.Name}} {{end}}"];
        mounted.extend(containers.split_whitespace());
        let mounted = if containers.is_empty() { String::new() } else { docker_unchecked(&mounted) };
        for (kind, remove) in [
            ("container", &["rm", "-fv"][..]),
            ("network", &["network", "rm"]),
            ("volume", &["volume", "rm", "-f"]),
        ] {
            let list: &[&str] = if kind == "container" { &["ps", "-aq"] } else { &[kind, "ls", "-q"] };
            let ids = docker_unchecked(&[list, &["--filter", &label]].concat());
            let ids: Vec<&str> = ids.split_whitespace().collect();
            if !ids.is_empty() {
                docker_unchecked(&[remove, &ids].concat());
            }
        }
        let anonymous = mounted.split_whitespace().filter(|name| name.len() == 64);
        let anonymous: Vec<&str> = anonymous.collect();
        if !anonymous.is_empty() {
            docker_unchecked(&[&["volume", "rm", "-f"][..], &anonymous].concat());
        }
    }
}

impl Ran {
    /// Of a command that has ended.
    pub fn of(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        Self {
            code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The words must stand in what was said.
    #[track_caller]
    pub fn says(&self, words: &str) -> &Self {
        assert!(self.stderr.contains(words), "stderr lacks '{words}': {self}");
        self
    }

    /// The words must stand in the data.
    #[track_caller]
    pub fn shows(&self, words: &str) -> &Self {
        assert!(self.stdout.contains(words), "stdout lacks '{words}': {self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// Runs docker with these words, which must succeed; what it prints.
#[track_caller]
pub fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().unwrap();
    assert!(
        output.status.success(),
        "docker {}: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn docker_unchecked(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// A port of this machine that nothing listens on, and that no other test of this process is given.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 20_000 + u16::try_from(std::process::id() % 500).unwrap() * 20;
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits up to 60 s until something holds.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < std::time::Duration::from_secs(60),
            "in 60 s it didn't come to pass that {what}"
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
