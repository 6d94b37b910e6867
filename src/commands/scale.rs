//! `vv scale`: changes how many replicas services have.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;

use super::complete;
use super::context::{self, Context};
use super::declared::Beside;
use super::deploy::{self, Deployment, DryRun};
use crate::failure::{Failure, Result};
use crate::plan::{StartRequest, preview_plan};

/// Change how many replicas services have, and wait for them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vv scale web 3
  vv scale web=3 orders=2
  vv start --reset-scale   back to what the file says")]
pub struct ScaleArgs {
    /// SERVICE N, or SERVICE=N for one or more
    #[arg(value_name = "SERVICE N | SERVICE=N", required = true, add = complete::scalings())]
    scalings: Vec<String>,
    /// Leave what the services depend on alone
    #[arg(long)]
    no_deps: bool,
    /// How long it may take until the new replicas are ready
    #[arg(long, value_name = "TIME", default_value = deploy::TIMEOUT, value_parser = super::parse_some_time)]
    timeout: Duration,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Scales, and ends when all replicas are ready.
pub async fn run(context: &Context, args: ScaleArgs) -> Result {
    let scale = scalings(&args.scalings)?;
    let services: Vec<String> = scale.keys().cloned().collect();
    let stack = context.load_for(args.dry_run.format, &services)?;
    for name in &services {
        context::service(&stack, name)?;
    }
    let beside = Beside::of(context, &stack)?;
    let deployment = Deployment::of(context, stack, "scale", args.dry_run.dry_run).await?;
    let mut deployment = deployment.declaring(beside);
    let request = StartRequest { services, scale, no_deps: args.no_deps, ..StartRequest::default() };
    if args.dry_run.dry_run {
        let plan = preview_plan(&deployment.inputs(), &request)?;
        deployment.show(&plan, args.dry_run.format);
        return Ok(());
    }
    super::start::start(context, &mut deployment, &request, args.timeout).await
}

/// `calculation-engine 5` or `a=2 b=3`.
fn scalings(words: &[String]) -> Result<BTreeMap<String, u32>> {
    let number = |text: &str, word: &str| {
        text.parse::<u32>().map_err(|_| {
            Failure::usage(format!("'{word}': the number of replicas is missing or no number"))
                .hint("vv scale SERVICE N, or vv scale SERVICE=N OTHER=M")
        })
    };
    if let [service, replicas] = words
        && !service.contains('=')
    {
        return Ok(BTreeMap::from([(service.clone(), number(replicas, replicas)?)]));
    }
    let mut scalings = BTreeMap::new();
    for word in words {
        let (service, replicas) = word.split_once('=').unwrap_or((word, ""));
        if scalings.insert(service.to_owned(), number(replicas, word)?).is_some() {
            return Err(Failure::usage(format!("{service} is named twice")));
        }
    }
    Ok(scalings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_both_forms() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let parsed = |text: &str| scalings(&words(text)).map(|map| map.into_iter().collect::<Vec<_>>());
        assert_eq!(parsed("calc 5").unwrap(), [("calc".to_owned(), 5)]);
        assert_eq!(parsed("a=2 b=0").unwrap(), [("a".to_owned(), 2), ("b".to_owned(), 0)]);
        for wrong in ["calc", "calc five", "calc=", "a=1 a=2", "calc -1", "a=1 b"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
