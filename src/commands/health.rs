//! `vv health`: is every service ready, each asked in its own protocol?

use std::time::Duration;

use clap::Args;

use super::complete;
use super::context::{self, Context};
use crate::cli::Format;
use crate::failure::{Failure, Kind, Result};
use crate::output;
use crate::probe::{Level, Outcome, checks, report};

/// Prove that every service is ready, in its own protocol
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv health              one line per service, all of what isn't well
  vv health --all kong   every check of one")]
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
    /// How long each check may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = super::parse_duration)]
    timeout: Duration,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Checks and shows; exit 1 when a check fails.
pub async fn run(context: &Context, args: HealthArgs) -> Result {
    let stack = context.load_for(args.format, &args.services)?;
    let services = context::select(&stack, &args.services)?;
    let engine = context.engine().await?;
    let platform = context.platform(engine, &stack).await?;
    let depth = if args.quick { Level::Protocol } else { Level::Deep };
    let of_services =
        services.iter().map(|service| checks::check_service(&stack, service, &platform, depth, args.timeout));
    let checks: Vec<_> = futures_util::future::join_all(of_services).await.into_iter().flatten().collect();
    let report = report::Report::new(&stack.name, &checks);
    match args.format {
        Format::Json => context.printer.json(&report),
        Format::Table => {
            let order: Vec<String> = services.iter().map(|service| service.name.clone()).collect();
            context.printer.data(output::health::table(&checks, &order, args.all));
        }
    }
    let failed: Vec<&str> = services
        .iter()
        .map(|service| service.name.as_str())
        .filter(|name| {
            checks.iter().any(|check| check.replica.service == **name && check.outcome == Outcome::Fail)
        })
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    if args.format == Format::Json {
        return Err(Failure::quiet(Kind::Failed));
    }
    Err(Failure::new(Kind::Failed, format!("unhealthy: {}", failed.join(", "))))
}
