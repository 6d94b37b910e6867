//! PostgreSQL: handshake and login as the stack's own user into its own database.

mod deep;

use tokio::net::TcpStream;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, NoTls};

pub(super) use deep::deep;

use super::answer::{Answer, ProbeFailure, first_line};
use super::credentials::{self, Login};
use super::deep::PROBE;
use super::net::{Place, Wire};
use super::target::{Late, Target};

/// What a login comes to.
enum Session {
    /// It worked: the client, and the connection that must be driven beside it.
    Open(Box<(Client, Connection<TcpStream, NoTlsStream>)>),
    /// It couldn't be tried.
    Shut(Answer),
}

/// Logs in.
pub(super) async fn ask(target: &Target<'_>, place: Place) -> Result<Answer, ProbeFailure> {
    let (login, database) = credentials::postgres(target.service);
    match log_in(target, place).await? {
        Session::Open(session) => {
            let version = session.1.parameter("server_version").unwrap_or("?").to_owned();
            let version = version.split(' ').next().unwrap_or_default();
            Ok(Answer::Seen(format!("logged in to {database} as {}, version {version}", login.user)))
        }
        Session::Shut(answer) => Ok(answer),
    }
}

/// Logs in as the stack's own user into its own database.
async fn log_in(target: &Target<'_>, place: Place) -> Result<Session, ProbeFailure> {
    let (login, database) = credentials::postgres(target.service);
    let mut config = Config::new();
    config.user(&login.user).dbname(&database).application_name(PROBE);
    if let Some(password) = &login.password {
        config.password(password);
    }
    let wire = Wire::open(place, target.deadline).await?;
    match target.deadline.bound(config.connect_raw(wire.into_stream(), NoTls)).await {
        Ok(Ok(session)) => Ok(Session::Open(Box::new(session))),
        Ok(Err(error)) => judge(&error, &login, &database, place).map(Session::Shut),
        Err(Late) => Err(place.silent(&target.deadline)),
    }
}

/// What a refused login means.
fn judge(
    error: &tokio_postgres::Error,
    login: &Login,
    database: &str,
    place: Place,
) -> Result<Answer, ProbeFailure> {
    let user = &login.user;
    if let Some(refusal) = error.as_db_error() {
        let said = first_line(refusal.message());
        return Err(match refusal.code() {
            // "starting up", "not yet accepting connections" (recovery), "shutting down"
            &SqlState::CANNOT_CONNECT_NOW => ProbeFailure::new(format!("not yet: {said}")),
            &SqlState::INVALID_PASSWORD => ProbeFailure::lasting(format!("refuses the password of user {user}")).hint(
                "the password of a first start is kept in its volume: set POSTGRES_PASSWORD back, or change it there \
                 with ALTER ROLE",
            ),
            &SqlState::INVALID_CATALOG_NAME => ProbeFailure::lasting(format!("has no database {database}")).hint(
                "POSTGRES_DB is made at the first start only; with a volume from before: createdb, or remove the volume",
            ),
            &SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                ProbeFailure::lasting(format!("doesn't let user {user} in: {said}"))
                    .hint("pg_hba.conf decides who may come from where")
            }
            &SqlState::TOO_MANY_CONNECTIONS => ProbeFailure::new(format!("takes no more connections: {said}"))
                .hint("raise max_connections, or look for clients that don't close theirs"),
            code => ProbeFailure::new(format!("refuses the login: {said} ({})", code.code())),
        });
    }
    let cause = std::error::Error::source(error);
    if let Some(cause) = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>()) {
        return Err(match cause.kind() {
            // tokio-postgres reports the end of the stream so.
            std::io::ErrorKind::UnexpectedEof => place.closed(),
            // … and what isn't its protocol so.
            std::io::ErrorKind::InvalidInput
            | std::io::ErrorKind::InvalidData
            | std::io::ErrorKind::Other => foreign(place),
            _ => place.broken(cause, false),
        });
    }
    // The server asked for a password, so it is there and serves; that is all that can be known without one.
    if login.password.is_none() && cause.is_some_and(|cause| cause.to_string() == "password missing") {
        return Ok(Answer::Doubtful {
            detail: format!("asks user {user} for a password that the stack doesn't give"),
            hint: "set POSTGRES_PASSWORD, or mount POSTGRES_PASSWORD_FILE as a secret of the stack".into(),
        });
    }
    if error.is_closed() {
        return Err(place.closed());
    }
    Err(foreign(place))
}

fn foreign(place: Place) -> ProbeFailure {
    ProbeFailure::new(format!("{} answers, but not as PostgreSQL", place.address))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use crate::probe::testing::{
        BRIEF, answering, ask, ask_within, closing, environment, nobody, silent, system, told,
    };
    use crate::stack::Service;

    fn database() -> Service {
        environment(
            system("postgres", 5432),
            &[("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", "hunter22"), ("POSTGRES_DB", "shop")],
        )
    }

    async fn of(address: SocketAddr) -> String {
        told(ask(database(), 5432, address).await)
    }

    /// A message of the server: a type, a size, a body.
    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend((body.len() as u32 + 4).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn error(code: &str, text: &str) -> Vec<u8> {
        message(b'E', format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0").as_bytes())
    }

    /// A login without a password: ok, the server's version, ready.
    fn trusting() -> Vec<u8> {
        let mut bytes = message(b'R', &0_u32.to_be_bytes());
        bytes.extend(message(b'S', b"server_version\x0015.20 (Debian 15.20-1)\0"));
        bytes.extend(message(b'Z', b"I"));
        bytes
    }

    #[tokio::test]
    async fn every_state_has_its_words() {
        let scram = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
        let no_password = environment(system("postgres", 5432), &[]);
        let lines = [
            of(answering(&[&trusting()]).await).await,
            of(answering(&[&error("57P03", "the database system is starting up")]).await).await,
            of(answering(&[&error("57P03", "the database system is not yet accepting connections")]).await)
                .await,
            of(answering(&[&scram, &error("28P01", "password authentication failed for user \"app\"")])
                .await)
            .await,
            of(answering(&[&error("3D000", "database \"shop\" does not exist")]).await).await,
            of(answering(&[&error("28000", "no pg_hba.conf entry for host \"172.17.0.1\", no encryption")])
                .await)
            .await,
            of(answering(&[&error("53300", "sorry, too many clients already")]).await).await,
            of(answering(&[&error("XX000", "hunter22 went wrong")]).await).await,
            told(ask(no_password, 5432, answering(&[&scram]).await).await),
            of(answering(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"]).await).await,
            of(answering(&[b"R\0\0"]).await).await,
            of(closing().await).await,
            of(nobody().await).await,
            told(ask_within(database(), 5432, silent().await, BRIEF).await),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        ok: logged in to shop as app, version 15.20
        fail: not yet: the database system is starting up
        fail: not yet: the database system is not yet accepting connections
        lasting: refuses the password of user app -> the password of a first start is kept in its volume: set POSTGRES_PASSWORD back, or change it there with ALTER ROLE
        lasting: has no database shop -> POSTGRES_DB is made at the first start only; with a volume from before: createdb, or remove the volume
        lasting: doesn't let user app in: no pg_hba.conf entry for host "172.17.0.1", no encryption -> pg_hba.conf decides who may come from where
        fail: takes no more connections: sorry, too many clients already -> raise max_connections, or look for clients that don't close theirs
        fail: refuses the login: ••• went wrong (XX000)
        warn: asks user postgres for a password that the stack doesn't give -> set POSTGRES_PASSWORD, or mount POSTGRES_PASSWORD_FILE as a secret of the stack
        fail: 127.0.0.1:PORT answers, but not as PostgreSQL
        fail: 127.0.0.1:PORT answers, but not as PostgreSQL
        fail: 127.0.0.1:PORT accepts and closes at once: nothing answers on port 5432 in the container
        fail: 127.0.0.1:PORT refuses connections (container port 5432)
        fail: 127.0.0.1:PORT accepts but says nothing within 300 ms
        "#);
    }
}
