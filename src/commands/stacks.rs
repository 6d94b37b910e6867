//! `vv stacks`

use clap::Args;
use serde_json::json;

use super::context::Context;
use crate::cli::Format;
use crate::failure::Result;
use crate::output::table;
use crate::stack::embedded;

/// List the built-in stacks
#[derive(Debug, Args)]
pub struct StacksArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Lists them.
pub fn run(context: &Context, args: StacksArgs) -> Result {
    let stacks = embedded::list();
    match args.format {
        Format::Table => {
            let mut rows = table::new(&["STACK", "TITLE", "DESCRIPTION"]);
            for stack in &stacks {
                rows.add_row([
                    stack.name.clone(),
                    stack.title.clone().unwrap_or_default(),
                    stack.description.clone().unwrap_or_default(),
                ]);
            }
            context.printer.data(table::render(&mut rows));
        }
        Format::Json => {
            let stacks: Vec<_> = stacks
                .iter()
                .map(|stack| {
                    json!({
                        "name": stack.name,
                        "title": stack.title,
                        "description": stack.description,
                    })
                })
                .collect();
            context.printer.json(&json!({"schema": "vv.stacks/1", "stacks": stacks}));
        }
    }
    Ok(())
}
