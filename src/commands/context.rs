//! What every command begins with: the stack at hand and the engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::{Format, GlobalOptions};
use crate::engine::platform::EnginePlatform;
use crate::engine::relay::HelperImage;
use crate::engine::{ConnectOptions, Engine, connect};
use crate::failure::{Failure, Kind, Result};
use crate::output::Printer;
use crate::plan::observed::EngineInfo;
use crate::stack::embedded::Layered;
use crate::stack::files::Disk;
use crate::stack::options::LoadOptions;
use crate::stack::{Document, LoadError, Service, Stack};
use crate::stub;

/// The options, and what follows from them.
pub struct Context {
    /// The global options.
    pub options: GlobalOptions,
    /// `-f`
    pub files: Vec<PathBuf>,
    /// Where output goes.
    pub printer: Printer,
}

impl Context {
    /// From the command line.
    pub fn new(options: GlobalOptions, files: Vec<PathBuf>) -> Self {
        let printer = Printer::new(&options);
        Self { options, files, printer }
    }

    /// What the loader is told: the options and this process's environment.
    pub fn load_options(&self) -> Result<LoadOptions> {
        let cwd = std::env::current_dir().map_err(|error| {
            Failure::from_error(
                Kind::Usage,
                anyhow::Error::new(error).context("could not read the current folder"),
            )
        })?;
        Ok(LoadOptions {
            stack: self.options.stack.clone(),
            files: self.files.clone(),
            env_files: self.options.env_file.clone(),
            profiles: self.options.profile.clone(),
            project_name: self.options.project_name.clone(),
            project_directory: self.options.project_directory.clone(),
            port_offset: self.port_offset()?,
            cwd,
            env: environment(),
        })
    }

    /// What is added to each host port: as the option says, else as the variable does. One that is empty says nothing.
    fn port_offset(&self) -> Result<u16> {
        const VARIABLE: &str = "VV_PORT_OFFSET";
        if let Some(offset) = self.options.port_offset {
            return Ok(offset);
        }
        let value = std::env::var(VARIABLE).ok().filter(|value| !value.is_empty());
        let Some(value) = value else { return Ok(0) };
        super::parse_port_offset(&value)
            .map_err(|problem| Failure::usage(format!("{VARIABLE} is '{value}': {problem}")))
    }

    /// Loads the stack at hand without a word about it. Services that are named take part whatever their profile.
    pub fn load_quietly(&self, named: &[String]) -> Result<Stack> {
        crate::stack::load_selected(&self.load_options()?, &Layered::new(&Disk), named).map_err(invalid_stack)
    }

    /// Reads the stack at hand: what it means, and the document it was read from.
    pub fn load_document(&self) -> Result<(Stack, Document)> {
        let document = crate::stack::load_document(&self.load_options()?, &Layered::new(&Disk))
            .map_err(invalid_stack)?;
        let stack = document.stack(&[]).map_err(invalid_stack)?;
        Ok((stack, document))
    }

    /// Loads the stack at hand; says on stderr which it is and from where, and its warnings. Services that are named
    /// take part whatever their profile.
    pub fn load(&self, named: &[String]) -> Result<Stack> {
        let stack = self.load_quietly(named)?;
        self.announce(&stack);
        for warning in &stack.warnings {
            self.printer.warn(warning);
        }
        Ok(stack)
    }

    /// Says on stderr which stack it is and from where.
    pub fn announce(&self, stack: &Stack) {
        let from = match &stack.origin.embedded {
            Some(name) => format!("built-in {name}"),
            None => stack.origin.config_files.join(", "),
        };
        self.printer.say(format_args!("stack {} ({from})", console::style(&stack.name).bold().for_stderr()));
    }

    /// The same, without a word where the output is for programs.
    pub fn load_for(&self, format: Format, named: &[String]) -> Result<Stack> {
        match format {
            Format::Table => self.load(named),
            Format::Json => self.load_quietly(named),
        }
    }

    /// The stack's containers on an engine, reached through a helper where they can't be otherwise.
    pub async fn platform(&self, engine: Arc<dyn Engine>, stack: &Stack) -> Result<EnginePlatform> {
        Ok(EnginePlatform::of(engine, &stack.name).await?.with_helper(helper_image()))
    }

    /// Connects to the engine.
    pub async fn engine(&self) -> Result<Arc<dyn Engine>> {
        Ok(connect::connect(&ConnectOptions::from_env()).await?)
    }

    /// Connects to the engine, which has this long for its first answer.
    pub async fn engine_within(&self, patience: Duration) -> Result<Arc<dyn Engine>> {
        let options = ConnectOptions { patience: Some(patience), ..ConnectOptions::from_env() };
        Ok(connect::connect(&options).await?)
    }
}

/// The image of the helper that leads into a stack's networks: vv itself, as in stand-ins.
pub fn helper_image() -> HelperImage {
    let tag = || stub::image::tag().map_err(|failure| failure.in_a_line());
    let archive = |info: &EngineInfo| stub::image::archive(info).map_err(|failure| failure.in_a_line());
    HelperImage { tag: Arc::new(tag), archive: Arc::new(archive) }
}

/// This process's environment; what isn't UTF-8 can't stand in a YAML file either.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// All problems at once; the first is the error, the others stand below with their lines of the text.
pub(super) fn invalid_stack(error: LoadError) -> Failure {
    let mut problems = error.problems.iter();
    let Some(first) = problems.next() else {
        return Failure::new(Kind::InvalidStack, "the stack is invalid");
    };
    let mut details = first.excerpt();
    for problem in problems {
        details.push(format!("error: {problem}"));
        details.extend(problem.excerpt());
    }
    // What has no place in a text was said on the command line: a stack's name, a file's.
    let said = error.problems.iter().all(|problem| problem.mark.is_none());
    let kind = if said { Kind::Usage } else { Kind::InvalidStack };
    Failure::new(kind, first.to_string()).detail(details)
}

/// The services named on a command line; all active ones for none. A name that isn't there gets the nearest one
/// as a hint.
pub fn select<'a>(stack: &'a Stack, names: &[String]) -> Result<Vec<&'a Service>> {
    if names.is_empty() {
        return Ok(stack.services.values().collect());
    }
    let mut services: Vec<&Service> = Vec::new();
    for name in names {
        let service = service(stack, name)?;
        if services.iter().all(|other| other.name != service.name) {
            services.push(service);
        }
    }
    Ok(services)
}

/// A service by name.
pub fn service<'a>(stack: &'a Stack, name: &str) -> Result<&'a Service> {
    stack.services.get(name).ok_or_else(|| unknown_service(stack, name))
}

fn unknown_service(stack: &Stack, name: &str) -> Failure {
    let names: Vec<&str> = stack.services.keys().chain(stack.inactive.keys()).map(String::as_str).collect();
    let failure = Failure::usage(format!("there is no service '{name}' in {}", stack.name));
    match crate::failure::nearest(name, names.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean '{near}'?")),
        None => failure.hint(format!("its services are {}", names.join(", "))),
    }
}

/// The names of a group's services (`x-vv.group`).
pub fn group(stack: &Stack, group: &str) -> Result<Vec<String>> {
    let members: Vec<String> = stack
        .services
        .values()
        .filter(|service| service.vv.group.as_deref() == Some(group))
        .map(|service| service.name.clone())
        .collect();
    if !members.is_empty() {
        return Ok(members);
    }
    let mut groups: Vec<&str> =
        stack.services.values().filter_map(|service| service.vv.group.as_deref()).collect();
    groups.sort_unstable();
    groups.dedup();
    let failure = Failure::usage(format!("there is no group '{group}' in {}", stack.name));
    Err(match crate::failure::nearest(group, groups.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean '{near}'?")),
        None if groups.is_empty() => failure.hint("a service joins a group by `x-vv: {group: …}`"),
        None => failure.hint(format!("its groups are {}", groups.join(", "))),
    })
}
