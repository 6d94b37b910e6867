//! Entities kept in a table of PostgreSQL, as an image with `KONG_DATABASE=postgres` does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Config, NoTls};

use super::state::{Change, Entities, Keep};

/// So many transactions are under way at once, as with the pools of Kong's workers.
const CONNECTIONS: usize = 8;

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What Kong says of a database that no migration has prepared.
const NEEDS_BOOTSTRAPPING: &str = "Database needs bootstrapping or is older than Kong 1.0.\n\n\
    To start a new installation from scratch, run 'kong migrations bootstrap'.\n\n\
    To migrate from a version older than 1.0, migrated to Kong 1.5.0 first.";

/// A table of a database.
pub struct Postgres {
    config: Config,
    clients: [Mutex<Option<Arc<Client>>>; CONNECTIONS],
    /// How often one was asked for.
    asked: AtomicUsize,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("hosts", &self.config.get_hosts()).finish_non_exhaustive()
    }
}

impl Postgres {
    /// The database of `KONG_PG_HOST`, `KONG_PG_PORT`, `KONG_PG_USER`, `KONG_PG_PASSWORD` and `KONG_PG_DATABASE`, with
    /// Kong's defaults.
    ///
    /// # Errors
    /// The port is none.
    pub fn from_env() -> anyhow::Result<Self> {
        let get = |name: &str, default: &str| {
            let value = std::env::var(format!("KONG_PG_{name}")).ok();
            value.filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
        };
        let mut config = Config::new();
        config
            .host(get("HOST", "127.0.0.1"))
            .port(get("PORT", "5432").parse().context("KONG_PG_PORT is no port")?)
            .user(get("USER", "kong"))
            .password(get("PASSWORD", ""))
            .dbname(get("DATABASE", "kong"))
            .connect_timeout(PATIENCE);
        Ok(Self::new(config))
    }

    /// A database.
    pub fn new(config: Config) -> Self {
        Self { config, clients: Default::default(), asked: AtomicUsize::new(0) }
    }

    /// A connection, each in its turn; a new one where it was lost.
    async fn client(&self) -> anyhow::Result<Arc<Client>> {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        let mut held = self.clients[turn].lock().await;
        if let Some(client) = held.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let (new, connection) = tokio::time::timeout(PATIENCE, self.config.connect(NoTls))
            .await
            .context("[PostgreSQL error] timeout")?
            .context("[PostgreSQL error] failed to retrieve PostgreSQL server_version_num")?;
        // Its end shows at the client.
        tokio::spawn(connection);
        Ok(Arc::clone(held.insert(Arc::new(new))))
    }

    /// Runs statements; their first row's first column.
    async fn run(&self, statements: &str) -> anyhow::Result<Option<String>> {
        let client = self.client().await?;
        let rows =
            tokio::time::timeout(PATIENCE, client.simple_query(statements)).await.context("timeout")??;
        Ok(rows.into_iter().find_map(|row| match row {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    /// Whether a migration has prepared it.
    ///
    /// # Errors
    /// It can't be reached.
    pub async fn is_bootstrapped(&self) -> anyhow::Result<bool> {
        Ok(self.run("SELECT to_regclass('vv_stand_in_kong')").await?.is_some())
    }

    /// Prepares it.
    ///
    /// # Errors
    /// It can't be reached.
    pub async fn bootstrap(&self) -> anyhow::Result<()> {
        let table = "CREATE TABLE IF NOT EXISTS vv_stand_in_kong \
            (kind text, id text, entity text NOT NULL, PRIMARY KEY (kind, id))";
        self.run(table).await.map(drop)
    }

    /// Fails with Kong's words unless it is prepared.
    ///
    /// # Errors
    /// It isn't, or it can't be reached.
    pub async fn ready(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.is_bootstrapped().await?, NEEDS_BOOTSTRAPPING);
        Ok(())
    }
}

/// One change in SQL.
fn statement(Change { kind, id, entity }: &Change) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let (kind, id) = (quoted(kind), quoted(id));
    match entity {
        Some(entity) => {
            let entity = quoted(&Value::Object(entity.clone()).to_string());
            format!(
                "INSERT INTO vv_stand_in_kong VALUES ({kind}, {id}, {entity}) \
                ON CONFLICT (kind, id) DO UPDATE SET entity = EXCLUDED.entity"
            )
        }
        None => format!("DELETE FROM vv_stand_in_kong WHERE kind = {kind} AND id = {id}"),
    }
}

#[async_trait::async_trait]
impl Keep for Postgres {
    async fn load(&self) -> anyhow::Result<Entities> {
        self.ready().await?;
        // All are there before the first request is.
        for _ in 1..CONNECTIONS {
            self.client().await?;
        }
        let client = self.client().await?;
        let mut entities = Entities::new();
        for row in client.query("SELECT kind, id, entity FROM vv_stand_in_kong", &[]).await? {
            let (kind, id, entity): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            if let Value::Object(entity) = serde_json::from_str(&entity)? {
                entities.entry(kind).or_default().insert(id, entity);
            }
        }
        Ok(entities)
    }

    async fn write(&self, changes: &[Change]) -> anyhow::Result<()> {
        // In one message, which is one transaction.
        let statements: Vec<String> = changes.iter().map(statement).collect();
        self.run(&statements.join("; ")).await.map(drop)
    }

    async fn reachable(&self) -> bool {
        self.run("SELECT 1").await.is_ok()
    }
}
