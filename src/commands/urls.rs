//! `vv urls`: what is reachable where, with logins.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::complete;
use super::context::{self, Context};
use crate::cli::Format;
use crate::engine::platform::EnginePlatform;
use crate::failure::{Failure, Kind, Result};
use crate::output::table::{self, Tone, cell};
use crate::platform::{Endpoint, Platform, Replica, ReplicaState};
use crate::probe::{http, tcp};
use crate::stack::model::Protocol;
use crate::stack::{Service, Stack};

/// Show what is reachable where, with logins
#[derive(Debug, Args)]
pub struct UrlsArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// Open the pages in the browser; name a service to open only its own
    #[arg(long)]
    open: bool,
    /// Ask each address, and exit 1 when one doesn't answer
    #[arg(long)]
    check: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// An address of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The service.
    pub service: String,
    /// The replica's number; nothing where only one is wanted.
    pub replica: Option<u32>,
    /// What is there: `UI`, or the container's port.
    pub name: String,
    /// `http://localhost:8500/ui`, or `localhost:6379` where no page is declared.
    pub url: String,
    /// It is a page or an API, not a bare port.
    pub web: bool,
    /// `admin/admin`
    pub login: Option<String>,
    /// A replica runs behind it.
    pub up: bool,
    /// A stand-in answers there.
    pub stub: bool,
}

/// Shows them.
pub async fn run(context: &Context, args: UrlsArgs) -> Result {
    let stack = match args.format {
        Format::Table => context.load(&args.services)?,
        Format::Json => context.load_quietly(&args.services)?,
    };
    let services = context::select(&stack, &args.services)?;
    let platform = context.platform(context.engine().await?, &stack).await?;
    let addresses = addresses(&services, &platform).await;
    if args.open {
        return open(context, &addresses, args.services.is_empty());
    }
    let answers = match args.check {
        true => Some(futures_util::future::join_all(addresses.iter().map(ask)).await),
        false => None,
    };
    match args.format {
        Format::Table => show(context, &stack, &addresses, answers.as_deref()),
        Format::Json => show_json(context, &stack, &addresses, answers.as_deref()),
    }
    match answers.is_some_and(|answers| answers.iter().any(Result::is_err)) {
        true => Err(Failure::quiet(Kind::Failed)),
        false => Ok(()),
    }
}

/// The addresses of services: the declared ones, else their published TCP ports; those of every replica that runs,
/// and of one that should run where none does.
pub async fn addresses(services: &[&Service], platform: &EnginePlatform) -> Vec<Address> {
    let mut addresses = Vec::new();
    for service in services {
        let replicas = platform.listed_replicas(&service.name);
        let running: Vec<_> =
            replicas.iter().filter(|replica| replica.state == ReplicaState::Running).collect();
        if running.is_empty() {
            addresses.extend(declared(service, None, false, |port| planned(service, port)));
        }
        for status in &running {
            let mut reached = Vec::new();
            for port in ports(service) {
                if let Ok(endpoint) = platform.reach(&status.replica, port).await
                    && endpoint.published
                {
                    reached.push((port, endpoint));
                }
            }
            let number = (running.len() > 1).then_some(&status.replica);
            addresses.extend(
                declared(service, number, true, |port| {
                    reached
                        .iter()
                        .find(|(target, _)| *target == port)
                        .map(|(_, endpoint)| authority(*endpoint))
                })
                .map(|address| Address { stub: status.stub, ..address }),
            );
        }
    }
    addresses
}

/// The container's TCP ports that an address may be for.
fn ports(service: &Service) -> Vec<u16> {
    let published =
        service.ports.iter().filter(|port| port.protocol == Protocol::Tcp).map(|port| port.target);
    let mut ports: Vec<u16> = service.vv.urls.iter().map(|url| url.port).chain(published).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn declared(
    service: &Service,
    replica: Option<&Replica>,
    up: bool,
    authority: impl Fn(u16) -> Option<String>,
) -> impl Iterator<Item = Address> {
    let new = |name: String, url: String, web: bool, login: Option<String>| Address {
        service: service.name.clone(),
        replica: replica.map(|replica| replica.number),
        name,
        url,
        web,
        login,
        up,
        stub: false,
    };
    let declared = service.vv.urls.iter().filter_map(|url| {
        let authority = authority(url.port)?;
        Some(new(
            url.name.clone(),
            format!("{}://{authority}{}", url.scheme, url.path),
            true,
            url.login.clone(),
        ))
    });
    let mut found: Vec<Address> = declared.collect();
    if found.is_empty() {
        let bare = ports(service).into_iter();
        found.extend(bare.filter_map(|port| Some(new(port.to_string(), authority(port)?, false, None))));
    }
    found.into_iter()
}

/// Where a port will be, from the file: nothing where the engine will pick.
fn planned(service: &Service, port: u16) -> Option<String> {
    let bound = service.ports.iter().find(|bound| bound.target == port && bound.protocol == Protocol::Tcp)?;
    let host = bound.host_ip.as_deref().filter(|ip| !matches!(*ip, "0.0.0.0" | "127.0.0.1" | "::" | "::1"));
    Some(format!("{}:{}", host.unwrap_or("localhost"), bound.published?.first))
}

fn authority(endpoint: Endpoint) -> String {
    let address = endpoint.address;
    if address.ip().is_loopback() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

fn open(context: &Context, addresses: &[Address], all: bool) -> Result {
    let pages: Vec<&Address> = addresses.iter().filter(|address| address.web && address.up).collect();
    // A whole platform is dozens of pages: without a name, one per service will do.
    let mut opened = Vec::new();
    for page in pages {
        if all && opened.contains(&&page.service) {
            continue;
        }
        opened.push(&page.service);
        context.printer.say(format_args!("opening {}", page.url));
        open::that_detached(&page.url)
            .map_err(|error| Failure::from(anyhow::Error::new(error).context("could not open a browser")))?;
    }
    if opened.is_empty() {
        return Err(Failure::new(Kind::Failed, "there is no page that runs").hint("vv start"));
    }
    Ok(())
}

/// Whether an address answers: a page with whatever status, anything else by accepting and staying open.
async fn ask(address: &Address) -> Result<String, String> {
    const LIMIT: Duration = Duration::from_secs(5);
    if !address.up {
        return Err("not running".to_owned());
    }
    if address.url.starts_with("http://") || address.url.starts_with("https://") {
        return http::answers(&address.url, LIMIT).await;
    }
    let rest = address.url.split_once("://").map_or(address.url.as_str(), |(_, rest)| rest);
    tcp::accepts(rest.split('/').next().unwrap_or(rest), LIMIT).await
}

/// Prints the table of addresses.
pub fn show(
    context: &Context,
    stack: &Stack,
    addresses: &[Address],
    answers: Option<&[Result<String, String>]>,
) {
    let login = addresses.iter().any(|address| address.login.is_some());
    let mut headings = vec!["SERVICE", "WHAT", "URL"];
    if login {
        headings.push("LOGIN");
    }
    if answers.is_some() {
        headings.push("ANSWER");
    }
    let mut rows = table::new(&headings);
    for (index, address) in addresses.iter().enumerate() {
        let title = stack.services.get(&address.service).and_then(|service| service.vv.title.clone());
        let mut name = title.unwrap_or_else(|| address.service.clone());
        if let Some(number) = address.replica {
            name = format!("{name} #{number}");
        }
        if address.stub {
            name.push_str(" (stub)");
        }
        let tone = if address.up { Tone::Good } else { Tone::Faint };
        let mut row = vec![cell(name, tone), address.name.clone().into(), cell(&address.url, tone)];
        if login {
            row.push(address.login.clone().unwrap_or_default().into());
        }
        match answers.map(|answers| &answers[index]) {
            Some(Ok(answer)) => row.push(cell(answer, Tone::Good)),
            Some(Err(error)) => row.push(cell(error, Tone::Bad)),
            None => {}
        }
        rows.add_row(row);
    }
    context.printer.data(table::render(&mut rows));
}

fn show_json(
    context: &Context,
    stack: &Stack,
    addresses: &[Address],
    answers: Option<&[Result<String, String>]>,
) {
    let urls: Vec<_> = addresses
        .iter()
        .enumerate()
        .map(|(index, address)| {
            let answer = answers.map(|answers| answers[index].is_ok());
            json!({
                "service": address.service,
                "replica": address.replica,
                "name": address.name,
                "url": address.url,
                "login": address.login,
                "running": address.up,
                "stub": address.stub,
                "answers": answer,
            })
        })
        .collect();
    context.printer.json(&json!({"schema": "vv.urls/1", "stack": stack.name, "urls": urls}));
}
