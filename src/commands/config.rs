//! `vv config`

use clap::Args;

use super::context::Context;
use crate::failure::Result;
use crate::stack::config;

/// Show the resolved stack, secrets included
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv config --check
  vv --stack demo config --format json")]
pub struct ConfigArgs {
    /// Only check the files, and print nothing but what is wrong
    #[arg(long)]
    check: bool,
    /// Print the services' names, one a line
    #[arg(long, conflicts_with = "check")]
    services: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: ConfigFormat,
}

/// A document's syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ConfigFormat {
    /// YAML
    #[default]
    Yaml,
    /// JSON
    Json,
}

/// Prints it.
pub fn run(context: &Context, args: ConfigArgs) -> Result {
    let (stack, document) = context.load_document()?;
    for warning in &stack.warnings {
        context.printer.warn(warning);
    }
    if args.check {
        return Ok(());
    }
    if args.services {
        for name in stack.services.keys() {
            context.printer.data(name);
        }
        return Ok(());
    }
    match args.format {
        ConfigFormat::Yaml => context.printer.data(config::yaml(&stack, &document).trim_end()),
        ConfigFormat::Json => context.printer.data(config::json(&stack, &document)?),
    }
    Ok(())
}
