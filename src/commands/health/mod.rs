//! `vv health`: is every service ready, each asked in its own protocol?

mod bundle;
mod mask;
mod scope;
mod wait;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::time::Instant;

use super::complete;
use super::context::{self, Context};
use super::declared::Beside;
use crate::failure::{Failure, Kind, Result};
use crate::output::health::{github, junit, table};
use crate::output::short_duration;
use crate::probe::{Level, Outcome, Report, Secrets};
use scope::Scope;

/// How long a run may take where the command line doesn't say, and a wait.
const USUAL: Duration = Duration::from_secs(30);
const USUAL_WAIT: Duration = Duration::from_secs(5 * 60);
/// The levels of a replica come one after the other.
const LEVELS: u32 = 5;

/// Prove that every service is ready, in its own protocol
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv health                      one line per service, all of what isn't well
  vv health --all kong           every check of one
  vv health --wait --timeout 2m  ends as soon as all is well
  vv health --bundle evidence    leaves what a post-mortem needs when it fails")]
pub struct HealthArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// Only ask whether each answers in its own protocol, without the deeper checks
    #[arg(long)]
    quick: bool,
    /// Show every check, not only the one that says most
    #[arg(long)]
    all: bool,
    /// Ask again until all is well, or the timeout is over (exit 6)
    #[arg(long)]
    wait: bool,
    /// How long the command may take [default: 30s; with --wait 5m]
    #[arg(long, value_name = "TIME", value_parser = super::parse_some_time)]
    timeout: Option<Duration>,
    /// How long each check may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = super::parse_some_time)]
    check_timeout: Duration,
    /// Look again and again, and say what changed and when; Ctrl-C ends it
    #[arg(
        long,
        value_name = "EVERY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "5s",
        value_parser = super::parse_some_time,
        conflicts_with_all = ["wait", "timeout", "format", "bundle"]
    )]
    watch: Option<Duration>,
    /// What ends in exit code 1
    #[arg(long, value_enum, value_name = "OUTCOME", default_value_t)]
    fail_on: FailOn,
    /// Output format [default: table; in GitHub Actions github]
    #[arg(long, value_enum)]
    format: Option<HealthFormat>,
    /// Folder for a bundle of evidence (report, inspects, logs, events), made when the run fails
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
}

/// What counts as a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum FailOn {
    /// A check that fails
    #[default]
    Fail,
    /// A check that warns, too
    Warn,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HealthFormat {
    /// For people
    Table,
    /// For programs; docs/schema/health.json describes it
    Json,
    /// For a CI's test report: JUnit's XML, as Jenkins validates it
    Junit,
    /// For GitHub Actions: the table, annotations, and a step summary
    Github,
}

impl HealthArgs {
    /// What is as bad as this fails the run.
    fn threshold(&self) -> Outcome {
        match self.fail_on {
            FailOn::Fail => Outcome::Fail,
            FailOn::Warn => Outcome::Warn,
        }
    }

    fn limit(&self) -> Duration {
        self.timeout.unwrap_or(if self.wait { USUAL_WAIT } else { USUAL.max(self.check_timeout * LEVELS) })
    }
}

/// Checks and shows; exit 1 when a check fails, 6 when it still does at the end of a wait.
pub async fn run(context: &Context, args: HealthArgs) -> Result {
    let in_actions = std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true");
    let usual = if in_actions { HealthFormat::Github } else { HealthFormat::Table };
    let format = args.format.unwrap_or(usual);
    let stack = match format {
        HealthFormat::Table | HealthFormat::Github => context.load(&args.services)?,
        HealthFormat::Json | HealthFormat::Junit => context.load_quietly(&args.services)?,
    };
    if let Some(dir) = &args.bundle {
        bundle::check(dir)?;
    }
    let end = Instant::now() + args.limit();
    let services = context::select(&stack, &args.services)?;
    let beside = match args.quick {
        true => Beside::default(),
        false => Beside::of_services(context, &stack, &services),
    };
    let scope = Scope {
        services,
        named: !args.services.is_empty(),
        stack: &stack,
        engine: context.engine_within(args.limit()).await?,
        depth: if args.quick { Level::Protocol } else { Level::Deep },
        each: args.check_timeout,
        secrets: Secrets::of(&stack),
        threshold: args.threshold(),
        beside,
    };
    if let Some(every) = args.watch {
        return watch::run(context, &scope, every, args.all).await;
    }
    let report = match args.wait {
        true => wait::until_well(context, &scope, end).await?,
        false => scope.report(end).await?,
    };
    show(context, &report, format, &args)?;
    if !report.is(scope.threshold) {
        return Ok(());
    }
    if let Some(dir) = &args.bundle {
        match bundle::write(context, &scope, dir, &report).await {
            Ok(()) => context.printer.say(format_args!("the evidence is in {}", dir.display())),
            // The run's own result is worth more than what was to be left of it.
            Err(failure) => context.printer.warn(failure.in_a_line()),
        }
    }
    Err(failure(&report, format, &args))
}

fn show(context: &Context, report: &Report, format: HealthFormat, args: &HealthArgs) -> Result {
    match format {
        HealthFormat::Table => context.printer.data(table(report, args.all)),
        HealthFormat::Json => context.printer.json(report),
        HealthFormat::Junit => context.printer.data(junit::document(report, args.threshold())?.trim_end()),
        HealthFormat::Github => {
            let token = format!("{:032x}", rand::random::<u128>());
            context.printer.data(github::shielded(&table(report, args.all), &token));
            for annotation in github::annotations(report, args.threshold()) {
                context.printer.data(annotation);
            }
            if let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) {
                let file = PathBuf::from(file);
                if let Err(error) = github::append_summary(&file, &github::summary(report)) {
                    context.printer.warn(format_args!(
                        "could not write the step summary to {}: {error}",
                        file.display()
                    ));
                }
            }
        }
    }
    Ok(())
}

fn failure(report: &Report, format: HealthFormat, args: &HealthArgs) -> Failure {
    let kind = if args.wait { Kind::NotReady } else { Kind::Failed };
    if matches!(format, HealthFormat::Json | HealthFormat::Junit) {
        return Failure::quiet(kind);
    }
    let sick = report.services_with(args.threshold()).join(", ");
    if args.wait {
        return Failure::new(kind, format!("not healthy within {}: {sick}", short_duration(args.limit())))
            .hint("--timeout waits longer");
    }
    Failure::new(kind, format!("unhealthy: {sick}"))
}
