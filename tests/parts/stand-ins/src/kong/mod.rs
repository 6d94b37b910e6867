//! A stand-in for Kong Gateway 3.4: its Admin API, its proxy, with and without a database.
//!
//! ```no_run
//! use vv_stand_ins::kong::{Kong, Options};
//! let kong = Kong::start(Options::default()).unwrap();
//! println!("http://{}", kong.admin());
//! ```

pub mod admin;
pub mod command;
pub mod dbless;
pub mod postgres;
pub mod proxy;
pub mod schema;
mod server;
pub mod state;

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use state::{Change, Entities, Forget, Keep, State};

/// What a fault hook is told of a request to the Admin API.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// `GET`, …
    pub method: &'a str,
    /// With the query.
    pub path: &'a str,
    /// Which write (POST, PUT, PATCH, DELETE) since the start this is, from 1; 0 for what writes nothing.
    pub nth_write: usize,
}

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection ends before anything was done.
    DropBefore,
    /// It is carried out, and the connection ends without an answer.
    DropAfter,
    /// This is answered, and nothing done.
    Answer(u16, Value),
    /// It is carried out after this time.
    Delay(Duration),
}

/// Decides what goes wrong.
pub type FaultHook = Arc<dyn Fn(&Asked<'_>) -> Fault + Send + Sync>;

/// Gives the id of a new entity, or leaves it to chance.
pub type NewId = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// How to start one.
#[derive(Clone)]
pub struct Options {
    /// With a database (of its own, forgotten at its end, unless `keep` says otherwise) or `KONG_DATABASE=off`.
    pub database: bool,
    /// A declarative configuration's text, loaded at the start; only without a database.
    pub declarative: Option<String>,
    /// How long each worker's proxy takes to see a change; with a database only. One worker for each.
    pub propagation: Vec<Duration>,
    /// What `GET /` says.
    pub version: String,
    /// Where to listen; port 0 takes a free one.
    pub admin: SocketAddr,
    /// The proxy's HTTP.
    pub proxy: SocketAddr,
    /// The proxy's HTTPS.
    pub proxy_tls: SocketAddr,
    /// The status API.
    pub status: SocketAddr,
    /// What goes wrong.
    pub fault: Option<FaultHook>,
    /// Where entities are kept.
    pub keep: Arc<dyn Keep>,
    /// The ids of new entities; random where there is none. Lists are in the order of ids.
    pub new_id: Option<NewId>,
}

impl Default for Options {
    /// An empty gateway with a database, without delays, on free ports of 127.0.0.1.
    fn default() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            database: true,
            declarative: None,
            propagation: vec![Duration::ZERO],
            version: "3.4.2".to_owned(),
            admin: free,
            proxy: free,
            proxy_tls: free,
            status: free,
            fault: None,
            keep: Arc::new(Forget),
            new_id: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("database", &self.database).finish_non_exhaustive()
    }
}

/// A request to the Admin API that was answered (or dropped: status 0).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// `GET`, …
    pub method: String,
    /// With the query.
    pub path: String,
    /// What was answered; 0 where the connection was dropped.
    pub status: u16,
}

impl Entry {
    /// Whether it could change something.
    pub fn is_write(&self) -> bool {
        is_write(&self.method)
    }
}

/// Whether a request with this method could change something.
pub fn is_write(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "PATCH" | "DELETE")
}

/// What all listeners of a gateway share.
pub struct Gateway {
    /// How it was started.
    pub options: Options,
    /// This run's `node_id`.
    pub node_id: String,
    state: RwLock<State>,
    generation: watch::Sender<u64>,
    /// Requests of all listeners.
    pub requests: AtomicUsize,
    writes: AtomicUsize,
    journal: Mutex<Vec<Entry>>,
    /// Targets that the first worker sees.
    known: RwLock<BTreeSet<String>>,
    /// Held while a write is decided and carried out: they happen one after another. A database keeps several at once.
    writing: Mutex<()>,
}

impl Gateway {
    fn new(options: Options) -> Self {
        Self {
            options,
            node_id: uuid::Uuid::new_v4().to_string(),
            state: RwLock::default(),
            generation: watch::Sender::new(0),
            requests: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            journal: Mutex::default(),
            known: RwLock::default(),
            writing: Mutex::default(),
        }
    }

    /// What it holds now.
    pub fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what it holds; whoever `watch`es is told.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        state.generation += 1;
        self.generation.send_replace(state.generation);
        result
    }

    /// Changes entities; what takes it back is returned.
    pub fn apply(&self, changes: &[Change]) -> Vec<Change> {
        self.change(|state| {
            let mut back = Vec::new();
            for Change { kind, id, entity } in changes {
                let entities = state.entities.entry(kind.clone()).or_default();
                let before = match entity {
                    Some(entity) => entities.insert(id.clone(), entity.clone()),
                    None => entities.remove(id),
                };
                back.push(Change { kind: kind.clone(), id: id.clone(), entity: before });
            }
            back.reverse();
            back
        })
    }

    /// Tells the generation at each change: the proxy swaps its snapshot then, after its delay.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Whether the first worker sees this target yet.
    fn knows(&self, target: &str) -> bool {
        let at_once = !self.options.database || self.options.propagation.iter().all(Duration::is_zero);
        at_once || self.known.read().unwrap_or_else(PoisonError::into_inner).contains(target)
    }

    /// The first worker sees these targets from now on.
    fn know(&self, targets: &[String]) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = targets.iter().cloned().collect();
    }

    fn journal(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("node_id", &self.node_id).finish_non_exhaustive()
    }
}

/// A running one, in threads of its own; it ends when dropped.
#[derive(Debug)]
pub struct Kong {
    gateway: Arc<Gateway>,
    runtime: Option<tokio::runtime::Runtime>,
    addresses: server::Addresses,
}

impl Kong {
    /// Starts one. It takes requests when this returns.
    ///
    /// # Errors
    /// An address is taken, the declarative configuration is refused, the database can't be reached.
    pub fn start(options: Options) -> anyhow::Result<Self> {
        // Only a second call fails.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let gateway = Arc::new(Gateway::new(options));
        let (given, handle) = (Arc::clone(&gateway), runtime.handle().clone());
        // In a thread of its own, since the caller's may belong to a runtime, which mustn't block.
        let started = std::thread::spawn(move || handle.block_on(server::start(given)));
        match started.join() {
            Ok(Ok(addresses)) => Ok(Self { gateway, runtime: Some(runtime), addresses }),
            failed => {
                runtime.shutdown_background();
                match failed {
                    Ok(Err(error)) => Err(error),
                    _ => anyhow::bail!("the stand-in's start panicked"),
                }
            }
        }
    }

    /// Where the Admin API listens.
    pub fn admin(&self) -> SocketAddr {
        self.addresses.admin
    }

    /// Where the proxy listens for HTTP.
    pub fn proxy(&self) -> SocketAddr {
        self.addresses.proxy
    }

    /// Where the proxy listens for HTTPS.
    pub fn proxy_tls(&self) -> SocketAddr {
        self.addresses.proxy_tls
    }

    /// Where the status API listens.
    pub fn status(&self) -> SocketAddr {
        self.addresses.status
    }

    /// What its listeners share.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// All requests to the Admin API since the start or the last [`Self::forget_journal`].
    pub fn journal(&self) -> Vec<Entry> {
        self.gateway.journal().clone()
    }

    /// Those that could change something.
    pub fn writes(&self) -> Vec<Entry> {
        self.journal().into_iter().filter(Entry::is_write).collect()
    }

    /// Empties the journal, and counts writes from 1 again.
    pub fn forget_journal(&self) {
        self.gateway.journal().clear();
        self.gateway.writes.store(0, Ordering::Relaxed);
    }

    /// What it holds.
    pub fn entities(&self) -> Entities {
        self.gateway.state().entities.clone()
    }
}

impl Drop for Kong {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
