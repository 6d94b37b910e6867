//! What tests of routes share: the answers of a real Kong 3.4.2, and gateways made of its schemas.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

use super::gateway::Gateway;
use super::kind::Kind;

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
