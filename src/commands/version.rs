//! `vv version`

use clap::Args;
use serde_json::json;

use super::context::Context;
use crate::cli::Format;
use crate::failure::Result;

/// Show the versions of vv and the engine
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Prints the versions; an engine that can't be reached is said, and is no failure.
pub async fn run(context: &Context, args: VersionArgs) -> Result {
    let engine = match context.engine().await {
        Ok(engine) => engine.info().await.map_err(|error| error.to_string()),
        Err(failure) => Err(failure.error.to_string()),
    };
    match args.format {
        Format::Table => {
            context.printer.data(format_args!("vv {}", env!("CARGO_PKG_VERSION")));
            match engine {
                Ok(info) => context.printer.data(format_args!(
                    "engine {} (API {}.{}, {}/{})",
                    info.version, info.api.0, info.api.1, info.os, info.arch
                )),
                Err(message) => context.printer.warn(message),
            }
        }
        Format::Json => {
            let engine = engine.ok().map(|info| {
                json!({
                    "version": info.version,
                    "api": format!("{}.{}", info.api.0, info.api.1),
                    "os": info.os,
                    "arch": info.arch,
                })
            });
            context.printer.json(&json!({
                "schema": "vv.version/1",
                "vv": env!("CARGO_PKG_VERSION"),
                "engine": engine,
            }));
        }
    }
    Ok(())
}
