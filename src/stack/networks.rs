//! Networks: the declared ones, and how a service joins them.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::context::{Context, declared};
use super::decode::{At, Fields, Keys};
use super::model::{IpamPool, Namespace, Network, NetworkAttachment};

const NETWORK: Keys = Keys {
    read: &[
        "name",
        "external",
        "driver",
        "driver_opts",
        "internal",
        "attachable",
        "enable_ipv6",
        "labels",
        "ipam",
    ],
    ignored: &[],
    unsupported: &["enable_ipv4"],
    extensions: true,
};
const IPAM: Keys =
    Keys { read: &["driver", "config"], ignored: &[], unsupported: &["options"], extensions: true };
const POOL: Keys = Keys::compose(&["subnet", "ip_range", "gateway", "aux_addresses"]);
const ATTACHMENT: Keys = Keys {
    read: &[
        "aliases",
        "ipv4_address",
        "ipv6_address",
        "link_local_ips",
        "mac_address",
        "priority",
        "driver_opts",
    ],
    ignored: &[],
    unsupported: &["gw_priority", "interface_name"],
    extensions: true,
};

/// A declared network, under the name that it has on the engine.
pub fn read(key: &str, at: &At<'_>, project: &str) -> Network {
    let default_name = format!("{project}_{key}");
    let Some(fields) = at.fields(NETWORK) else {
        return Network { name: default_name, ..Network::default() };
    };
    let (external, name) = external(&fields, key, default_name);
    let ipam = fields.get("ipam").and_then(|at| at.fields(IPAM));
    let pools = ipam.as_ref().and_then(|ipam| ipam.get("config")).map(|at| at.items()).unwrap_or_default();
    Network {
        name,
        external,
        driver: fields.string("driver"),
        driver_opts: fields.get("driver_opts").map(|at| at.options()).unwrap_or_default(),
        internal: fields.flag("internal"),
        attachable: fields.flag("attachable"),
        enable_ipv6: fields.get("enable_ipv6").and_then(|at| at.boolean()),
        labels: fields.get("labels").map(|at| at.labels()).unwrap_or_default(),
        ipam_driver: ipam.as_ref().and_then(|ipam| ipam.string("driver")),
        ipam: pools.iter().filter_map(pool).collect(),
    }
}

/// `external: true`, or the older `external: {name: …}`; and the name on the engine. What is external isn't
/// called after the project.
pub fn external(fields: &Fields<'_>, key: &str, default_name: String) -> (bool, String) {
    let named = fields.get("name").and_then(|at| at.text());
    let Some(at) = fields.get("external") else { return (false, named.unwrap_or(default_name)) };
    if at.is_mapping() {
        let inner = at.fields(Keys::compose(&["name"])).and_then(|fields| fields.string("name"));
        return (true, named.or(inner).unwrap_or_else(|| key.to_owned()));
    }
    match at.boolean() {
        Some(true) => (true, named.unwrap_or_else(|| key.to_owned())),
        _ => (false, named.unwrap_or(default_name)),
    }
}

fn pool(at: &At<'_>) -> Option<IpamPool> {
    let fields = at.fields(POOL)?;
    Some(IpamPool {
        subnet: fields.string("subnet"),
        ip_range: fields.string("ip_range"),
        gateway: fields.string("gateway"),
        aux_addresses: fields.get("aux_addresses").map(|at| at.options()).unwrap_or_default(),
    })
}

/// The networks that a service joins: those it names, else `default`; none with a `network_mode`.
pub fn attachments(service: &Fields<'_>, context: &Context<'_>) -> IndexMap<String, NetworkAttachment> {
    let mut joined = IndexMap::new();
    let named = service.get("networks");
    if let Some(mode) = service.get("network_mode") {
        if named.is_some() {
            mode.problem("'network_mode' and 'networks' exclude each other");
        }
        return joined;
    }
    if let Some(at) = &named {
        for (name, item) in at.names() {
            let attachment = if at.is_list() { NetworkAttachment::default() } else { attachment(&item) };
            if declared(&item, "network", &name, context.networks.iter().copied()) {
                joined.insert(name, attachment);
            }
        }
    }
    // An empty list is no choice: Compose joins the default network then, too.
    if named.is_none_or(|at| at.len() == 0) {
        joined.insert("default".into(), NetworkAttachment::default());
    }
    main_mac_address(service, &mut joined);
    joined
}

/// The service's own `mac_address` is that of its main network: the one of highest priority, the first by name.
fn main_mac_address(service: &Fields<'_>, joined: &mut IndexMap<String, NetworkAttachment>) {
    let Some(address) = service.string("mac_address") else { return };
    let main = joined
        .iter_mut()
        .min_by_key(|(name, attachment)| (std::cmp::Reverse(attachment.priority), (*name).clone()));
    if let Some((_, attachment)) = main {
        attachment.mac_address.get_or_insert(address);
    }
}

fn attachment(at: &At<'_>) -> NetworkAttachment {
    let Some(fields) = at.fields(ATTACHMENT) else { return NetworkAttachment::default() };
    NetworkAttachment {
        aliases: fields.strings("aliases"),
        ipv4_address: fields.string("ipv4_address"),
        ipv6_address: fields.string("ipv6_address"),
        link_local_ips: fields.strings("link_local_ips"),
        mac_address: fields.string("mac_address"),
        priority: fields.get("priority").and_then(|at| at.integer()).unwrap_or(0),
        driver_opts: fields.get("driver_opts").map_or_else(BTreeMap::new, |at| at.options()),
    }
}

/// `network_mode`, `ipc`, `pid`: `host`, `none`, `service:NAME`, `container:NAME`, or as it stands.
pub fn namespace(at: &At<'_>, context: &Context<'_>) -> Option<Namespace> {
    let text = at.text()?;
    Some(match text.split_once(':') {
        Some(("service", name)) => {
            declared(at, "service", name, context.services.iter().copied());
            Namespace::Service(name.to_owned())
        }
        Some(("container", name)) => Namespace::Container(name.to_owned()),
        _ => match text.as_str() {
            "host" => Namespace::Host,
            "none" => Namespace::None,
            _ => Namespace::Other(text),
        },
    })
}
