//! What an engine tells of itself, of its images and of what else it runs: for saying before a start what would stop
//! it. Nothing here is asked by a start.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;

use super::EngineError;

/// The machine that an engine runs on, and how the engine is set up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct System {
    /// How layers are stored: `overlay2`.
    pub storage_driver: String,
    /// What the layers lie on: `extfs`, `xfs`.
    pub backing: Option<String>,
    /// 1 or 2.
    pub cgroup_version: Option<u8>,
    /// Of the machine, in bytes.
    pub memory: Option<u64>,
    /// Of the machine, as far as the engine may use them.
    pub cpus: Option<u64>,
    /// Where images, containers and volumes are kept, on the engine's machine.
    pub data_root: PathBuf,
    /// The kernel's version, as `uname -r` says it.
    pub kernel: String,
    /// It runs without root's rights.
    pub rootless: bool,
    /// The time there when it answered.
    pub time: Option<Timestamp>,
    /// The engine's own proxies, for pulls; may hold a login, never shown whole.
    pub proxies: Proxies,
}

/// Proxies, as the variables of the same names give them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Proxies {
    /// `HTTP_PROXY`
    pub http: Option<String>,
    /// `HTTPS_PROXY`
    pub https: Option<String>,
    /// `NO_PROXY`
    pub none_for: Option<String>,
}

impl fmt::Debug for Proxies {
    /// Proxies' addresses may hold a login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies").field("none_for", &self.none_for).finish_non_exhaustive()
    }
}

/// What an image was made for.
#[derive(Debug, Clone, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct ImagePlatform {
    /// `linux`
    pub os: String,
    /// `amd64`
    pub arch: String,
}

impl fmt::Display for ImagePlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)
    }
}

/// A container of this engine, of whichever project, running or not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Neighbour {
    /// Its name.
    pub container: String,
    /// The project that its labels name.
    pub project: Option<String>,
    /// The service that its labels name.
    pub service: Option<String>,
    /// The folder that its project was started from.
    pub working_dir: Option<String>,
    /// The files that its project was read from, joined by commas.
    pub config_files: Option<String>,
}

/// What an engine tells of itself and of what else it runs. Every method is one call.
#[async_trait]
pub trait Survey: Send + Sync {
    /// The machine and the engine's settings.
    async fn system(&self) -> Result<System, EngineError>;

    /// What an image was made for; nothing for one that isn't here.
    async fn image_platform(&self, image: &str) -> Result<Option<ImagePlatform>, EngineError>;

    /// What an image is to be had for, asked of its registry with the credentials of `~/.docker/config.json`.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] where the registry doesn't have it, [`EngineError::Refused`] where it can't be asked.
    async fn registry_platforms(&self, image: &str) -> Result<Vec<ImagePlatform>, EngineError>;

    /// Every container there is.
    async fn neighbours(&self) -> Result<Vec<Neighbour>, EngineError>;
}
