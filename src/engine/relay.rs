//! Ways into a stack's networks from where they can't be reached: a remote engine's, Docker Desktop's, a rootless
//! one's. A short-lived helper container on the network, made from vv's own image, connects to the container; a port
//! on this machine leads to it through the engine's exec. The helper ends, and is removed, with this process.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, PoisonError};

use futures_util::future::{BoxFuture, Shared};
use futures_util::{FutureExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OnceCell};
use tokio::task::JoinSet;

use super::{Engine, EngineError, ExecRequest, ExecSession};
use crate::plan::observed::EngineInfo;

/// Makes an image for an engine, as `docker load` takes it; an error is in words.
pub type MakeArchive = dyn Fn(&EngineInfo) -> Result<Vec<u8>, String> + Send + Sync;

/// Tells an image's tag; an error is in words.
pub type MakeTag = dyn Fn() -> Result<String, String> + Send + Sync;

/// The image of the helper.
#[derive(Clone)]
pub struct HelperImage {
    /// Tells its tag, `vv-stub:0123456789ab`: a hash of the whole program, which most commands have no need of.
    pub tag: Arc<MakeTag>,
    /// Makes it where it is missing.
    pub archive: Arc<MakeArchive>,
}

/// The helper's first process: it ends with its stdin.
const STAY: [&str; 3] = ["/vv", "stub", "--stay"];
/// Takes an address: passes stdin on to it, and what comes from there to stdout.
const DIAL: [&str; 3] = ["/vv", "stub", "--dial"];

/// The helpers on an engine, and the ports on this machine that lead through them.
pub(super) struct Relay {
    engine: Arc<dyn Engine>,
    image: HelperImage,
    /// The image's tag, once it is there: those who need it at the same time don't build it twice.
    there: OnceCell<String>,
    helpers: Mutex<BTreeMap<String, Making>>,
    doors: Mutex<Doors>,
}

/// A helper that is there, or is being made: whoever gives up waiting for it leaves it to the others.
type Making = Shared<BoxFuture<'static, Result<Arc<Helper>, EngineError>>>;

/// A helper container. It lives as long as its session.
struct Helper {
    container: String,
    _session: std::sync::Mutex<ExecSession>,
}

/// Those of this process. Whoever looks at the containers again goes through the helpers that are there.
static RELAYS: LazyLock<std::sync::Mutex<Vec<Arc<Relay>>>> = LazyLock::new(std::sync::Mutex::default);

#[derive(Default)]
struct Doors {
    by_target: BTreeMap<(String, SocketAddr), SocketAddr>,
    /// Those who listen; they end with the relay.
    keepers: JoinSet<()>,
}

impl Relay {
    /// The one of this process for an engine.
    pub fn of(engine: &Arc<dyn Engine>, image: HelperImage) -> Arc<Self> {
        let mut relays = RELAYS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(relay) = relays.iter().find(|relay| Arc::ptr_eq(&relay.engine, engine)) {
            return Arc::clone(relay);
        }
        let relay = Arc::new(Self {
            engine: Arc::clone(engine),
            image,
            there: OnceCell::new(),
            helpers: Mutex::default(),
            doors: Mutex::default(),
        });
        relays.push(Arc::clone(&relay));
        relay
    }

    /// A port on this machine that leads to an address on a network.
    pub async fn door(
        self: &Arc<Self>,
        network: &str,
        target: SocketAddr,
    ) -> Result<SocketAddr, EngineError> {
        self.helper(network).await?;
        let key = (network.to_owned(), target);
        let mut doors = self.doors.lock().await;
        if let Some(door) = doors.by_target.get(&key) {
            return Ok(*door);
        }
        let failed = |error: std::io::Error| EngineError::Refused {
            attempt: format!("listen for a way to {target}"),
            message: error.to_string(),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let door = listener.local_addr().map_err(failed)?;
        doors.keepers.spawn(keep(Arc::clone(self), listener, network.to_owned(), target));
        doors.by_target.insert(key, door);
        Ok(door)
    }

    /// The helper on a network; its container's id.
    async fn helper(self: &Arc<Self>, network: &str) -> Result<String, EngineError> {
        let making = || Arc::clone(self).making(network.to_owned());
        let making = self.helpers.lock().await.entry(network.to_owned()).or_insert_with(making).clone();
        let made = making.await;
        if made.is_err() {
            // The next who needs it tries again.
            let mut helpers = self.helpers.lock().await;
            if helpers.get(network).and_then(Shared::peek).is_some_and(Result::is_err) {
                helpers.remove(network);
            }
        }
        Ok(made?.container.clone())
    }

    /// Makes a helper, to the end whoever waits for it.
    fn making(self: Arc<Self>, network: String) -> Making {
        let made = tokio::spawn(async move {
            let tag = self.there.get_or_try_init(async || self.make_image().await).await?;
            let session = self.engine.start_helper(tag, &STAY, &network).await?;
            Ok(Arc::new(Helper { container: session.id.clone(), _session: std::sync::Mutex::new(session) }))
        });
        let failed = |error: tokio::task::JoinError| {
            let attempt = "make a helper container".to_owned();
            Err(EngineError::Refused { attempt, message: error.to_string() })
        };
        made.map(move |made| made.unwrap_or_else(failed)).boxed().shared()
    }

    async fn make_image(&self) -> Result<String, EngineError> {
        let attempt = || "make the image of a helper container".to_owned();
        let refused = |message| EngineError::Refused { attempt: attempt(), message };
        let tag = (self.image.tag)().map_err(refused)?;
        if self.engine.image_id(&tag).await?.is_none() {
            let info = self.engine.info().await?;
            let archive = (self.image.archive)(&info).map_err(refused)?;
            super::own_image::load(self.engine.as_ref(), &tag, archive).await?;
        }
        Ok(tag)
    }

    /// This helper is gone: the next who needs one on this network makes another.
    async fn forget(&self, network: &str, container: &str) {
        let mut helpers = self.helpers.lock().await;
        let made = helpers.get(network).and_then(Shared::peek);
        if made.is_some_and(|made| made.as_ref().is_ok_and(|helper| helper.container == container)) {
            helpers.remove(network);
        }
    }

    /// Runs the helper's command that passes everything on to an address.
    async fn dial(self: &Arc<Self>, network: &str, target: SocketAddr) -> Result<ExecSession, EngineError> {
        let helper = self.helper(network).await?;
        let mut command: Vec<String> = DIAL.map(str::to_owned).to_vec();
        command.push(target.to_string());
        let request = ExecRequest { command, stdin: true, ..ExecRequest::default() };
        let session = self.engine.exec(&helper, &request).await;
        if session.is_err() {
            self.forget(network, &helper).await;
        }
        session
    }
}

/// Leads every connection through the network's helper.
async fn keep(relay: Arc<Relay>, listener: TcpListener, network: String, target: SocketAddr) {
    let mut led = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        led.spawn(lead(Arc::clone(&relay), stream, network.clone(), target));
        while led.try_join_next().is_some() {}
    }
}

/// Leads one connection; whatever fails closes it, as a proxy does that finds nobody.
async fn lead(relay: Arc<Relay>, stream: TcpStream, network: String, target: SocketAddr) {
    let Ok(ExecSession { mut output, input: Some(mut input), .. }) = relay.dial(&network, target).await
    else {
        return;
    };
    let (mut reader, mut writer) = stream.into_split();
    let there = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            if input.write_all(&buffer[..count]).await.is_err() || input.flush().await.is_err() {
                return;
            }
        }
        let _ = input.shutdown().await;
    };
    let back = async {
        while let Some(Ok((stderr, bytes))) = output.next().await {
            if !stderr && writer.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = writer.shutdown().await;
    };
    // What the other side says last may come long after we have said all; its end is the end.
    tokio::pin!(there);
    tokio::pin!(back);
    tokio::select! {
        () = &mut back => {}
        () = &mut there => back.await,
    }
}
