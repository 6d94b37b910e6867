//! A gateway in this process, the service behind it, and vv that is told where they are: no engine takes part.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value};
use vv_stand_ins::kong::{Entry, Kong, Options};

use super::{ask, send};
use crate::support::{Project, Ran};

/// A service that answers 200 to everything, and notes what it was asked.
pub struct Upstream {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&upstream.asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(mut stream), asked) = (stream, Arc::clone(&asked)) else { return };
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    while let Some(line) = request(&mut reader) {
                        asked.lock().unwrap().push(line);
                        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
                        if stream.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        upstream
    }

    /// The requests so far, `GET /path`, in order of the text.
    pub fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }

    pub fn forget(&self) {
        self.asked.lock().unwrap().clear();
    }
}

/// Reads a request; its method and path.
fn request(reader: &mut impl std::io::BufRead) -> Option<String> {
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(first.rsplit_once(' ')?.0.to_owned())
}

/// A gateway, a service behind it, and a folder with `kong.yml`.
pub struct Gate {
    pub kong: Kong,
    pub upstream: Upstream,
    pub project: Project,
}

impl Gate {
    /// With a database, and changes that reach the proxy's workers at different moments.
    pub fn with_database(test: &str, file: &str) -> Self {
        let propagation = vec![Duration::from_millis(30), Duration::from_millis(250)];
        Self::start(test, file, Options { propagation, ..Options::default() })
    }

    /// Without one; `loaded` is what it began with.
    pub fn without_database(test: &str, file: &str, loaded: Option<&str>) -> Self {
        let upstream = Upstream::start();
        let declarative = loaded.map(|text| pointed(text, upstream.address));
        Self::before(test, file, Options { database: false, declarative, ..Options::default() }, upstream)
    }

    pub fn start(test: &str, file: &str, options: Options) -> Self {
        Self::before(test, file, options, Upstream::start())
    }

    fn before(test: &str, file: &str, options: Options, upstream: Upstream) -> Self {
        let project = Project::new(test, "services: {idle: {image: 'localhost/vv-parts/busybox:1'}}\n");
        let gate = Self { kong: Kong::start(options).unwrap(), upstream, project };
        gate.declare(file);
        gate
    }

    /// Writes `kong.yml`; every service in it is the one behind this gateway.
    pub fn declare(&self, file: &str) {
        self.project.write("kong.yml", &pointed(file, self.upstream.address));
    }

    /// The words of `vv setup-routes` that name file and gateway, and these.
    pub fn words(&self, words: &[&str]) -> Vec<String> {
        let (admin, proxy) = (self.kong.admin(), self.kong.proxy());
        let first = ["setup-routes", "--routes", "kong.yml"].map(str::to_owned);
        let urls = [
            "--admin-url".to_owned(),
            format!("http://{admin}"),
            "--proxy-url".to_owned(),
            format!("http://{proxy}"),
        ];
        first.into_iter().chain(urls).chain(words.iter().map(|word| (*word).to_owned())).collect()
    }

    /// Runs `vv setup-routes`, which must end with this code.
    #[track_caller]
    pub fn ends(&self, code: i32, words: &[&str]) -> Ran {
        self.kong.forget_journal();
        let words = self.words(words);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.project.fails(code, &words)
    }

    /// Runs it; it must succeed.
    #[track_caller]
    pub fn ok(&self, words: &[&str]) -> Ran {
        self.ends(0, words)
    }

    /// What the gateway holds, as a file.
    #[track_caller]
    pub fn dump(&self) -> String {
        self.kong.forget_journal();
        self.project.ok(&["setup-routes", "--dump", "--admin-url", &self.admin("")]).stdout
    }

    /// Begins it.
    pub fn begin(&self, words: &[&str]) -> Child {
        let words = self.words(words);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = self.project.command(&words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What the last run wrote, without vv's own probes.
    pub fn writes(&self) -> Vec<Entry> {
        let writes = self.kong.writes();
        writes.into_iter().filter(|entry| !entry.path.contains("validate")).collect()
    }

    /// An address of the Admin API.
    pub fn admin(&self, path: &str) -> String {
        format!("http://{}{path}", self.kong.admin())
    }

    /// An address of the proxy.
    pub fn proxy(&self, path: &str) -> String {
        format!("http://{}{path}", self.kong.proxy())
    }

    /// Somebody else makes something.
    #[track_caller]
    pub fn made(&self, collection: &str, entity: &Value) -> Value {
        send("POST", &self.admin(&format!("/{collection}")), entity)
    }

    /// Somebody else changes something.
    #[track_caller]
    pub fn changed(&self, path: &str, fields: &Value) {
        send("PATCH", &self.admin(&format!("/{path}")), fields);
    }

    /// All entities of a type, as the Admin API shows them.
    #[track_caller]
    pub fn all(&self, collection: &str) -> Vec<Map<String, Value>> {
        let listed = ask(&self.admin(&format!("/{collection}?size=1000")), &[]).json();
        let entities = listed["data"].as_array().unwrap_or_else(|| panic!("{listed}"));
        entities.iter().map(|entity| entity.as_object().unwrap().clone()).collect()
    }

    /// The names of all entities of a type, sorted.
    #[track_caller]
    pub fn names(&self, collection: &str) -> Vec<String> {
        let word = |entity: &Map<String, Value>| entity["name"].as_str().unwrap_or_default().to_owned();
        let mut names: Vec<String> = self.all(collection).iter().map(word).collect();
        names.sort();
        names
    }

    /// The plugin of this name that belongs to a service.
    #[track_caller]
    pub fn plugin(&self, service: &str, name: &str) -> Map<String, Value> {
        let listed = ask(&self.admin(&format!("/services/{service}/plugins")), &[]).json();
        let plugins = listed["data"].as_array().unwrap().clone();
        let found = plugins.into_iter().find(|plugin| plugin["name"] == name);
        found.unwrap_or_else(|| panic!("{service} has no {name}: {listed}")).as_object().unwrap().clone()
    }

    /// The tag of what this project's runs made.
    pub fn owner(&self) -> String {
        format!("vv:{}", self.project.name)
    }
}

/// The services of a declaration are all at one address.
pub fn pointed(file: &str, upstream: SocketAddr) -> String {
    let url = regex::Regex::new(r"url: http://[a-z-]+:\d+").unwrap();
    let target = regex::Regex::new(r"target: [a-z-]+:\d+").unwrap();
    let file = url.replace_all(file, format!("url: http://{upstream}"));
    target.replace_all(&file, format!("target: {upstream}")).into_owned()
}
