//! What the command line and the environment say about which stack to load and how.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything the loader may know of the outside. Nothing else is read from the process.
#[derive(Clone, Default)]
pub struct LoadOptions {
    /// `--stack`: the name of an embedded stack, or a folder when it has a `/` or starts with a `.`.
    pub stack: Option<String>,
    /// `-f`, in their order; `-` is stdin.
    pub files: Vec<PathBuf>,
    /// `--env-file`, in their order; a later one wins.
    pub env_files: Vec<PathBuf>,
    /// `--profile`; `*` switches on all.
    pub profiles: Vec<String>,
    /// `-p`
    pub project_name: Option<String>,
    /// `--project-directory`
    pub project_directory: Option<PathBuf>,
    /// `--port-offset`: added to the host's ports.
    pub port_offset: u16,
    /// The process's folder. Absolute.
    pub cwd: PathBuf,
    /// The process's environment.
    pub env: BTreeMap<String, String>,
}
