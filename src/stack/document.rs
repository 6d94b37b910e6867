//! The whole document, read: the step between one merged text and the stacks it can become, which depend on the
//! profiles.

use std::path::Path;

use indexmap::IndexMap;

use super::context::Context;
use super::decode::{At, Fields, Keys, Sink};
use super::file_objects::{self, Section};
use super::files::Files;
use super::load::read_stack;
use super::merged::Merged;
use super::model::{Network, Service, Stack, Volume};
use super::normalise;
use super::options::LoadOptions;
use super::problem::{LoadError, Problem};
use super::vv::StackVv;
use super::{networks, service, volumes, vv_stack};

const ROOT: Keys = Keys {
    read: &["services", "networks", "volumes", "configs", "secrets", "x-vv"],
    // The name was read before, and so was what `include` brings.
    ignored: &["name", "version", "include"],
    unsupported: &["models"],
    extensions: true,
};

/// Loads a stack: finds its files, reads and merges them, and makes the typed model of them.
///
/// `files` must know embedded files too: [`Layered`](super::embedded::Layered) over a disk does. Services that a
/// profile keeps out are in [`Stack::inactive`]; see [`load_selected`]. Fails with everything that is wrong.
pub fn load(options: &LoadOptions, files: &dyn Files) -> Result<Stack, LoadError> {
    load_selected(options, files, &[])
}

/// As [`load`], with the profiles of these services switched on, as Compose does for services that are named on the
/// command line. Names that aren't in the stack are left to [`Stack::service_or_hint`].
pub fn load_selected(
    options: &LoadOptions,
    files: &dyn Files,
    services: &[String],
) -> Result<Stack, LoadError> {
    load_document(options, files).and_then(|document| document.stack(services))
}

/// As [`load`], up to the point where profiles decide; [`super::config`] wants it.
pub fn load_document(options: &LoadOptions, files: &dyn Files) -> Result<Document, LoadError> {
    Ok(Document::read(read_stack(options, files)?, files))
}

/// A document that was read, with everything that is wrong with it.
pub struct Document {
    /// The text it was made of.
    pub merged: Merged,
    /// By name, in the order of the file.
    pub(super) services: IndexMap<String, Draft>,
    /// The declared ones and the implied `default`.
    pub(super) networks: IndexMap<String, Network>,
    pub(super) volumes: IndexMap<String, Volume>,
    pub(super) vv: StackVv,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
}

/// A service, before it is known whether it takes part.
pub(super) struct Draft {
    pub service: Service,
    /// What is wrong if it does.
    pub problems: Vec<Problem>,
}

impl Document {
    /// Reads the merged document; never fails, since what matters depends on which services take part.
    pub fn read(merged: Merged, files: &dyn Files) -> Self {
        let sink = Sink::default();
        let Content { services, networks, volumes, vv } = content(&merged, files, &sink);
        let (problems, warnings) = sink.into_parts();
        Self { services, networks, volumes, vv, problems, warnings, merged }
    }

    /// The stack, with the profiles of the named services switched on.
    pub fn stack(&self, named: &[String]) -> Result<Stack, LoadError> {
        normalise::stack(self, named)
    }
}

#[derive(Default)]
struct Content {
    services: IndexMap<String, Draft>,
    networks: IndexMap<String, Network>,
    volumes: IndexMap<String, Volume>,
    vv: StackVv,
}

fn content(merged: &Merged, files: &dyn Files, sink: &Sink) -> Content {
    let Some(root) = At::root(&merged.root, sink).fields(ROOT) else { return Content::default() };
    let project = merged.name.as_str();
    let section = |key: &str| root.get(key).map(|at| at.named()).unwrap_or_default();
    let (services, declared_networks, declared_volumes) =
        (section("services"), section("networks"), section("volumes"));
    let mut networks: IndexMap<_, _> = declared_networks
        .iter()
        .map(|(key, at)| ((*key).to_owned(), networks::read(key, at, project)))
        .collect();
    networks
        .entry("default".into())
        .or_insert_with(|| Network { name: format!("{project}_default"), ..Network::default() });
    let volumes: IndexMap<_, _> = declared_volumes
        .iter()
        .map(|(key, at)| ((*key).to_owned(), volumes::read(key, at, project)))
        .collect();
    let context = Context {
        merged,
        files,
        services: services.iter().map(|(name, _)| *name).collect(),
        networks: declared_networks.iter().map(|(name, _)| *name).chain(["default"]).collect(),
        volumes: declared_volumes.iter().map(|(name, _)| *name).collect(),
        configs: file_objects::declarations(&root, Section::Configs),
        secrets: file_objects::declarations(&root, Section::Secrets),
    };
    let vv = stack_vv(&root, &context, sink);
    let services = services
        .iter()
        .filter_map(|(name, at)| {
            let service = service::read(name, at, &context);
            let problems = sink.take_when_active();
            Some(((*name).to_owned(), Draft { service: service?, problems }))
        })
        .collect();
    Content { services, networks, volumes, vv }
}

/// Top-level `x-vv` speaks of all services, whatever the profiles.
fn stack_vv(root: &Fields<'_>, context: &Context<'_>, sink: &Sink) -> StackVv {
    let vv = root.get("x-vv").map(|at| vv_stack::read(&at, context)).unwrap_or_default();
    sink.settle();
    StackVv { variables: context.merged.env.clone(), ..vv }
}

impl Service {
    /// Whether vv stands in for this service: it is built here, its sources (the context's folder, or the
    /// Dockerfile in it) aren't there, and the file says how the stand-in behaves.
    pub fn sources_missing(&self, files: &dyn Files) -> bool {
        let Some(build) = &self.build else { return false };
        if self.vv.stub.is_none() || is_remote(&build.context) {
            return false;
        }
        let dockerfile = build.context.join(build.dockerfile.as_deref().unwrap_or("Dockerfile"));
        let described = build.dockerfile_inline.is_some() || files.is_file(&dockerfile);
        !(described && files.is_dir(&build.context))
    }
}

/// Whether a build's context is one that the engine fetches itself.
pub fn is_remote(context: &Path) -> bool {
    let text = context.to_string_lossy();
    ["http:/", "https:/", "git:/", "ssh:/", "git@", "github.com/"]
        .iter()
        .any(|prefix| text.starts_with(prefix))
}
