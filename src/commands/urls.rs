//! `vv urls`: what is reachable where, with logins.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::complete;
use super::context::{self, Context};
use super::setup_routes::on_start::Routes;
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
#[command(after_help = "\
Examples:
  vv urls
  vv urls --open grafana
  vv urls --check")]
pub struct UrlsArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// Open a page of each service in the browser, or all of those that are named
    #[arg(long)]
    open: bool,
    /// Ask each address, and exit 1 when a page isn't there or an API doesn't answer
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
    /// `http://localhost:8500/ui`, or `localhost:6379` where no page is declared. Nothing where the engine picks the
    /// port, and hasn't yet.
    pub url: Option<String>,
    /// A page to look at; else an API's base URL, or a port of another protocol.
    pub page: bool,
    /// `admin/admin`
    pub login: Option<String>,
    /// A replica runs behind it.
    pub up: bool,
    /// A stand-in answers there.
    pub stub: bool,
}

/// Shows them.
pub async fn run(context: &Context, args: UrlsArgs) -> Result {
    let stack = context.load_for(args.format, &args.services)?;
    let services = context::select(&stack, &args.services)?;
    let platform = context.platform(context.engine().await?, &stack).await?;
    let mut addresses = addresses(&services, &platform).await;
    if let Some(routes) = Routes::if_readable(context, &stack) {
        addresses.extend(routes.addresses(&stack, &services, &platform).await);
    }
    if args.open {
        return open(context, &addresses, args.services.is_empty());
    }
    let answers = match args.check {
        true => Some(futures_util::future::join_all(addresses.iter().map(ask)).await),
        false => None,
    };
    match args.format {
        Format::Table if addresses.is_empty() => {
            context.printer.say("nothing of this can be reached from here: no port is published");
        }
        Format::Table => show(context, &stack, &addresses, answers.as_deref()),
        Format::Json => show_json(context, &stack, &addresses, answers.as_deref()),
    }
    match answers.iter().flatten().filter(|answer| answer.is_err()).count() {
        0 => Ok(()),
        _ if args.format == Format::Json => Err(Failure::quiet(Kind::Failed)),
        silent => Err(Failure::new(
            Kind::Failed,
            format!("{silent} of {} addresses don't answer as they should", addresses.len()),
        )),
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
                        .map(|(_, endpoint)| Authority::Known(authority(*endpoint)))
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
    authority: impl Fn(u16) -> Option<Authority>,
) -> impl Iterator<Item = Address> {
    let new = |name: String, url: Option<String>, page: bool, login: Option<String>| Address {
        service: service.name.clone(),
        replica: replica.map(|replica| replica.number),
        name,
        url,
        page,
        login,
        up,
        stub: false,
    };
    let declared = service.vv.urls.iter().filter_map(|url| {
        let authority = authority(url.port)?;
        Some(new(
            url.name.clone(),
            authority.known().map(|authority| format!("{}://{authority}{}", url.scheme, url.path)),
            url.page && matches!(url.scheme.as_str(), "http" | "https"),
            url.login.clone(),
        ))
    });
    let mut found: Vec<Address> = declared.collect();
    if found.is_empty() {
        let bare = ports(service).into_iter();
        found.extend(
            bare.filter_map(|port| Some(new(port.to_string(), authority(port)?.known(), false, None))),
        );
    }
    found.into_iter()
}

/// The host and port of an address.
pub(super) enum Authority {
    Known(String),
    /// The engine picks the port when the container starts.
    Unpicked,
}

impl Authority {
    pub(super) fn known(self) -> Option<String> {
        match self {
            Self::Known(authority) => Some(authority),
            Self::Unpicked => None,
        }
    }
}

/// Where a port will be, from the file.
pub(super) fn planned(service: &Service, port: u16) -> Option<Authority> {
    let bound = service.ports.iter().find(|bound| bound.target == port && bound.protocol == Protocol::Tcp)?;
    let host = bound.host_ip.as_deref().filter(|ip| !matches!(*ip, "0.0.0.0" | "127.0.0.1" | "::" | "::1"));
    Some(match bound.published {
        Some(range) => Authority::Known(format!("{}:{}", host.unwrap_or("localhost"), range.first)),
        None => Authority::Unpicked,
    })
}

/// `localhost:8000`
pub(super) fn authority(endpoint: Endpoint) -> String {
    let address = endpoint.address;
    if address.ip().is_loopback() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

fn open(context: &Context, addresses: &[Address], all: bool) -> Result {
    let pages = addresses.iter().filter(|address| address.page && address.up);
    let pages = pages.filter_map(|address| Some((&address.service, address.url.as_ref()?)));
    // A whole platform is dozens of pages: without a name, one per service will do.
    let mut opened = Vec::new();
    for (service, url) in pages {
        if all && opened.contains(&service) {
            continue;
        }
        opened.push(service);
        context.printer.say(format_args!("opening {url}"));
        open::that_detached(url)
            .map_err(|error| Failure::from(anyhow::Error::new(error).context("could not open a browser")))?;
    }
    if opened.is_empty() {
        return Err(Failure::new(Kind::Failed, "there is no page that runs").hint("vv start"));
    }
    Ok(())
}

/// Whether an address answers: HTTP with a status that fits, anything else by accepting and staying open.
async fn ask(address: &Address) -> Result<String, String> {
    const LIMIT: Duration = Duration::from_secs(5);
    let Some(url) = address.url.as_deref().filter(|_| address.up) else {
        return Err("not running".to_owned());
    };
    if url.starts_with("http://") || url.starts_with("https://") {
        return http::status(url, LIMIT).await.and_then(|status| judged(status, address.page));
    }
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    tcp::accepts(rest.split('/').next().unwrap_or(rest), LIMIT).await
}

/// What a status says of an address. A base URL that answers is there, whatever it thinks of a GET; a page is there
/// when it is shown, or shown to who logs in.
fn judged(status: u16, page: bool) -> Result<String, String> {
    match status {
        500.. => Err(format!("{status}: an error of the server")),
        _ if !page => Ok("answers".to_owned()),
        401 | 403 | 407 => Ok(format!("{status}: wants a login")),
        404 | 410 => Err(format!("{status}: there is no such page")),
        400..500 => Err(format!("{status}: not a page that can be looked at")),
        _ => Ok(status.to_string()),
    }
}

/// Prints the table of addresses; nothing where there is none.
pub fn show(
    context: &Context,
    stack: &Stack,
    addresses: &[Address],
    answers: Option<&[Result<String, String>]>,
) {
    if addresses.is_empty() {
        return;
    }
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
        if !address.up && answers.is_none() {
            name.push_str(" (not running)");
        }
        let tone = if address.up { Tone::Good } else { Tone::Faint };
        let mut row = vec![
            cell(name, tone),
            address.name.clone().into(),
            cell(address.url.as_deref().unwrap_or("the engine picks its port"), tone),
        ];
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
                "page": address.page,
                "login": address.login,
                "running": address.up,
                "stub": address.stub,
                "answers": answer,
            })
        })
        .collect();
    context.printer.json(&json!({"schema": "vv.urls/1", "stack": stack.name, "urls": urls}));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_must_be_there_and_a_base_url_must_answer() {
        for (status, page, base) in [
            (200, Ok("200"), Ok("answers")),
            (204, Ok("204"), Ok("answers")),
            (302, Ok("302"), Ok("answers")),
            (401, Ok("401: wants a login"), Ok("answers")),
            (403, Ok("403: wants a login"), Ok("answers")),
            (400, Err("400: not a page that can be looked at"), Ok("answers")),
            (405, Err("405: not a page that can be looked at"), Ok("answers")),
            (404, Err("404: there is no such page"), Ok("answers")),
            (500, Err("500: an error of the server"), Err("500: an error of the server")),
            (503, Err("503: an error of the server"), Err("503: an error of the server")),
        ] {
            let words = |answer: Result<&str, &str>| answer.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(judged(status, true), words(page), "{status}");
            assert_eq!(judged(status, false), words(base), "{status}");
        }
    }
}
