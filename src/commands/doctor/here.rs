//! What this machine tells of itself.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::doctor::facts::Here;
use crate::engine::ConnectOptions;
use crate::engine::connect::{self, Address, Endpoint};
use crate::engine::survey::Proxies;

/// Where a local engine is configured.
const ENGINE_CONFIG: &str = "/etc/docker/daemon.json";
/// Processes whose socket leads to an engine on another machine, be it a virtual one.
const FORWARDERS: &[&str] = &["ssh", "limactl", "socat", "com.docker.back"];
/// The name servers that systemd-resolved asks; engines read it where `/etc/resolv.conf` names only the stub.
const RESOLVED: &str = "/run/systemd/resolve/resolv.conf";

/// Looks around. `engine`: it answered. One that didn't would share this machine where its socket would be here.
pub async fn look(engine: bool) -> Here {
    let shared = cfg!(target_os = "linux")
        && match engine {
            true => engine_shares().await,
            false => connect::resolve(&ConnectOptions::from_env()).is_ok_and(|endpoint| endpoint.is_local()),
        };
    tokio::task::spawn_blocking(move || machine(shared)).await.unwrap_or_default()
}

fn machine(shared: bool) -> Here {
    Here {
        shared,
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        memory: memory(),
        free_disk: None,
        max_map_count: number("/proc/sys/vm/max_map_count"),
        inotify_instances: number("/proc/sys/fs/inotify/max_user_instances"),
        unprivileged_ports: number("/proc/sys/net/ipv4/ip_unprivileged_port_start")
            .and_then(|port| u16::try_from(port).ok()),
        emulated: emulated(),
        name_servers: name_servers(),
        engine_has_dns: shared
            && fs::read_to_string(ENGINE_CONFIG).is_ok_and(|text| text.contains("\"dns\"")),
        client_proxies: client_proxies(&ConnectOptions::from_env().config_dir),
    }
}

/// Whether the engine has this process's files and ports: it listens on a socket of a process that can be seen from
/// here. Of an engine behind a socket that is mounted into a container, the kernel gives no process.
async fn engine_shares() -> bool {
    let Ok(Endpoint { address: Address::Unix(socket), .. }) = connect::resolve(&ConnectOptions::from_env())
    else {
        return false;
    };
    let peer = async { UnixStream::connect(&socket).await?.peer_cred() };
    let peer = timeout(Duration::from_secs(2), peer).await;
    let pid = peer.ok().and_then(|peer| peer.ok()).and_then(|peer| peer.pid());
    let Some(pid) = pid.filter(|pid| *pid > 0) else { return false };
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    !FORWARDERS.contains(&name.trim())
}

/// What is free at a path, in bytes; of a path that can't be seen, at the folder above it.
pub fn free_disk(path: &Path) -> Option<u64> {
    path.ancestors().find_map(|path| rustix::fs::statvfs(path).ok()).map(|disk| disk.f_bavail * disk.f_frsize)
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The architectures that binfmt_misc hands to QEMU, by their names in images.
fn emulated() -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir("/proc/sys/fs/binfmt_misc") else { return BTreeSet::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter_map(|name| {
            Some(match name.strip_prefix("qemu-")? {
                "x86_64" => "amd64".to_owned(),
                "aarch64" => "arm64".to_owned(),
                "i386" => "386".to_owned(),
                other => other.to_owned(),
            })
        })
        .collect()
}

fn name_servers() -> Vec<IpAddr> {
    let read = |path: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let servers = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
        servers.filter_map(|server| server.trim().parse().ok()).collect::<Vec<IpAddr>>()
    };
    let servers = read("/etc/resolv.conf");
    if servers.iter().all(IpAddr::is_loopback) && Path::new(RESOLVED).exists() {
        read(RESOLVED)
    } else {
        servers
    }
}

/// What `config.json` says of proxies (<https://docs.docker.com/engine/cli/proxy/>).
fn client_proxies(config_dir: &Path) -> Proxies {
    let text = fs::read(config_dir.join("config.json")).unwrap_or_default();
    let config: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let value = |name: &str| {
        let value = config.pointer("/proxies/default")?.get(name)?.as_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    Proxies { http: value("httpProxy"), https: value("httpsProxy"), none_for: value("noProxy") }
}
