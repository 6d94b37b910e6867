//! What tests of routes share: the answers of a real Kong 3.4.2, and gateways made of its schemas.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use vv_stand_ins::kong::{self, Kong};

use super::admin::{Admin, ClientOptions, Request};
use super::apply::{Applied, End, Outcome, apply};
use super::declaration::Declaration;
use super::gateway::Gateway;
use super::kind::Kind;
use super::plan::{Action, Options, RoutePlan, plan};
use super::read::read_file;
use crate::stack::files::Memory;
use crate::stack::merged::Env;
use crate::stack::problem::LoadError;

/// Folders of this crate's own tests, wherever it is built from.
fn fixtures() -> &'static Path {
    static FIXTURES: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
        let beside = Path::new(file!()).ancestors().nth(4).map(|root| root.join("tests/fixtures"));
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        beside.filter(|path| path.is_dir()).unwrap_or(here)
    });
    &FIXTURES
}

/// The recorded exchanges of a folder, in their order: `{name, method, url, body, status, json}`.
pub fn recorded(folder: &str) -> Vec<Value> {
    let path = fixtures().join(format!("kong-3.4.2/{folder}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The schemas of Kong 3.4.2: of its types, and of its plugins.
pub fn schemas() -> &'static (BTreeMap<Kind, Value>, BTreeMap<String, Value>) {
    static SCHEMAS: LazyLock<(BTreeMap<Kind, Value>, BTreeMap<String, Value>)> = LazyLock::new(|| {
        let (mut kinds, mut plugins) = (BTreeMap::new(), BTreeMap::new());
        for exchange in recorded("schemas") {
            let url = exchange["url"].as_str().unwrap();
            let Some((_, path)) = url.split_once("/schemas/") else { continue };
            if exchange["method"] != "GET" || exchange["status"] != 200 || path.contains("validate") {
                continue;
            }
            match path.strip_prefix("plugins/") {
                Some(plugin) => plugins.insert(plugin.to_owned(), exchange["json"].clone()),
                None => kinds.insert(Kind::of(path), exchange["json"].clone()),
            };
        }
        (kinds, plugins)
    });
    &SCHEMAS
}

/// A gateway of that version, with a database, that holds nothing.
pub fn empty_gateway() -> Gateway {
    let (schemas, plugin_schemas) = schemas().clone();
    Gateway {
        version: "3.4.2".to_owned(),
        database: true,
        whole: true,
        plugins: plugin_schemas.keys().cloned().collect(),
        schemas,
        plugin_schemas,
        ..Gateway::default()
    }
}

/// What a valid text declares, without its version, which is put in front.
pub fn declaration(text: &str) -> Declaration {
    declaration_with(text, &[])
}

/// The same with these variables.
pub fn declaration_with(text: &str, variables: &[(&str, &str)]) -> Declaration {
    read(text, variables).unwrap_or_else(|error| panic!("{error}"))
}

/// The same, also of a text that isn't valid.
pub fn read(text: &str, variables: &[(&str, &str)]) -> Result<Declaration, LoadError> {
    let text = format!("_format_version: '3.0'\n{text}");
    let files = Memory([("/w/kong.yml".into(), text.into_bytes())].into());
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    read_file(Path::new("kong.yml"), &Env(env.collect()), &files, Path::new("/w"))
}

/// A plan, a line for each thing in it.
pub fn told(plan: &RoutePlan) -> String {
    let mut lines = Vec::new();
    for change in &plan.changes {
        let park = if change.park.is_empty() {
            String::new()
        } else {
            format!(" (lets go of {} first)", change.park.join(", "))
        };
        match &change.action {
            Action::Create => lines.push(format!("+ {}", change.label)),
            Action::Update { fields, adopts } => {
                let sign = if *adopts { "~ (adopted)" } else { "~" };
                let fields =
                    fields.iter().map(|field| format!("{}: {} → {}", field.field, field.from, field.to));
                lines.push(format!(
                    "{sign} {}: {}{park}",
                    change.label,
                    fields.collect::<Vec<_>>().join("; ")
                ));
            }
            Action::Delete { because } => lines.push(format!("- {} ({because:?}){park}", change.label)),
        }
    }
    for impossible in &plan.impossible {
        let hint = impossible.hint.as_ref().map(|hint| format!(" -> {hint}")).unwrap_or_default();
        lines.push(format!("! {}: {}: {}{hint}", impossible.mark, impossible.label, impossible.reason));
    }
    for undeclared in &plan.undeclared {
        let kept = undeclared.kept.as_ref().map(|kept| format!(" (kept: {kept})")).unwrap_or_default();
        lines.push(format!("? {}{kept}", undeclared.label));
    }
    lines.extend(plan.blocked.iter().map(|blocked| format!("blocked: {blocked}")));
    lines.push(format!("{} settled, {} foreign", plan.settled, plan.foreign));
    lines.join("\n")
}

/// What came of a plan, a line for each change.
pub fn came_of(applied: &Applied) -> String {
    let line = |outcome: &Outcome| {
        let mark = outcome.mark.as_ref().map(|mark| format!("{mark}: ")).unwrap_or_default();
        let end = match &outcome.end {
            End::Done => return format!("{}: done", outcome.label),
            End::Refused { message, code } => {
                format!("refused ({}): {message}", code.map_or("-".to_owned(), |code| code.to_string()))
            }
            End::Unanswered(error) => format!("unanswered: {error}"),
            End::NotTried { because } => format!("not tried: {because}"),
        };
        format!("{mark}{}: {end}", outcome.label)
    };
    applied.outcomes.iter().chain(&applied.said).map(line).collect::<Vec<_>>().join("\n")
}

/// A stand-in for Kong, and its Admin API.
pub struct Running {
    pub kong: Kong,
    pub admin: Admin,
}

impl Running {
    /// One with a database.
    pub fn start() -> Self {
        Self::with(kong::Options::default())
    }

    /// One started so.
    pub fn with(options: kong::Options) -> Self {
        let kong = Kong::start(options).unwrap();
        let admin = admin(&format!("http://{}", kong.admin()));
        Self { kong, admin }
    }

    /// Makes or changes something past vv, as somebody else would.
    pub async fn by_hand(&self, method: &str, path: &str, body: Value) -> Value {
        let request = Request { method: method.parse().unwrap(), path: path.to_owned(), body: Some(body) };
        let answer = self.admin.ask(&request, Instant::now() + Duration::from_secs(60)).await.unwrap();
        assert!(answer.is_success(), "{method} {path}: {:?}", answer.body);
        answer.body
    }

    /// The plan for what is declared.
    pub async fn plan(&self, declaration: &Declaration, options: &Options) -> RoutePlan {
        let gateway = match options.prune {
            true => self.admin.read_whole(declaration, &options.owner).await,
            false => self.admin.read(declaration, &options.owner).await,
        };
        plan(declaration, &gateway.unwrap(), options)
    }

    /// Plans and applies.
    pub async fn run(&self, declaration: &Declaration, options: &Options) -> (RoutePlan, Applied) {
        let plan = self.plan(declaration, options).await;
        let end = Instant::now() + Duration::from_secs(60);
        let applied = apply(&self.admin, declaration, &plan, end, &|_| {}).await;
        (plan, applied)
    }
}

/// An Admin API at this address.
pub fn admin(address: &str) -> Admin {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let options = ClientOptions { headers: Vec::new(), tls: Some(tls), patience: Duration::from_secs(60) };
    Admin::new(address.parse().unwrap(), options).unwrap()
}

/// The stack that tests are, on the host that they are on.
pub fn options() -> Options {
    Options { owner: "demo".to_owned(), host: "builder".to_owned(), ..Options::default() }
}
