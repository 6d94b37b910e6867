//! A gateway's state as a file in Kong's declarative format, as people write one: nested, sorted, without ids and without
//! what is so by default. Pure. Reading the text again declares what the gateway holds.

mod fields;
mod live;
mod replicas;
mod secrets;
#[cfg(test)]
mod tests;
mod yaml;

use std::fmt::Write as _;

use self::live::{Item, Live};
use self::secrets::Placeholders;
use self::yaml::Yaml;
use super::gateway::Gateway;
use super::kind::Kind;
use super::read::shape::Shape;

/// What is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Secrets too; otherwise a variable stands in the place of each.
    pub secrets: bool,
}

/// The lists at the top, in the order in which people read them; others follow by their names.
const ORDER: [&str; 9] = [
    "services",
    "routes",
    "plugins",
    "upstreams",
    "consumers",
    "consumer_groups",
    "certificates",
    "ca_certificates",
    "vaults",
];

/// What the gateway holds, as `kong.yml`. The targets that stand for a service's replicas are written as the one that names
/// the service. Left out are vv's probes, vv's own tags, and of each entity what it is by
/// default according to the gateway's schemas. An id is kept where nothing else tells an entity apart.
pub fn text(gateway: &Gateway, options: &Options) -> String {
    let gateway = &replicas::folded(gateway);
    let live = Live::of(gateway, options);
    let mut writer = Writer { live: &live, placeholders: Placeholders::new(options.secrets) };
    let mut kinds: Vec<&Kind> =
        live.items.iter().filter(|item| item.parent.is_none()).map(|item| &item.kind).collect();
    kinds.sort_by_key(|kind| {
        (ORDER.iter().position(|name| *name == kind.name()).unwrap_or(ORDER.len()), kind.name())
    });
    kinds.dedup();
    let mut body = String::new();
    for kind in kinds {
        let top = (0..live.items.len()).filter(|index| live.items[*index].parent.is_none());
        let mut items: Vec<usize> = top.filter(|index| live.items[*index].kind == *kind).collect();
        items.sort_by(|one, other| live.items[*one].sort_key().cmp(&live.items[*other].sort_key()));
        let _ = write!(body, "\n{}:\n", kind.name());
        for (number, index) in items.into_iter().enumerate() {
            let mut entity = String::new();
            Yaml::List(vec![Yaml::Block(writer.entity(index))]).write(2, &mut entity);
            if number > 0 && entity.lines().count() > 3 {
                body.push('\n');
            }
            body.push_str(&entity);
        }
    }
    let mut head = format!("# What Kong {} held.\n", gateway.version);
    writer.placeholders.explain(&mut head);
    head.push_str("_format_version: \"3.0\"\n");
    if live.keeps_hashes {
        head.push_str("# Passwords are hashed already, each with its consumer's id.\n_transform: false\n");
    }
    head + &body
}

struct Writer<'l> {
    live: &'l Live<'l>,
    placeholders: Placeholders,
}

impl Writer<'_> {
    /// An entity's entries, with those that are nested in it.
    fn entity(&mut self, index: usize) -> Vec<(String, Yaml)> {
        let live = self.live;
        let item = &live.items[index];
        let mut entries = Vec::new();
        let mut own = fields::entries(item, &live.about(index), &mut self.placeholders);
        for name in item.name_fields() {
            if let Some(at) = own.iter().position(|(field, _)| field == name) {
                entries.push(own.remove(at));
            }
        }
        if let Some(id) = item.id().filter(|_| item.keeps_id) {
            entries.push(("id".to_owned(), Yaml::Text(id.to_owned())));
        }
        entries.extend(self.references(item));
        entries.extend(own);
        let tags = item.tags();
        if !tags.is_empty() {
            let tags = tags.into_iter().map(|tag| Yaml::Text(secrets::plain(tag))).collect();
            entries.push(("tags".to_owned(), Yaml::List(tags)));
        }
        for (key, children) in live.children(index) {
            let children = children.into_iter().map(|child| Yaml::Map(self.entity(child))).collect();
            entries.push((key.to_owned(), Yaml::List(children)));
        }
        entries
    }

    /// What it refers to, but for what it stands in.
    fn references(&self, item: &Item<'_>) -> Vec<(String, Yaml)> {
        let others = item
            .refers
            .iter()
            .filter(|(field, _)| item.parent.is_none_or(|(_, back)| back != field.as_str()));
        let entry = |(field, (kind, id)): (&String, &(Kind, String))| {
            let other = self.live.find(kind, id).map(|index| &self.live.items[index]);
            let to = match other.and_then(Item::name) {
                Some(name) => Yaml::Text(secrets::plain(name)),
                None => Yaml::Map(vec![("id".to_owned(), Yaml::Text(id.clone()))]),
            };
            (field.clone(), to)
        };
        others.map(entry).collect()
    }
}

/// The list in the parent that this stands in.
fn list_of(kind: &Kind, parent: &Kind, field: &str) -> Option<&'static str> {
    Shape::list_in(kind, parent, field)
}
