//! `vv stub`: hidden; the process inside a stand-in's container.

use clap::Args;

use crate::failure::Result;

/// Answer for a service whose sources are missing
#[derive(Debug, Args)]
pub struct StubArgs {
    /// Ask the stand-in in this container whether it is healthy, and exit
    #[arg(long)]
    check: bool,
}

/// Serves, or checks.
pub async fn run(args: StubArgs) -> Result {
    if args.check { crate::stub::check().await } else { crate::stub::serve().await }
}
