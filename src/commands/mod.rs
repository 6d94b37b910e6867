//! A file per subcommand: its arguments and its `run`. Nothing else reads them.

pub mod attach;
pub mod complete;
pub mod context;
pub mod declared;
pub mod deploy;

pub mod build;
pub mod completions;
pub mod config;
pub mod doctor;
pub mod down;
pub mod eject;
pub mod exec;
pub mod health;
pub mod help;
pub mod init_topics;
pub mod logs;
pub mod plan;
pub mod pull;
pub mod reset;
pub mod restart;
pub mod run;
pub mod scale;
pub mod setup_routes;
pub mod stacks;
pub mod start;
pub mod status;
pub mod stop;
pub mod stub;
pub mod urls;
pub mod version;
pub mod why;

use crate::cli::{Cli, Command};
use crate::failure::Result;
use crate::output;
use context::Context;

/// Carries a parsed command line out.
pub async fn run(cli: Cli) -> Result {
    output::typed::remember(&cli.global, &cli.files);
    let context = Context::new(cli.global, cli.files);
    match cli.command {
        Command::Build(args) => build::run(&context, args).await,
        Command::Pull(args) => pull::run(&context, args).await,
        Command::Start(args) => start::run(&context, args).await,
        Command::Stop(args) => stop::run(&context, args).await,
        Command::Down(args) => down::run(&context, args).await,
        Command::Restart(args) => restart::run(&context, args).await,
        Command::Reset(args) => reset::run(&context, args).await,
        Command::Status(args) => status::run(&context, args).await,
        Command::Scale(args) => scale::run(&context, args).await,
        Command::Doctor(args) => doctor::run(&context, args).await,
        Command::Health(args) => health::run(&context, args).await,
        Command::Why(args) => why::run(&context, args).await,
        Command::Logs(args) => logs::run(&context, args).await,
        Command::InitTopics(args) => init_topics::run(&context, args).await,
        Command::SetupRoutes(args) => setup_routes::run(&context, args).await,
        Command::Urls(args) => urls::run(&context, args).await,
        Command::Plan(args) => plan::run(&context, args).await,
        Command::Config(args) => config::run(&context, args),
        Command::Stacks(args) => stacks::run(&context, args),
        Command::Eject(args) => eject::run(&context, args),
        Command::Exec(args) => exec::run(&context, args).await,
        Command::Run(args) => self::run::run(&context, *args).await,
        Command::Completions(args) => completions::run(&context, args),
        Command::Version(args) => version::run(&context, args).await,
        Command::Help(args) => help::run(&context, &args),
        Command::Stub(args) => stub::run(args).await,
    }
}

/// The number of a replica: 1 and up.
pub(crate) fn parse_replica(text: &str) -> std::result::Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "not a replica's number: those are 1 and up".to_owned())
}

/// What is added to each host port.
pub(crate) fn parse_port_offset(text: &str) -> std::result::Result<u16, String> {
    text.parse().map_err(|_| "not an amount to add to ports: 0 to 65535".to_owned())
}

/// A duration as people type it: `90s`, `5m`, `1h30m`; a bare number is seconds.
pub(crate) fn parse_duration(text: &str) -> std::result::Result<std::time::Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(std::time::Duration::from_secs(seconds));
    }
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| std::time::Duration::try_from(duration).ok())
        .ok_or_else(|| "not a duration: 90s, 5m, 1h30m".to_owned())
}

/// A duration in which something can happen.
pub(crate) fn parse_some_time(text: &str) -> std::result::Result<std::time::Duration, String> {
    match parse_duration(text)? {
        std::time::Duration::ZERO => Err("no time at all: nothing could answer in it".to_owned()),
        duration => Ok(duration),
    }
}

/// Told when the user interrupts a second time.
static INTERRUPTED_TWICE: tokio::sync::Notify = tokio::sync::Notify::const_new();

/// Waits for a second Ctrl-C while [`interrupt`] is heeded: then nothing is waited for any more.
pub async fn interrupted_twice() {
    INTERRUPTED_TWICE.notified().await;
}

/// Cancelled by Ctrl-C or SIGTERM.
pub(crate) fn interrupt() -> tokio_util::sync::CancellationToken {
    let token = tokio_util::sync::CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
        let terminated = async {
            match &mut terminated {
                Some(terminated) => terminated.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated => {}
        }
        cancelled.cancel();
        let _ = tokio::signal::ctrl_c().await;
        INTERRUPTED_TWICE.notify_one();
    });
    token
}
