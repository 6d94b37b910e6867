//! The command line's shape. No logic.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::commands;

/// Starts a microservice platform and proves that it is ready.
#[derive(Debug, Parser)]
#[command(
    name = "vv",
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    // One help, the short one: the long one's empty lines would fill screens with the options of every command.
    disable_help_flag = true,
    after_help = "\
Examples:
  vv start                        the stack of this folder, else valueverse
  vv --stack demo start           a built-in stack; `vv stacks` lists them
  vv -f a.yml -f b.yml plan       what start would do
  vv logs -f --level warn orders  what goes on

`vv help COMMAND` tells the options of a command, `vv help exit-codes` the exit codes."
)]
pub struct Cli {
    /// Compose file, only before the subcommand; may be repeated, later ones merge on top
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Options accepted before and after the subcommand.
    #[command(flatten)]
    pub global: GlobalOptions,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options accepted before and after the subcommand.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalOptions {
    /// Built-in stack by name, or a folder (with a / or a leading .)
    #[arg(long, global = true, value_name = "STACK", add = commands::complete::stacks(), help_heading = "Stack")]
    pub stack: Option<String>,

    /// File with variables, instead of .env; may be repeated
    #[arg(long, global = true, value_name = "FILE", help_heading = "Stack")]
    pub env_file: Vec<PathBuf>,

    /// Profile to switch on; may be repeated
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        add = commands::complete::profiles(),
        help_heading = "Stack"
    )]
    pub profile: Vec<String>,

    /// Name of the project [default: what the file says, else the folder's]
    #[arg(short, long, global = true, value_name = "NAME", help_heading = "Stack")]
    pub project_name: Option<String>,

    /// Folder that relative paths start from [default: the first file's]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Stack")]
    pub project_directory: Option<PathBuf>,

    /// Add N to every host port, to run a stack beside another (also VV_PORT_OFFSET)
    #[arg(
        long,
        global = true,
        value_name = "N",
        value_parser = commands::parse_port_offset,
        help_heading = "Stack"
    )]
    pub port_offset: Option<u16>,

    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,

    /// Print more of what goes on
    #[arg(long, global = true, help_heading = "Output")]
    pub verbose: bool,

    /// No colours (also NO_COLOR)
    #[arg(long, global = true, help_heading = "Output")]
    pub no_color: bool,

    /// How progress is shown
    #[arg(long, global = true, value_enum, default_value_t, value_name = "MODE", help_heading = "Output")]
    pub progress: ProgressMode,

    /// Wait for another vv that is changing this stack, instead of giving up
    #[arg(long, global = true, help_heading = "Stack")]
    pub wait_lock: bool,

    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort, help_heading = "Output")]
    pub help: Option<bool>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProgressMode {
    /// Live lines on a terminal, plain ones elsewhere
    #[default]
    Auto,
    /// Live lines
    Tty,
    /// A line per event
    Plain,
    /// A JSON object per event
    Json,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For programs; the document has a `schema` field
    Json,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build images
    Build(commands::build::BuildArgs),
    /// Pull images
    Pull(commands::pull::PullArgs),
    /// Start the stack, or some services and what they depend on, until they are ready
    #[command(visible_alias = "up")]
    Start(commands::start::StartArgs),
    /// Stop containers and keep them
    Stop(commands::stop::StopArgs),
    /// Remove containers and networks (and with -v the volumes)
    Down(commands::down::DownArgs),
    /// Stop and start containers, and wait until they are ready again
    Restart(commands::restart::RestartArgs),
    /// Remove everything with its data, build and start anew
    Reset(commands::reset::ResetArgs),
    /// Show each replica: state, health, ports, image, age
    #[command(visible_alias = "ps")]
    Status(commands::status::StatusArgs),
    /// Change how many replicas services have, and wait for them
    Scale(commands::scale::ScaleArgs),
    /// Prove that every service is ready, in its own protocol
    Health(commands::health::HealthArgs),
    /// Say what would stop a start: engine, memory, disk, ports, images, sources, names
    Doctor(commands::doctor::DoctorArgs),
    /// Say why a service isn't ready: the one reason, what shows it, what to do
    Why(commands::why::WhyArgs),
    /// Show output of services, merged by time
    Logs(commands::logs::LogsArgs),
    /// Show what is reachable where, with logins
    Urls(commands::urls::UrlsArgs),
    /// Make Kafka's topics what the stack declares
    InitTopics(commands::init_topics::InitTopicsArgs),
    /// Make Kong's routes what the stack declares, and prove that each answers
    SetupRoutes(commands::setup_routes::SetupRoutesArgs),
    /// Show every operation that start would do, each with its cause
    Plan(commands::plan::PlanArgs),
    /// Show the resolved stack, secrets included
    Config(commands::config::ConfigArgs),
    /// List the built-in stacks
    Stacks(commands::stacks::StacksArgs),
    /// Write a built-in stack to a folder, to be changed
    Eject(commands::eject::EjectArgs),
    /// Run a command in a running container
    Exec(commands::exec::ExecArgs),
    /// Run a command in a new container of a service
    Run(Box<commands::run::RunArgs>),
    /// Print the completion script of a shell
    Completions(commands::completions::CompletionsArgs),
    /// Show the versions of vv and the engine
    Version(commands::version::VersionArgs),
    /// Show help for a subcommand, or on a topic: exit-codes
    Help(commands::help::HelpArgs),
    /// Answer for a service whose sources are missing
    #[command(hide = true)]
    Stub(commands::stub::StubArgs),
}
