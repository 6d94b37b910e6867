//! The declared routes among the addresses that `vv urls` shows.

use url::Url;

use super::gateway;
use super::on_start::Routes;
use crate::commands::urls::{self, Address};
use crate::engine::platform::EnginePlatform;
use crate::platform::{Platform, ReplicaState};
use crate::probe::kong::{Doors, Listen};
use crate::probe::question::Scheme;
use crate::routes::address;
use crate::stack::{Service, Stack};

impl Routes {
    /// The public addresses of the declared routes; none where the proxy has no port on the host.
    pub async fn addresses(
        &self,
        stack: &Stack,
        services: &[&Service],
        platform: &EnginePlatform,
    ) -> Vec<Address> {
        let gateways = gateway::gateways(stack);
        let Some(gateway) =
            gateways.first().filter(|gateway| services.iter().any(|it| it.name == gateway.name))
        else {
            return Vec::new();
        };
        let doors = Doors::of(gateway);
        let Some(listen) = doors.proxy.or(doors.proxy_tls) else { return Vec::new() };
        let Some((authority, up)) = published(gateway, &listen, platform).await else { return Vec::new() };
        let scheme = if listen.scheme == Scheme::Http { "http" } else { "https" };
        let Ok(proxy) = Url::parse(&format!("{scheme}://{authority}")) else { return Vec::new() };
        let address = |route: address::Public| Address {
            service: gateway.name.clone(),
            replica: None,
            name: route.label,
            url: Some(route.url),
            page: false,
            login: None,
            up,
            stub: false,
        };
        address::of(&self.declaration, &proxy).into_iter().map(address).collect()
    }
}

/// Where the port is on the host, and whether a replica is behind it.
async fn published(service: &Service, listen: &Listen, platform: &EnginePlatform) -> Option<(String, bool)> {
    for status in platform.listed_replicas(&service.name) {
        if status.state != ReplicaState::Running {
            continue;
        }
        if let Ok(endpoint) = platform.reach(&status.replica, listen.port).await
            && endpoint.published
        {
            return Some((urls::authority(endpoint), true));
        }
    }
    urls::planned(service, listen.port)?.known().map(|authority| (authority, false))
}
