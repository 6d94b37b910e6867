//! `vv why SVC`: the one reason why a service isn't ready.

mod gather;

use clap::Args;

use super::complete;
use super::context::{self, Context};
use crate::cli::Format;
use crate::failure::{Failure, Kind, Result};
use crate::output::typed::retype;
use crate::why::explain;
use crate::why::report::Report;
use crate::{output, stub};

/// Say why a service isn't ready: the one reason, what shows it, what to do
///
/// Follows what the service waits for and talks to, down to the one at fault. Exit 0 when it is ready, 1 when not.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The service
    #[arg(value_name = "SERVICE", add = complete::services())]
    service: String,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Looks at the service and all that it needs, and shows the reason.
pub async fn run(context: &Context, args: WhyArgs) -> Result {
    let named = std::slice::from_ref(&args.service);
    let stack = context.load_quietly(named)?;
    if args.format == Format::Table {
        context.announce(&stack);
    }
    let service = context::service(&stack, &args.service)?;
    let engine = context.engine().await?;
    let stubs = stub::stubs_of(&stack).unwrap_or_default();
    let facts = gather::facts(engine, &stack, &stubs, service).await?;
    let mut explanation = explain(&stack, service, &facts);
    explanation.notes.iter_mut().for_each(retype);
    if let Some(reason) = &mut explanation.reason {
        retype(&mut reason.fix);
    }
    match args.format {
        Format::Json => context.printer.json(&Report::new(&stack.name, &explanation)),
        Format::Table => context.printer.data(output::why::text(&explanation)),
    }
    match explanation.reason {
        Some(_) => Err(Failure::quiet(Kind::Failed)),
        None => Ok(()),
    }
}
