//! `vv stub`: hidden; the process inside a stand-in's container.

use clap::Args;

use crate::failure::Result;
use crate::stub;

/// Answer for a service whose sources are missing
#[derive(Debug, Args)]
pub struct StubArgs {
    /// Ask the stand-in in this container whether it is healthy, and exit
    #[arg(long)]
    check: bool,
    /// Stay until stdin ends: what a helper container runs
    #[arg(long, conflicts_with = "check")]
    stay: bool,
    /// Connect to an address, and pass stdin and its answers on
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["check", "stay"])]
    dial: Option<String>,
}

/// Serves, or checks.
pub async fn run(args: StubArgs) -> Result {
    match args {
        StubArgs { check: true, .. } => stub::check().await,
        StubArgs { stay: true, .. } => stub::relay::stay().await,
        StubArgs { dial: Some(address), .. } => stub::relay::dial(&address).await,
        _ => stub::serve().await,
    }
}
