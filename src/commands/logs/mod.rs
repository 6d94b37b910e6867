//! `vv logs`: the output of services, merged by time.

mod filter;
mod follow;
mod merge;

use std::sync::Arc;

use clap::{Args, ValueEnum};
use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::complete;
use super::context::{self, Context};
use crate::engine::{Engine, LogQuery};
use crate::failure::{Failure, Kind, Result};
use crate::output::log::LogWriter;
use crate::output::typed::typed;
use crate::plan::observed::ObservedContainer;
use crate::stack::Stack;
use filter::{Filter, Lines};
use merge::{Line, Source};

/// Show output of services, merged by time
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv logs -f                              everything, as it comes
  vv logs -n 20 web orders                the end of two
  vv logs --since 10m --level error -t    what went wrong of late
  vv logs --format json --grep 'id=42'    for programs")]
pub struct LogsArgs {
    /// Services; all when none is named
    #[arg(value_name = "SERVICE", add = complete::services())]
    services: Vec<String>,
    /// Go on as more comes, also of replicas that are started later
    #[arg(short, long)]
    follow: bool,
    /// Only the last N lines of each replica, or `all`
    #[arg(short = 'n', long, visible_alias = "tail", value_name = "N", default_value = "all", value_parser = filter::parse_lines)]
    lines: Lines,
    /// From this time on: 10m, 2026-01-31T12:00:00Z, 2026-01-31 12:00
    #[arg(long, value_name = "TIME", value_parser = filter::parse_time)]
    since: Option<Timestamp>,
    /// Up to this time, in the same forms
    #[arg(long, value_name = "TIME", value_parser = filter::parse_time, conflicts_with = "follow")]
    until: Option<Timestamp>,
    /// Only lines that match this regular expression
    #[arg(long, value_name = "REGEX")]
    grep: Option<String>,
    /// Only lines of this level and worse, without those that tell no level
    #[arg(long, value_enum, value_name = "LEVEL", ignore_case = true)]
    level: Option<filter::LogLevel>,
    /// Show the time of each line
    #[arg(short, long)]
    timestamps: bool,
    /// Don't show which replica a line is from
    #[arg(long)]
    no_log_prefix: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: LogFormat,
}

/// How lines are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// A JSON object per line: time, service, replica, stream, message
    Json,
}

/// Prints the lines.
pub async fn run(context: &Context, args: LogsArgs) -> Result {
    let filter = Filter::new(args.grep.as_deref(), args.level).map_err(|error| {
        Failure::from_error(Kind::Usage, anyhow::Error::new(error).context("--grep is no regular expression"))
    })?;
    let stack = context.load_quietly(&args.services)?;
    let selected: Vec<String> =
        context::select(&stack, &args.services)?.into_iter().map(|service| service.name.clone()).collect();
    let engine = context.engine().await?;
    let containers = containers(engine.as_ref(), &stack, &selected).await?;
    let mut writer = LogWriter::new(
        args.format == LogFormat::Json,
        args.timestamps,
        !args.no_log_prefix,
        prefix_width(&stack, &selected, &containers),
    );
    if containers.is_empty() && !args.follow {
        context.printer.say(typed("there is no container to show output of; `vv start` makes them"));
        return Ok(());
    }

    // Everything up to now is history and merged exactly. What comes later is followed: two queries per container,
    // so that a replica that says nothing can't hold back the others' history.
    let now = Timestamp::now();
    let events = match args.follow {
        true => Some(engine.events(&stack.name).await?),
        false => None,
    };
    let history = LogQuery {
        follow: false,
        tail: args.lines.0,
        since: args.since,
        until: Some(args.until.unwrap_or(now)),
    };
    let last = print_history(&engine, &containers, &history, &filter, &mut writer).await?;
    if let Some(events) = events {
        let follower =
            follow::Follower { engine, project: stack.name.clone(), services: selected, since: now, last };
        let interrupted = follower.run(events, containers, &mut writer, &filter).await?;
        writer.flush();
        if interrupted {
            return Err(Failure::quiet(Kind::Interrupted));
        }
    }
    writer.flush();
    Ok(())
}

/// Prints the history; the time of the last line of each container, by its id.
async fn print_history(
    engine: &Arc<dyn Engine>,
    containers: &[ObservedContainer],
    query: &LogQuery,
    filter: &Filter,
    writer: &mut LogWriter,
) -> Result<follow::LastSeen> {
    let streams = futures_util::future::try_join_all(containers.iter().map(|container| async {
        let lines = engine.logs(&container.id, query).await?;
        let source = Source::of(container);
        Ok::<_, Failure>(lines.map_ok(move |line| Line { source: source.clone(), line }).boxed())
    }))
    .await?;
    let mut last = follow::LastSeen::new();
    let mut merged = merge::by_time(streams);
    while let Some(line) = merged.next().await? {
        last.insert(line.source.id.clone(), line.line.time);
        show(&line, filter, writer);
    }
    writer.flush();
    Ok(last)
}

fn show(line: &Line, filter: &Filter, writer: &mut LogWriter) {
    if filter.matches(&line.line.line) {
        writer.write(&line.source.service, line.source.number, line.source.color, &line.line);
    }
}

/// The containers whose output is shown: the services' own, not one-off ones.
async fn containers(
    engine: &dyn Engine,
    stack: &Stack,
    selected: &[String],
) -> Result<Vec<ObservedContainer>> {
    let mut containers = engine.containers(&stack.name).await?;
    containers.retain(|container| !container.oneoff && selected.contains(&container.service));
    containers.sort_by(|a, b| (&a.service, a.number).cmp(&(&b.service, b.number)));
    Ok(containers)
}

fn prefix_width(stack: &Stack, selected: &[String], containers: &[ObservedContainer]) -> usize {
    let running = containers.iter().map(|container| container.service.len() + digits(container.number) + 1);
    let possible = selected
        .iter()
        .filter_map(|name| stack.services.get(name))
        .map(|service| service.name.len() + digits(service.replicas) + 1);
    running.chain(possible).max().unwrap_or(0)
}

fn digits(number: u32) -> usize {
    number.to_string().len()
}
