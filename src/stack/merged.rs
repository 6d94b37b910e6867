//! What reading leaves for the typed model: one document, interpolated and merged, and what came along with it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::model::Origin;
use super::node::Node;
use super::problem::Mark;
use super::template::Substituted;

/// One document made of all files of a stack.
///
/// - `extends` and `include` are applied and gone, `!reset` nodes are removed. Variables are interpolated; what was
///   interpolated is a string, so the model must take `"3"` and `"true"` where the schema wants an int or a bool.
/// - Short and long forms stand as they were written, except where merging two files needed a common form
///   (`environment`, `labels`, … may be a list or a mapping).
/// - Paths are absolute: `build.context` and its `additional_contexts`, bind sources (in short form too), `env_file`,
///   `label_file`, `configs`/`secrets` `file:`, `develop.watch[].path`, and `x-vv.topics` / `x-vv.routes` where these
///   are strings. A file of the embedded tree is `vv://mes/kong.yml`, and `embedded::Layered` reads it.
/// - `environment` entries without a value (`- NAME`, `NAME:`) carry the value of the reading file's environment
///   where that has one; what is still without a value isn't set there.
/// - A config or secret with `environment: NAME` carries the value under [`VALUE_KEY`] when the variable is set.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The document: a mapping.
    pub root: Node,
    /// The folder that relative paths of the running stack resolve against. Absolute; same as `origin.working_dir`.
    pub project_dir: PathBuf,
    /// Where it came from.
    pub origin: Origin,
    /// What led to it.
    pub found: Found,
    /// The interpolation environment of the root files: `.env` files below the process's own.
    pub env: Env,
    /// `--profile` and `COMPOSE_PROFILES`; `*` is all.
    pub profiles: Vec<String>,
    /// The project's name: `-p`, `COMPOSE_PROJECT_NAME`, the file's `name:`, else the folder's. Already valid.
    pub name: String,
    /// What the name would be without `-p` and `COMPOSE_PROJECT_NAME`.
    pub default_name: String,
    /// `-p` or `COMPOSE_PROJECT_NAME`, when one was given.
    pub name_hint: Option<String>,
    /// `--port-offset`: still to be added to the published ports, and already in what the text says of them elsewhere.
    pub port_offset: u16,
    /// The variables that are a service's whole image.
    pub image_variables: ImageVariables,
    /// Things worth saying that don't stop the load: `compose.yaml:4:12: the variable 'TAG' is not set, …`.
    pub warnings: Vec<String>,
}

/// What led to a stack, in the order in which it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// `--stack`, with or without `-f`.
    StackOption,
    /// `-f`
    FileOption,
    /// `VV_STACK`
    StackVariable,
    /// `COMPOSE_FILE`
    FileVariable,
    /// A compose file in the folder or one above it.
    Folder,
    /// Nothing: it is the default embedded stack.
    Fallback,
}

/// The key under which a config or secret with `environment:` carries its value, as compose-go has it.
pub const VALUE_KEY: &str = "x-#value";

/// Variables, by name. Values may be secret: Debug shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(pub BTreeMap<String, String>);

impl Env {
    /// The variable's value; an empty one is set too.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The variables that are a service's whole image, by the place of the text: `image: ${KAFKA_IMAGE:-apache/kafka}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageVariables(BTreeMap<(String, usize, usize), String>);

impl ImageVariables {
    /// Notes the variable of the image that starts here, if it is one as a whole.
    pub fn note(&mut self, mark: &Mark, filled: &Substituted) {
        let whole = filled.used.iter().rev().find(|(_, place)| *place == (0..filled.text.len()));
        if let Some((name, _)) = whole {
            self.0.insert((mark.source.name.clone(), mark.line, mark.column), name.clone());
        }
    }

    /// The variable of the image that starts here.
    pub fn get(&self, mark: &Mark) -> Option<&str> {
        self.0.get(&(mark.source.name.clone(), mark.line, mark.column)).map(String::as_str)
    }
}
