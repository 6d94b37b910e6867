//! `vv doctor`: what would stop a start, each with what to do about it.

mod gather;
mod here;
pub mod preflight;

use clap::Args;

use super::context::Context;
use crate::cli::Format;
use crate::doctor::report::{Report, worst};
use crate::doctor::{Severity, findings};
use crate::failure::{Failure, Kind, Result};
use crate::output::typed::retype;
use crate::probe::Secrets;
use crate::{output, stub};

/// Say what would stop a start: engine, memory, disk, ports, images, sources, names
///
/// Nothing is changed. Exit 1 where something will fail, 4 where no engine answers.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Looks at everything at once and shows what was seen.
pub async fn run(context: &Context, args: DoctorArgs) -> Result {
    let stack = context.load_quietly(&[])?;
    if args.format == Format::Table {
        context.announce(&stack);
    }
    let (stubs, stub_problem) = match stub::stubs_of(&stack) {
        Ok(stubs) => (stubs, None),
        Err(failure) => (Default::default(), Some(failure.in_a_line())),
    };
    let facts = gather::facts(&stack, &stubs, stub_problem).await;
    let mut findings = findings(&stack, &stubs, &facts);
    // A registry's or an engine's words may hold a login, and so may a proxy's address.
    let secrets = Secrets::of(&stack);
    for finding in &mut findings {
        finding.seen = secrets.scrub(std::mem::take(&mut finding.seen));
        finding.fix = finding.fix.take().map(|fix| secrets.blot(fix));
    }
    findings.iter_mut().filter_map(|finding| finding.fix.as_mut()).for_each(retype);
    match args.format {
        Format::Json => context.printer.json(&Report::new(&stack.name, &findings)),
        Format::Table => context.printer.data(output::doctor::text(&findings)),
    }
    if facts.engine.is_err() {
        return Err(Failure::quiet(Kind::EngineUnreachable));
    }
    if worst(&findings) < Severity::Fail {
        return Ok(());
    }
    if args.format == Format::Json {
        return Err(Failure::quiet(Kind::Failed));
    }
    let failing = findings.iter().filter(|finding| finding.severity == Severity::Fail).count();
    Err(Failure::new(
        Kind::Failed,
        match failing {
            1 => "1 thing will make a start fail".to_owned(),
            failing => format!("{failing} things will make a start fail"),
        },
    ))
}
