//! The resolved stack as a Compose document: what `docker compose config` prints of the same files.
//!
//! What the model keeps is written from the model, so that the document shows what vv understood; what changes
//! nothing of a container (`annotations`, `develop`, `x-*`, …) is written as it stands in the text.

mod deploy;
mod emit;
mod service;
mod values;

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};

use super::document::Document;
use super::model::{FileMount, FileSource, Network, Stack, Volume};
use super::node::Node;
use values::{Block, Form, from_node, strings};

/// The stack as YAML. `$` is doubled, so that the document can be loaded again and means the same.
pub fn yaml(stack: &Stack, document: &Document) -> String {
    emit::document(&render(stack, document, Form::Yaml)).replace('$', "$$")
}

/// The stack as JSON, with `$` doubled too.
pub fn json(stack: &Stack, document: &Document) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&render(stack, document, Form::Json)).map(|text| text.replace('$', "$$"))
}

/// The stack as a document, in Compose's order of keys.
fn render(stack: &Stack, document: &Document, form: Form) -> Mapping {
    let root = &document.merged.root;
    let mut block = Block::default();
    block.put("name", stack.name.as_str());
    let services: BTreeMap<_, _> = stack.services.iter().collect();
    let empty = Node { value: super::node::Value::Null, mark: root.mark.clone(), tag: Default::default() };
    let sources = root.get("services");
    block.put(
        "services",
        services
            .into_iter()
            .map(|(name, service)| {
                let source = sources.and_then(|services| services.get(name)).unwrap_or(&empty);
                let dependencies = document
                    .services
                    .get(name)
                    .map_or(&service.depends_on, |draft| &draft.service.depends_on);
                (Value::from(name.as_str()), service::render(service, dependencies, source, form))
            })
            .collect::<Mapping>(),
    );
    block.section("networks", stack.networks.iter().map(|(key, declared)| (key, network(declared, form))));
    block.section("volumes", stack.volumes.iter().map(|(key, declared)| (key, volume(declared))));
    for section in ["secrets", "configs"] {
        let used = used_files(stack, section == "secrets");
        let declared = |(key, file): (&String, &FileMount)| {
            (
                key.clone(),
                object(&format!("{}_{key}", stack.name), file, root.get(section).and_then(|s| s.get(key))),
            )
        };
        let rendered: Vec<_> = used.iter().map(|(key, file)| declared((key, file))).collect();
        block.section(section, rendered.iter().map(|(key, value)| (key, value.clone())));
    }
    block.extensions(root);
    block.into_mapping()
}

fn used_files(stack: &Stack, secret: bool) -> BTreeMap<String, &FileMount> {
    let files = stack.services.values().flat_map(|service| &service.files);
    files.filter(|file| file.secret == secret).map(|file| (file.name.clone(), file)).collect()
}

fn object(default_name: &str, file: &FileMount, source: Option<&Node>) -> Value {
    let name = source.and_then(|source| source.get("name")).and_then(Node::as_str).unwrap_or(default_name);
    let mut block = Block::default();
    block.put("name", name);
    match &file.source {
        FileSource::Disk(path) | FileSource::Embedded(path) => {
            block.put("file", path.to_string_lossy().as_ref())
        }
        FileSource::Inline => block.put("content", String::from_utf8_lossy(&file.content).as_ref()),
        FileSource::Environment(variable) => block.put("environment", variable.as_str()),
    }
    if let Some(source) = source {
        as_it_stands(&mut block, source, "labels");
        block.extensions(source);
    }
    block.into()
}

fn network(network: &Network, form: Form) -> Value {
    let mut block = Block::default();
    block.put("name", network.name.as_str());
    block.option("driver", network.driver.as_deref());
    block.filled("driver_opts", strings(&network.driver_opts));
    let mut ipam = Block::default();
    ipam.option("driver", network.ipam_driver.as_deref());
    let pool = |pool: &super::model::IpamPool| {
        let mut block = Block::default();
        block.option("subnet", pool.subnet.as_deref());
        block.option("gateway", pool.gateway.as_deref());
        block.option("ip_range", pool.ip_range.as_deref());
        block.filled("aux_addresses", strings(&pool.aux_addresses));
        Value::from(block)
    };
    ipam.filled("config", network.ipam.iter().map(pool).collect::<Vec<_>>());
    block.structure("ipam", ipam, form);
    block.flag("external", network.external);
    block.flag("internal", network.internal);
    block.flag("attachable", network.attachable);
    block.filled("labels", strings(&network.labels));
    block.option("enable_ipv6", network.enable_ipv6);
    block.into()
}

fn volume(volume: &Volume) -> Value {
    let mut block = Block::default();
    block.put("name", volume.name.as_str());
    block.option("driver", volume.driver.as_deref());
    block.filled("driver_opts", strings(&volume.driver_opts));
    block.flag("external", volume.external);
    block.filled("labels", strings(&volume.labels));
    block.into()
}

/// Whatever stands below a key in the text, when it is there.
fn as_it_stands(block: &mut Block, source: &Node, key: &str) {
    if let Some(node) = source.get(key)
        && node.value != super::node::Value::Null
    {
        block.put(key, from_node(node));
    }
}
