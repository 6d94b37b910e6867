//! From a text to a [`Declaration`], with everything that is wrong with it at once. Pure: files come through
//! [`Files`].
//!
//! ```yaml
//! defaults: {partitions: 3, replication_factor: "${REPLICAS:-1}", config: {retention.ms: 604800000}}
//! topics:
//!   - audit
//!   - {name: prices, partitions: 12, config: {cleanup.policy: compact}}
//! groups:
//!   - {prefix: orders., owner: order-service, topics: [placed, {name: shipped, partitions: 6}]}
//! ```
//!
//! A file may also be nothing but the list. `-1` is the broker's own default, and so is `null` for a setting.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::declaration::{Declaration, Topic};
use super::defaults::{Count, Defaults};
use super::name;
use crate::stack::decode::{At, Fields, Keys, Sink};
use crate::stack::files::{Files, STDIN};
use crate::stack::merged::Env;
use crate::stack::node::Node;
use crate::stack::problem::{LoadError, Mark, Problem, Source};
use crate::stack::{Stack, beside};

/// `x-*` is for anchors.
const ROOT: Keys = Keys::compose(&["defaults", "topics", "groups"]);
const DEFAULTS: Keys = Keys::strict(&["partitions", "replication_factor", "config"]);
const GROUP: Keys =
    Keys::strict(&["prefix", "partitions", "replication_factor", "config", "owner", "description", "topics"]);
const TOPIC: Keys =
    Keys::strict(&["name", "partitions", "replication_factor", "config", "owner", "description"]);

/// The topics that a stack declares with `x-vv.topics`; nothing where it declares none. Places in a file of its own are
/// shown relative to `cwd`; `files` must know embedded files ([`crate::stack::embedded::Layered`]).
///
/// # Errors
/// Everything that is wrong with the declaration.
pub fn declared(stack: &Stack, files: &dyn Files, cwd: &Path) -> Result<Option<Declaration>, LoadError> {
    const PATH: &str = "x-vv.topics";
    let Some(node) = &stack.vv.topics else { return Ok(None) };
    let declaration = match node.as_str() {
        Some(path) => {
            let path = PathBuf::from(path);
            file(&path, Some((&node.mark, PATH)), &stack.vv.variables, files, cwd)
        }
        // Its variables were filled in with the stack's.
        None => document(node, PATH, Vec::new()),
    };
    declaration.map(Some)
}

/// The topics that a file declares, `--topics FILE`. A relative path starts from `cwd`; `-` is stdin.
///
/// # Errors
/// The file can't be read, or everything that is wrong with it.
pub fn read_file(path: &Path, env: &Env, files: &dyn Files, cwd: &Path) -> Result<Declaration, LoadError> {
    match path == Path::new(STDIN) {
        true => file(path, None, env, files, cwd),
        false => file(&cwd.join(path), None, env, files, cwd),
    }
}

fn file(
    path: &Path,
    asked: beside::Asked<'_>,
    env: &Env,
    files: &dyn Files,
    cwd: &Path,
) -> Result<Declaration, LoadError> {
    let read = beside::read(path, asked, env, files, cwd)?;
    match &read.root {
        Some(root) if root.value != crate::stack::node::Value::Null => document(root, "", read.warnings),
        root => {
            let mark = root.as_ref().map_or_else(|| beginning(path, cwd), |root| root.mark.clone());
            let message =
                "the file declares nothing; 'topics: []' declares that there is no topic".to_owned();
            Err(LoadError::new(vec![Problem { mark: Some(mark), path: String::new(), message }]))
        }
    }
}

fn beginning(path: &Path, cwd: &Path) -> Mark {
    let name = path.strip_prefix(cwd).unwrap_or(path).display().to_string();
    Mark { source: Source { name, text: String::new() }.into(), line: 1, column: 1 }
}

/// Reads the document whose root this is.
fn document(root: &Node, path: &str, mut warnings: Vec<String>) -> Result<Declaration, LoadError> {
    let sink = Sink::default();
    let mut at = At::root(root, &sink);
    path.clone_into(&mut at.path);
    let mut reader = Reader { sink: &sink, topics: Vec::new(), by_metric: HashMap::new() };
    if at.is_list() {
        reader.topics(&at, "", &Defaults::default());
    } else if at.is_mapping() {
        reader.mapping(&at);
    } else {
        at.expected("a mapping (topics: …), or a list of topics");
    }
    reader.weigh();
    let topics = reader.topics;
    let (problems, noted) = sink.into_parts();
    warnings.extend(noted);
    match problems.is_empty() {
        true => Ok(Declaration { topics, warnings }),
        false => Err(LoadError::new(problems)),
    }
}

struct Reader<'s> {
    sink: &'s Sink,
    topics: Vec<Topic>,
    /// The topics' numbers by their names in metrics.
    by_metric: HashMap<String, usize>,
}

impl Reader<'_> {
    fn mapping(&mut self, at: &At<'_>) {
        let Some(fields) = at.fields(ROOT) else { return };
        let defaults = fields.get("defaults").and_then(|at| at.fields(DEFAULTS));
        let defaults = defaults.map(|fields| Defaults::read(&fields, self.sink)).unwrap_or_default();
        let (topics, groups) = (fields.get("topics"), fields.get("groups"));
        if topics.is_none() && groups.is_none() {
            at.problem("'topics' is missing");
        }
        if let Some(at) = topics {
            self.topics(&at, "", &defaults);
        }
        for group in groups.iter().flat_map(At::items) {
            self.group(&group, &defaults);
        }
    }

    fn group(&mut self, at: &At<'_>, defaults: &Defaults) {
        if at.node.get("groups").is_some() {
            at.problem("a group has no groups in it: write both side by side, each with its whole prefix");
            return;
        }
        let Some(fields) = at.fields(GROUP) else {
            // A null is no mapping either.
            if at.is_null() {
                at.expected("a mapping (prefix: …, topics: …)");
            }
            return;
        };
        let own = Defaults { owner: text(&fields, "owner"), ..Defaults::read(&fields, self.sink) };
        text(&fields, "description");
        let prefix = fields.get("prefix").and_then(|at| prefix(&at)).unwrap_or_default();
        if let Some(topics) = fields.required("topics") {
            self.topics(&topics, &prefix, &own.over(defaults));
        }
    }

    fn topics(&mut self, at: &At<'_>, prefix: &str, defaults: &Defaults) {
        if at.is_mapping() {
            at.problem(
                "expected a list: a topic is an item of it, '- orders' or '- {name: orders, partitions: 3}'",
            );
            return;
        }
        for item in at.items() {
            if let Some(topic) = self.topic(&item, prefix, defaults) {
                self.add(topic, &item.path);
            }
        }
    }

    fn topic(&mut self, at: &At<'_>, prefix: &str, defaults: &Defaults) -> Option<Topic> {
        if !at.is_mapping() {
            if !at.is_text() {
                at.expected("a mapping (name: …), or a topic's name as a string");
                return None;
            }
            return topic(at, prefix, defaults.clone(), None);
        }
        if ["prefix", "topics"].iter().any(|key| at.node.get(key).is_some()) {
            at.problem("a group of topics stands under 'groups', beside 'topics'");
            return None;
        }
        let fields = at.fields(TOPIC)?;
        let own = Defaults { owner: text(&fields, "owner"), ..Defaults::read(&fields, self.sink) };
        let description = text(&fields, "description");
        topic(&fields.required("name")?, prefix, own.over(defaults), description)
    }

    /// Adds a topic, unless Kafka can't have it beside another.
    fn add(&mut self, topic: Topic, path: &str) {
        let metric = name::in_metrics(&topic.name);
        let Some(other) = self.by_metric.get(&metric).and_then(|index| self.topics.get(*index)) else {
            self.by_metric.insert(metric, self.topics.len());
            self.topics.push(topic);
            return;
        };
        let there = format!("in line {}, column {}", other.mark.line, other.mark.column);
        let message = if other.name == topic.name {
            format!("the topic '{}' is already declared, {there}", topic.name)
        } else {
            format!(
                "Kafka refuses '{}' beside '{}' ({there}): '.' and '_' are the same in its metrics; rename one",
                topic.name, other.name
            )
        };
        self.sink.problem(&topic.mark, path, message);
    }

    /// What is wrong with settings only together.
    fn weigh(&self) {
        let mut unsafe_replicas: Vec<(&Topic, u64, u16, usize)> = Vec::new();
        for topic in &self.topics {
            let number = |key: &str| topic.config.get(key)?.as_ref()?.parse::<u64>().ok();
            if let (Some(least), Some(most)) =
                (number("min.compaction.lag.ms"), number("max.compaction.lag.ms"))
                && least > most
            {
                let message =
                    format!("min.compaction.lag.ms ({least}) is above max.compaction.lag.ms ({most})");
                self.sink.problem(&topic.mark, &topic.name, message);
            }
            let (Some(wanted), Some(replicas)) = (number("min.insync.replicas"), topic.replication_factor)
            else {
                continue;
            };
            if wanted > u64::from(replicas) {
                let known = unsafe_replicas.iter_mut().find(|(_, a, b, _)| (*a, *b) == (wanted, replicas));
                match known {
                    Some((.., more)) => *more += 1,
                    None => unsafe_replicas.push((topic, wanted, replicas, 0)),
                }
            }
        }
        for (topic, wanted, replicas, more) in unsafe_replicas {
            let others = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            let message = format!(
                "min.insync.replicas is {wanted} and the replication factor {replicas}: brokers before Kafka 3.7 \
                 take no write with acks=all"
            );
            self.sink.warn(&topic.mark, &format!("{}{others}", topic.name), message);
        }
    }
}

/// The topic whose name stands at this place.
fn topic(at: &At<'_>, prefix: &str, own: Defaults, description: Option<String>) -> Option<Topic> {
    let own_name = at.string()?;
    if own_name.is_empty() {
        at.problem("a topic's name is empty; is its variable set?");
        return None;
    }
    let name = format!("{prefix}{own_name}");
    if let Err(wrong) = name::check(&name) {
        at.problem(wrong.to_string());
        return None;
    }
    Some(Topic {
        name,
        partitions: own.partitions.and_then(Count::number),
        replication_factor: own.replication_factor.and_then(Count::number),
        config: own.config,
        owner: own.owner,
        description,
        mark: at.mark().clone(),
    })
}

/// A prefix, which a variable may leave empty; what is wrong with it is noted once, and not again for each of its
/// topics.
fn prefix(at: &At<'_>) -> Option<String> {
    let prefix = at.string()?;
    if let Some(wrong) = prefix.chars().find(|letter| !name::is_legal(*letter)) {
        let message = format!(
            "{prefix:?} can't begin a topic's name: it has {wrong:?}, and Kafka takes letters (a-z, A-Z), digits, '.', \
             '_' and '-'"
        );
        at.problem(message);
        return None;
    }
    Some(prefix)
}

fn text(fields: &Fields<'_>, key: &str) -> Option<String> {
    fields.get(key)?.text()
}
