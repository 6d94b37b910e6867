//! What a service's environment tells of the services that it talks to: their names, and logins to them.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::probe::Kind;
use crate::stack::{Service, Stack};

/// A login that a service is going to use.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The variable that holds it.
    pub variable: String,
    /// The service that it is for.
    pub to: String,
    /// What that is.
    pub kind: Kind,
    /// The user; nothing for the system's default.
    pub user: Option<String>,
    /// The password.
    pub password: String,
    /// The database or virtual host; nothing for the default.
    pub database: Option<String>,
}

impl fmt::Debug for Login {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} ({:?}, {:?}, {:?})", self.variable, self.to, self.kind, self.user, self.database)
    }
}

/// The services that a service names in its environment, with the variable, each once: `db` in `DB_HOST`,
/// `postgres://u:p@db/x`, `kafka:9092,other:9092`.
pub fn links(stack: &Stack, service: &Service) -> Vec<(String, String)> {
    let mut links: Vec<(String, String)> = Vec::new();
    for (variable, value) in &service.environment {
        let Some(value) = value else { continue };
        let plain = is_address(variable);
        for host in hosts(value, plain) {
            let Some(named) = by_host(stack, host) else { continue };
            if named.name != service.name && !links.iter().any(|(_, name)| *name == named.name) {
                links.push((variable.clone(), named.name.clone()));
            }
        }
    }
    links
}

/// The hosts in a value: those of addresses, those with a port, and where `plain` says so the words themselves.
fn hosts(value: &str, plain: bool) -> impl Iterator<Item = &str> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    value.split([',', ' ', ';', '"']).filter_map(move |item| {
        let (address, rest) = match item.split_once("://") {
            Some((_, rest)) => (true, rest.split(['/', '?']).next()?),
            None => (false, item),
        };
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
        let port = port.is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()));
        let clean = !host.is_empty() && host.chars().all(is_host);
        (clean && (address || port || plain)).then_some(host)
    })
}

/// Whether a variable's name says that it holds an address.
fn is_address(variable: &str) -> bool {
    let name = variable.to_ascii_uppercase();
    ["HOST", "HOSTNAME", "HOSTS", "SERVER", "SERVERS", "ADDR", "ADDRESS", "BROKERS", "ENDPOINT"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// The service that answers to a host's name on the stack's networks.
fn by_host<'a>(stack: &'a Stack, host: &str) -> Option<&'a Service> {
    stack.services.get(host).or_else(|| {
        stack.services.values().find(|service| {
            service.container_name.as_deref() == Some(host)
                || service.hostname.as_deref() == Some(host)
                || service.networks.values().any(|joined| joined.aliases.iter().any(|alias| alias == host))
        })
    })
}

/// The logins with a password in a service's environment, to databases and brokers of the stack.
pub fn logins(stack: &Stack, service: &Service) -> Vec<Login> {
    let variables = service.environment.iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let mut logins: Vec<Login> = Vec::new();
    for (variable, value) in variables {
        let found =
            of_url(stack, service, variable, value).or_else(|| of_host(stack, service, variable, value));
        if let Some(login) = found
            && login.to != service.name
            && !logins
                .iter()
                .any(|other| Login { variable: login.variable.clone(), ..other.clone() } == login)
        {
            logins.push(login);
        }
    }
    logins
}

/// `postgres://user:password@db:5432/shop`; `jdbc:postgresql://db/shop` with its login in other variables.
fn of_url(stack: &Stack, service: &Service, variable: &str, value: &str) -> Option<Login> {
    let bare = value.strip_prefix("jdbc:");
    let url = Url::parse(bare.unwrap_or(value)).ok()?;
    let to = by_host(stack, url.host_str()?)?;
    let kind = Kind::of(to)?;
    // `postgresql+asyncpg`, `redis+sentinel`: the driver is the client's affair.
    let fits = match url.scheme().split('+').next()? {
        "postgres" | "postgresql" => kind == Kind::Postgres,
        "redis" => kind == Kind::Redis,
        "amqp" => kind == Kind::Rabbitmq,
        _ => false,
    };
    if !fits {
        return None;
    }
    let text = |encoded: &str| percent_decode_str(encoded).decode_utf8().ok().map(|text| text.into_owned());
    let path = url.path().strip_prefix('/').filter(|path| !path.is_empty()).and_then(text);
    let (user, password) = match (bare, url.password()) {
        (_, Some(password)) => (Some(text(url.username())?).filter(|user| !user.is_empty()), text(password)?),
        (Some(_), None) => beside(service, variable.strip_suffix("URL")?)?,
        (None, None) => return None,
    };
    // A number, of Redis' databases.
    let database = path.filter(|_| kind != Kind::Redis);
    Some(Login { variable: variable.to_owned(), to: to.name.clone(), kind, user, password, database })
}

/// `DB_HOST` with `DB_USER`, `DB_PASSWORD`, `DB_NAME` beside it; `PGHOST` with `PGUSER`, …
fn of_host(stack: &Stack, service: &Service, variable: &str, value: &str) -> Option<Login> {
    let prefix = variable.strip_suffix("HOST")?;
    let to = by_host(stack, value.split(':').next()?)?;
    let kind = Kind::of(to).filter(|kind| matches!(kind, Kind::Postgres | Kind::Redis | Kind::Rabbitmq))?;
    let (user, password) = beside(service, prefix)?;
    let database = match kind {
        Kind::Postgres => given(service, prefix, &["DATABASE", "NAME", "DB"]),
        Kind::Rabbitmq => given(service, prefix, &["VHOST"]),
        _ => None,
    };
    let variable = [prefix, "PASSWORD"].concat();
    Some(Login { variable, to: to.name.clone(), kind, user, password, database })
}

/// A user and a password in variables with the same beginning.
fn beside(service: &Service, prefix: &str) -> Option<(Option<String>, String)> {
    let password = given(service, prefix, &["PASSWORD", "PASS"])?;
    Some((given(service, prefix, &["USERNAME", "USER"]), password))
}

fn given(service: &Service, prefix: &str, ends: &[&str]) -> Option<String> {
    let value = |end: &&str| service.environment.get(&[prefix, end].concat()).cloned().flatten();
    ends.iter().find_map(value).filter(|value| !value.is_empty())
}
