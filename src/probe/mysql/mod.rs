//! MySQL and MariaDB: a login as the stack's own user into its own database; at work, whether it takes writes and has
//! connections left. In TLS where the server offers it, which it must for the login that MySQL has by default.

mod packet;

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::answer::{Answer, ProbeFailure, first_line};
use super::credentials::{self, Login};
use super::deep::DeepCheck;
use super::listen::port;
use super::net::{Place, Wire};
use super::target::{Late, Target};
use super::tls;
use packet::{Greeting, HEADER, Said};

/// Of the connections that it takes, in percent: with more in use, it is time to look.
const CROWDED: u64 = 90;

/// A stream, in the clear or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A conversation after the greeting.
struct Session {
    stream: Box<dyn Stream>,
    version: String,
}

/// What ends a conversation early.
enum Stop {
    /// The transport.
    Broken(io::Error),
    /// Not the protocol.
    Foreign,
    /// The server refuses.
    Refused { code: u16, text: String },
    /// The login can't be tried, for this reason.
    Untried(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Logs in.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let (login, database) = credentials::mysql(target.service);
    match log_in(target, place).await? {
        Ok(mut session) => {
            // The login has worked; a farewell that fails changes nothing.
            let _ = target.deadline.bound(session.tell(0, &[1])).await;
            let into = database.map(|name| format!(" to {name}")).unwrap_or_default();
            Ok(Answer::Seen(format!("logged in{into} as {}, version {}", login.user, session.version)))
        }
        Err(answer) => Ok(answer),
    }
}

/// Logs in; or the answer that there is without.
async fn log_in(target: &Target<'_>, place: Place) -> Result<Result<Session, Answer>, ProbeFailure> {
    let (login, database) = credentials::mysql(target.service);
    let mut wire = Wire::open(place, target.deadline).await?;
    let header = wire.exact(HEADER).await?;
    let header = header.first_chunk().and_then(packet::header);
    let Some((size, 0)) = header else { return Err(wire.foreign("MySQL")) };
    let greeting = match packet::greeting(&wire.exact(size).await?) {
        Some(Ok(greeting)) => greeting,
        Some(Err(Said::Error { code, text })) => return Err(refused(code, &text, &login, None)),
        _ => return Err(wire.foreign("MySQL")),
    };
    let version = greeting.version.clone();
    let conversation = authenticate(wire.into_stream(), greeting, &login, database.as_deref());
    match target.deadline.bound(conversation).await {
        Ok(Ok(stream)) => Ok(Ok(Session { stream, version })),
        Ok(Err(Stop::Untried(why))) => Ok(Err(match login.password {
            Some(_) => Answer::Seen(format!("answers, version {version}; the login isn't tried: {why}")),
            None => without_password(&login, &version),
        })),
        Ok(Err(Stop::Refused { code: 1045, .. })) if login.password.is_none() => {
            Ok(Err(without_password(&login, &version)))
        }
        Ok(Err(Stop::Refused { code, text })) => Err(refused(code, &text, &login, database.as_deref())),
        Ok(Err(Stop::Broken(error))) => Err(place.broken(&error, true)),
        Ok(Err(Stop::Foreign)) => {
            Err(ProbeFailure::new(format!("{} answers, but not as MySQL", place.address)))
        }
        Err(Late) => Err(ProbeFailure::new(format!(
            "greets, but a login isn't done within {}",
            target.deadline.limit_text()
        ))),
    }
}

fn without_password(login: &Login, version: &str) -> Answer {
    Answer::Doubtful {
        detail: format!(
            "answers, version {version}, and asks user {} for a password that the stack doesn't give",
            login.user
        ),
        hint: "set MYSQL_PASSWORD or MYSQL_ROOT_PASSWORD, or mount its _FILE as a secret of the stack".into(),
    }
}

/// The login itself. It is always tried: connections that end at the greeting make the server block their host.
async fn authenticate(
    stream: tokio::net::TcpStream,
    greeting: Greeting,
    login: &Login,
    database: Option<&str>,
) -> Result<Box<dyn Stream>, Stop> {
    let password = login.password.as_deref().unwrap_or_default();
    let Greeting { tls, mut challenge, mut plugin, .. } = greeting;
    let mut number = 1;
    let mut stream: Box<dyn Stream> = match tls {
        true => {
            let mut stream = stream;
            stream.write_all(&packet::packet(number, &packet::beginning(true, database.is_some()))).await?;
            number += 1;
            let config = tls::unverified().map_err(io::Error::other)?;
            let connector = TlsConnector::from(Arc::new(config));
            // The certificate isn't verified, so the name doesn't matter.
            let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
            Box::new(connector.connect(name, stream).await?)
        }
        false => Box::new(stream),
    };
    // Where the server prefers a way that isn't known here, it may still take another for this user.
    let proof = packet::proof(&plugin, password, &challenge).unwrap_or_default();
    let mut next = packet::login(tls, &login.user, &proof, database, &plugin);
    loop {
        stream.write_all(&packet::packet(number, &next)).await?;
        let (mut said, mut last) = hear(&mut stream).await?;
        // Known already, by an earlier login: done.
        if said == Said::More(vec![3]) {
            (said, last) = hear(&mut stream).await?;
        }
        number = last.wrapping_add(1);
        next = match said {
            Said::Ok => return Ok(stream),
            Said::Error { code, text } => return Err(Stop::Refused { code, text }),
            Said::Switch { plugin: wanted, challenge: fresh } => {
                (plugin, challenge) = (wanted, fresh);
                packet::proof(&plugin, password, &challenge)
                    .ok_or_else(|| Stop::Untried(format!("the server wants {plugin}")))?
            }
            // The whole password, which only TLS keeps secret.
            Said::More(wish) if wish == [4] && tls => [password.as_bytes(), &[0]].concat(),
            Said::More(wish) if wish == [4] => {
                return Err(Stop::Untried(format!("{plugin} wants TLS, which the server doesn't offer")));
            }
            Said::More(_) => return Err(Stop::Foreign),
        };
    }
}

/// The next packet of a login and its number.
async fn hear(stream: &mut Box<dyn Stream>) -> Result<(Said, u8), Stop> {
    let (payload, number) = receive(stream).await?;
    Ok((packet::said(&payload).ok_or(Stop::Foreign)?, number))
}

/// The next packet's payload and its number.
async fn receive(stream: &mut Box<dyn Stream>) -> Result<(Vec<u8>, u8), Stop> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await?;
    let (size, number) = packet::header(&header).ok_or(Stop::Foreign)?;
    let mut payload = vec![0; size];
    stream.read_exact(&mut payload).await?;
    Ok((payload, number))
}

impl Session {
    async fn tell(&mut self, number: u8, payload: &[u8]) -> Result<(), Stop> {
        Ok(self.stream.write_all(&packet::packet(number, payload)).await?)
    }

    /// The rows of a statement.
    async fn query(&mut self, statement: &str) -> Result<Vec<Vec<String>>, Stop> {
        self.tell(0, &[&[3], statement.as_bytes()].concat()).await?;
        let mut rows = Vec::new();
        // Columns, an end, rows, an end.
        let mut ends = 0;
        while ends < 2 {
            let payload = receive(&mut self.stream).await?.0;
            match payload[0] {
                0xfe if payload.len() < 9 => ends += 1,
                0xff => match packet::said(&payload) {
                    Some(Said::Error { code, text }) => return Err(Stop::Refused { code, text }),
                    _ => return Err(Stop::Foreign),
                },
                _ if ends == 1 => rows.push(packet::row(&payload).ok_or(Stop::Foreign)?),
                _ => {}
            }
        }
        Ok(rows)
    }
}

/// Its checks.
pub(super) fn deep(target: Target<'_>) -> Vec<DeepCheck<'_>> {
    vec![DeepCheck::at("query", target, port(target.service, &["mysql"], 3306), query)]
}

/// That it answers a query, takes writes and has connections left.
async fn query(target: Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let (login, database) = credentials::mysql(target.service);
    let mut session = match log_in(&target, place).await? {
        Ok(session) => session,
        Err(answer) => return Ok(answer),
    };
    let conversation = async {
        let state =
            session.query("SELECT CONCAT(@@global.read_only), CONCAT(@@global.max_connections)").await?;
        let threads = session.query("SHOW GLOBAL STATUS LIKE 'Threads_connected'").await?;
        let _ = session.tell(0, &[1]).await;
        Ok::<_, Stop>((state, threads))
    };
    let (state, threads) = match target.deadline.bound(conversation).await {
        Ok(Ok(rows)) => rows,
        Ok(Err(Stop::Refused { code, text })) => {
            return Err(refused(code, &text, &login, database.as_deref()));
        }
        Ok(Err(Stop::Broken(error))) => return Err(place.broken(&error, true)),
        Ok(Err(Stop::Foreign | Stop::Untried(_))) => {
            return Err(ProbeFailure::new("answers a query, but not as MySQL"));
        }
        Err(Late) => {
            return Err(ProbeFailure::new(format!(
                "lets us in, but a query has no answer within {}",
                target.deadline.limit_text()
            ))
            .hint("is it overloaded? SHOW PROCESSLIST"));
        }
    };
    let value = |rows: &[Vec<String>], column: usize| rows.first().and_then(|row| row.get(column).cloned());
    let read_only = value(&state, 0).is_some_and(|flag| !matches!(flag.as_str(), "0" | "OFF"));
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok());
    let (limit, used) = (number(value(&state, 1)), number(value(&threads, 1)));
    if read_only {
        return Ok(Answer::Doubtful {
            detail: "answers queries, but read_only is on: services can't write".into(),
            hint: "a replica is meant to be so; else SET GLOBAL read_only = OFF (super_read_only too)".into(),
        });
    }
    let (Some(limit), Some(used)) = (limit, used) else {
        return Ok(Answer::Seen("answers queries, takes writes".into()));
    };
    let seen = format!("answers queries, takes writes; {used} of {limit} connections in use");
    if used * 100 >= limit * CROWDED {
        return Ok(Answer::Doubtful {
            detail: seen,
            hint: "look for clients that don't close theirs (SHOW PROCESSLIST), or raise max_connections"
                .into(),
        });
    }
    Ok(Answer::Seen(seen))
}

/// What an error means (<https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>).
fn refused(code: u16, text: &str, login: &Login, database: Option<&str>) -> ProbeFailure {
    let (user, said) = (&login.user, first_line(text));
    match code {
        1040 => ProbeFailure::new("takes no more connections")
            .hint("raise max_connections, or look for clients that don't close theirs"),
        1044 => ProbeFailure::lasting(format!("user {user} may not use {}", database.unwrap_or("it")))
            .hint("MYSQL_DATABASE and its user's rights are made at the first start only: GRANT gives them later"),
        1045 | 1698 => ProbeFailure::lasting(format!("refuses the password of user {user}")).hint(
            "the password of a first start is kept in its volume: set it back, or change it there with ALTER USER",
        ),
        1049 => ProbeFailure::lasting(format!("has no database {}", database.unwrap_or_default())).hint(
            "MYSQL_DATABASE is made at the first start only; with a volume from before: CREATE DATABASE, or remove the \
             volume",
        ),
        1053 => ProbeFailure::new("is shutting down"),
        1129 => ProbeFailure::lasting("blocks this host after too many broken connections")
            .hint("mysqladmin flush-hosts lets it in again; what connects without logging in?"),
        1130 => ProbeFailure::lasting(format!("doesn't let this host in: {said}"))
            .hint("the user is made for another host: CREATE USER …@'%'"),
        1203 | 1226 => ProbeFailure::new(format!("takes no more connections of user {user}")),
        _ => ProbeFailure::new(format!("refuses: {said} ({code})")),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
