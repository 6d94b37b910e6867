//! One look at a gateway: what is declared and what is one's own, everything else only where it is asked for.
//!
//! A gateway may hold thousands of entities and a look must stay cheap: the types that are declared are read as a whole
//! (another owner may have the same names), of the others only what `/tags/{tag}` names as one's own.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join_all, try_join_all};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{Admin, AdminError, Answer, ErrorKind, Node, Request};
use crate::routes::declaration::{Declaration, To};
use crate::routes::gateway::{Entities, Gateway};
use crate::routes::kind::{KNOWN, Kind};
use crate::routes::owner_tag;

/// The longest pages that Kong gives.
const SIZE: usize = 1000;
/// What a segment of a path may hold as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

type Entity = Map<String, Value>;

/// What is to be read.
struct Wanted {
    /// Types that are read as a whole.
    kinds: BTreeSet<Kind>,
    /// Types whose schemas are needed, whatever there is of them.
    schemas: BTreeSet<Kind>,
    /// Plugins whose schemas are needed.
    plugins: BTreeSet<String>,
}

impl Wanted {
    fn of(declaration: &Declaration) -> Self {
        let mut kinds = declaration.listed.clone();
        let mut plugins = BTreeSet::new();
        for entity in &declaration.entities {
            kinds.insert(entity.kind.clone());
            if entity.kind.name() == "plugins"
                && let Some(name) = entity.fields.get("name").and_then(Value::as_str)
            {
                plugins.insert(name.to_owned());
            }
        }
        let schemas = kinds.clone();
        for reference in declaration.entities.iter().flat_map(|entity| entity.refers.values()) {
            if !matches!(reference.to, To::Declared(_)) {
                kinds.insert(reference.kind.clone());
            }
        }
        // Targets can only be asked for upstream by upstream.
        if kinds.contains(&targets()) {
            kinds.insert(upstreams());
        }
        Self { kinds, schemas, plugins }
    }

    fn everything(&mut self) {
        self.kinds.extend(KNOWN.iter().map(|facts| Kind::of(facts.name)));
    }
}

/// A segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

impl Admin {
    /// What the gateway holds of what is declared, and of this owner.
    pub async fn read(&self, declaration: &Declaration, owner: &str) -> Result<Gateway, AdminError> {
        self.look(Wanted::of(declaration), owner, false).await
    }

    /// All that the gateway holds, of every owner: for `--prune`, which must know who needs what, and for `--dump`.
    pub async fn read_whole(&self, declaration: &Declaration, owner: &str) -> Result<Gateway, AdminError> {
        let mut wanted = Wanted::of(declaration);
        wanted.everything();
        self.look(wanted, owner, true).await
    }

    async fn look(&self, wanted: Wanted, owner: &str, whole: bool) -> Result<Gateway, AdminError> {
        let end = Instant::now() + self.patience;
        let node = match self.node.get() {
            Some(node) => node.clone(),
            None => self.node_of(&self.ask(&Request::get(""), end).await?)?,
        };
        let mut gateway = Gateway {
            version: node.version.clone(),
            database: node.database,
            plugins: node.plugins.clone(),
            workers: node.workers,
            whole: whole || !node.database,
            ..Gateway::default()
        };
        let plugins: BTreeSet<String> =
            wanted.plugins.iter().filter(|name| node.plugins.contains(*name)).cloned().collect();
        let ((entities, owned), (schemas, plugin_schemas)) = tokio::try_join!(
            self.held(&wanted, &node, owner, whole, end),
            self.schemas(&wanted.schemas, &plugins, end),
        )?;
        (gateway.entities, gateway.schemas, gateway.plugin_schemas) = (entities, schemas, plugin_schemas);
        self.rest(&mut gateway, owned, owner, end).await?;
        if whole || !node.database {
            self.rest_of_schemas(&mut gateway, whole, end).await?;
        }
        if !node.database {
            super::configuration::refer(&mut gateway);
        }
        Ok(gateway)
    }

    /// What is there of the wanted types; and the types of which the owner has something.
    async fn held(
        &self,
        wanted: &Wanted,
        node: &Node,
        owner: &str,
        whole: bool,
        end: Instant,
    ) -> Result<(Entities, BTreeSet<Kind>), AdminError> {
        if !node.database
            && let Some(entities) = self.configuration(end).await?
        {
            return Ok((entities, BTreeSet::new()));
        }
        let mut kinds = wanted.kinds.clone();
        if !node.database {
            kinds.extend(KNOWN.iter().map(|facts| Kind::of(facts.name)));
        }
        kinds.remove(&targets());
        let lists = join_all(kinds.iter().map(|kind| self.list(kind.path().to_owned(), end)));
        let owned = async {
            if whole || !node.database {
                return Ok(Vec::new());
            }
            self.list(format!("tags/{}", segment(&owner_tag(owner))), end)
                .await
                .map(Option::unwrap_or_default)
        };
        let (lists, owned) = tokio::join!(lists, owned);
        let mut entities = Entities::new();
        for (kind, list) in kinds.into_iter().zip(lists) {
            entities.extend(list?.map(|list| (kind, list)));
        }
        let owned = owned?;
        let mut more: BTreeSet<Kind> = owned
            .iter()
            .filter_map(|one| one.get("entity_name").and_then(Value::as_str))
            .map(Kind::of)
            .collect();
        if whole || !node.database || wanted.kinds.contains(&targets()) {
            more.insert(targets());
        }
        Ok((entities, more))
    }

    /// What the first look showed to be needed: one's own of types that aren't declared, and targets.
    async fn rest(
        &self,
        gateway: &mut Gateway,
        owned: BTreeSet<Kind>,
        owner: &str,
        end: Instant,
    ) -> Result<(), AdminError> {
        let tag = segment(&owner_tag(owner));
        let missing: Vec<Kind> = owned
            .iter()
            .filter(|kind| **kind != targets() && !gateway.entities.contains_key(kind))
            .cloned()
            .collect();
        let tagged = |kind: &Kind| self.list(format!("{}?tags={tag}", kind.path()), end);
        // Without the owner's upstreams, the upstreams of its targets aren't known.
        let lists = try_join_all(missing.iter().map(tagged)).await?;
        for (kind, list) in missing.into_iter().zip(lists) {
            gateway.entities.extend(list.map(|list| (kind, list)));
        }
        if !owned.contains(&targets()) || gateway.entities.contains_key(&targets()) {
            return Ok(());
        }
        if !gateway.entities.contains_key(&upstreams()) {
            let list = self.list(upstreams().path().to_owned(), end).await?;
            gateway.entities.extend(list.map(|list| (upstreams(), list)));
        }
        let ids = gateway.entities.get(&upstreams()).into_iter().flatten();
        let ids: Vec<String> =
            ids.filter_map(|upstream| upstream.get("id")?.as_str().map(str::to_owned)).collect();
        let of = |id: &String| self.list(format!("upstreams/{id}/targets"), end);
        let lists = try_join_all(ids.iter().map(of)).await?;
        gateway.entities.insert(targets(), lists.into_iter().flatten().flatten().collect());
        Ok(())
    }

    /// All pages of a list, one after another; nothing where this Kong has no such type.
    async fn list(&self, path: String, end: Instant) -> Result<Option<Vec<Entity>>, AdminError> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let mut next = format!("{path}{sign}size={SIZE}");
        let mut all = Vec::new();
        loop {
            let answer = self.ask(&Request::get(next.clone()), end).await?;
            if answer.status == 404 {
                return Ok((!all.is_empty()).then_some(all));
            }
            if !answer.is_success() {
                return Err(self.refused(&path, &answer));
            }
            let Value::Object(mut body) = answer.body else { return Err(self.refused(&path, &answer)) };
            // An empty list may come as an empty Lua table: `{}`.
            if let Some(Value::Array(items)) = body.remove("data") {
                all.extend(items.into_iter().filter_map(|item| match item {
                    Value::Object(entity) => Some(entity),
                    _ => None,
                }));
            }
            match body.remove("next") {
                // Kong 3.4.2 forgets the size of pages below an entity, and gives 100 from then on.
                Some(Value::String(more)) if !more.is_empty() && more != next => {
                    next = if more.contains("size=") { more } else { format!("{more}&size={SIZE}") };
                }
                _ => return Ok(Some(all)),
            }
        }
    }

    /// The schemas of types and plugins; those that this Kong doesn't have are missing.
    async fn schemas(
        &self,
        kinds: &BTreeSet<Kind>,
        plugins: &BTreeSet<String>,
        end: Instant,
    ) -> Result<(BTreeMap<Kind, Value>, BTreeMap<String, Value>), AdminError> {
        let of_kinds = try_join_all(kinds.iter().map(|kind| self.schema(kind.name().to_owned(), end)));
        let of_plugins = try_join_all(plugins.iter().map(|name| self.schema(format!("plugins/{name}"), end)));
        let (of_kinds, of_plugins) = tokio::try_join!(of_kinds, of_plugins)?;
        let of_kinds = kinds.iter().cloned().zip(of_kinds);
        let of_plugins = plugins.iter().cloned().zip(of_plugins);
        Ok((
            of_kinds.filter_map(|(kind, schema)| Some((kind, schema?))).collect(),
            of_plugins.filter_map(|(name, schema)| Some((name, schema?))).collect(),
        ))
    }

    async fn schema(&self, name: String, end: Instant) -> Result<Option<Value>, AdminError> {
        let answer = self.ask(&Request::get(format!("schemas/{name}")), end).await?;
        match answer.status {
            404 => Ok(None),
            _ if answer.is_success() => Ok(Some(answer.body)),
            _ => Err(self.refused("schemas", &answer)),
        }
    }

    /// The schemas of everything that is there; of plugins only where everything is to be shown.
    async fn rest_of_schemas(
        &self,
        gateway: &mut Gateway,
        plugins: bool,
        end: Instant,
    ) -> Result<(), AdminError> {
        let there = gateway.entities.iter().filter(|(_, entities)| !entities.is_empty());
        let kinds =
            there.map(|(kind, _)| kind.clone()).filter(|kind| !gateway.schemas.contains_key(kind)).collect();
        let live = gateway.entities.get(&Kind::of("plugins")).into_iter().flatten().filter(|_| plugins);
        let names = live.filter_map(|plugin| plugin.get("name")?.as_str().map(str::to_owned));
        let names = names.filter(|name| !gateway.plugin_schemas.contains_key(name)).collect();
        let (kinds, plugins) = self.schemas(&kinds, &names, end).await?;
        gateway.schemas.extend(kinds);
        gateway.plugin_schemas.extend(plugins);
        Ok(())
    }

    pub(super) fn refused(&self, what: &str, answer: &Answer) -> AdminError {
        let what = what.split(['?', '/']).next().unwrap_or_default();
        AdminError {
            kind: ErrorKind::Refused,
            message: format!("{} refuses to show /{what}: {}", self.address(), answer.refusal().message),
            hint: None,
            retriable: false,
        }
    }
}

fn targets() -> Kind {
    Kind::of("targets")
}

fn upstreams() -> Kind {
    Kind::of("upstreams")
}
