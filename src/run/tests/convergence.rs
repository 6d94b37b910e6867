//! vv is killed after each mutating call in turn: the next start converges, the next down leaves nothing. Planner,
//! executor and engine together.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::stacks::shop;
use super::support::{Recorder, ms, secs};
use crate::engine::memory::{Behaviour, MemoryEngine};
use crate::engine::{Engine, EngineError};
use crate::failure::Failure;
use crate::plan::observed::{ContainerState, Observed};
use crate::plan::operation::Plan;
use crate::plan::{
    DownRequest, Inputs, StartRequest, Stubs, down_plan, images_plan, render, start_plan, which_need_inspect,
};
use crate::run::{AlwaysReady, ExecuteOptions, execute};
use crate::stack::Stack;

/// A machine with the images of the stack, on which the job ends after two seconds.
fn machine(stack: &Stack) -> MemoryEngine {
    let engine = MemoryEngine::new();
    for service in stack.services.values() {
        match service.build {
            Some(_) => {}
            None => engine.add_remote_image(&service.image),
        }
    }
    engine.script("db", Behaviour::healthy_after(ms(300)));
    engine.script("migrate", Behaviour::exits(secs(2), 0));
    engine
}

/// Makes each call take a time of its own, so that parallel ones end in another order with each `seed`.
fn shuffle(engine: &MemoryEngine, seed: u64) {
    let bucket = move |kind: &str, target: &str| {
        let mut hasher = DefaultHasher::new();
        (seed, kind, target).hash(&mut hasher);
        hasher.finish() % 8
    };
    for wanted in 1..8 {
        engine.delay_if(move |kind, target| bucket(kind, target) == wanted, ms(wanted * 20));
    }
}

/// What a user types.
#[derive(Debug, Clone)]
enum Command {
    Start(StartRequest),
    Down(DownRequest),
}

fn start() -> Command {
    Command::Start(StartRequest::default())
}

fn down() -> Command {
    Command::Down(DownRequest { volumes: true, remove_orphans: true, timeout: None })
}

async fn look(engine: &MemoryEngine, stack: &Stack) -> Result<Observed, EngineError> {
    let mut observed = engine.observe(&stack.name).await?;
    let unknown = which_need_inspect(stack, &observed);
    for container in observed.containers.iter_mut().filter(|container| unknown.contains(&container.id)) {
        let details = engine.inspect(&container.id).await?;
        container.inspected = Some(Box::new(details.spec));
    }
    Ok(observed)
}

async fn plan(engine: &MemoryEngine, stack: &Stack, command: &Command) -> Result<Plan, EngineError> {
    let observed = look(engine, stack).await?;
    let stubs = Stubs::new();
    let inputs = Inputs { stack, observed: &observed, stubs: &stubs, cache_dir: Path::new("/nowhere/vv") };
    Ok(match command {
        Command::Start(request) => start_plan(&inputs, request).unwrap(),
        Command::Down(request) => down_plan(&inputs, request),
    })
}

/// What the command line does, in short: images first, then the rest.
async fn carry_out(engine: &MemoryEngine, stack: &Stack, command: &Command) -> Result<Plan, String> {
    if let Command::Start(request) = command {
        let observed = look(engine, stack).await.map_err(|error| error.to_string())?;
        let stubs = Stubs::new();
        let inputs =
            Inputs { stack, observed: &observed, stubs: &stubs, cache_dir: Path::new("/nowhere/vv") };
        run(engine, stack, &images_plan(&inputs, request).unwrap()).await?;
    }
    let plan = plan(engine, stack, command).await.map_err(|error| error.to_string())?;
    run(engine, stack, &plan).await?;
    Ok(plan)
}

async fn run(engine: &MemoryEngine, stack: &Stack, plan: &Plan) -> Result<(), String> {
    let options = ExecuteOptions { timeout: Some(secs(600)), ..ExecuteOptions::new(&stack.name) };
    let engine = Arc::new(engine.clone());
    let never = CancellationToken::new();
    let result = execute(plan, engine, Arc::new(AlwaysReady), &Recorder::default(), &options, &never).await;
    result.map(drop).map_err(|error| format!("{}\n{}", Failure::from(error).error, render::text(plan)))
}

/// The states of all containers, as they should be in the end: nobody's leftovers among them.
fn states(engine: &MemoryEngine) -> Vec<String> {
    engine.states().iter().map(|(name, state)| format!("{name}: {state:?}")).collect()
}

/// Brings a machine to where the command under test begins.
type Prepare = Vec<(Stack, Command)>;

async fn prepared(stack: &Stack, before: &Prepare, seed: u64) -> MemoryEngine {
    let engine = machine(stack);
    shuffle(&engine, seed);
    for (stack, command) in before {
        carry_out(&engine, stack, command).await.unwrap();
    }
    engine.forget_calls();
    engine
}

/// Kills `command` after each of its mutating calls in turn. `then` is what follows: what the user wants is there.
async fn kill_everywhere(stack: &Stack, before: Prepare, command: Command, then: Command) -> usize {
    kill_shuffled(stack, &before, &command, &then, 1).await;
    kill_shuffled(stack, &before, &command, &then, 2).await
}

async fn kill_shuffled(
    stack: &Stack,
    before: &Prepare,
    command: &Command,
    then: &Command,
    seed: u64,
) -> usize {
    let engine = prepared(stack, before, seed).await;
    carry_out(&engine, stack, command).await.unwrap();
    let calls = engine.mutations();
    carry_out(&engine, stack, then).await.unwrap();
    let wanted = states(&engine);

    for kill in 0..=calls.len() {
        let at = format!("killed after {kill} of {calls:#?}");
        let engine = prepared(stack, before, seed).await;
        engine.die_after(kill);
        let _ = carry_out(&engine, stack, command).await;
        engine.revive();
        // Long enough for what was started to end or to become healthy by itself, or not at all.
        if kill % 2 == 0 {
            tokio::time::sleep(secs(60)).await;
        }
        let repair = carry_out(&engine, stack, then).await.unwrap_or_else(|error| panic!("{error}\n{at}"));
        assert_eq!(states(&engine), wanted, "{at}\nthen\n{}", render::text(&repair));
        // By then the engine's own verdicts are in, and nothing is left to wait for either.
        tokio::time::sleep(secs(60)).await;
        let again = plan(&engine, stack, then).await.unwrap();
        assert_eq!(render::text(&Plan { notes: Vec::new(), ..again }), "", "not converged, {at}");

        carry_out(&engine, stack, &down()).await.unwrap_or_else(|error| panic!("down: {error}\n{at}"));
        nothing_is_left(&engine, &at);

        // Down at once, without a start in between.
        let engine = prepared(stack, before, seed).await;
        engine.die_after(kill);
        let _ = carry_out(&engine, stack, command).await;
        engine.revive();
        carry_out(&engine, stack, &down()).await.unwrap_or_else(|error| panic!("down: {error}\n{at}"));
        nothing_is_left(&engine, &at);
    }
    calls.len()
}

fn nothing_is_left(engine: &MemoryEngine, at: &str) {
    let left = (states(engine), engine.networks(), engine.volumes());
    assert_eq!(left, (Vec::new(), Vec::new(), Vec::new()), "left after down, {at}");
}

#[tokio::test(start_paused = true)]
async fn a_start() {
    let calls = kill_everywhere(&shop(), Vec::new(), start(), start()).await;
    assert!(calls >= 20, "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn a_second_start_does_nothing() {
    let stack = shop();
    let engine = prepared(&stack, &vec![(stack.clone(), start())], 0).await;
    let before = states(&engine);
    carry_out(&engine, &stack, &start()).await.unwrap();
    assert_eq!(engine.mutations(), Vec::<String>::new());
    assert_eq!(states(&engine), before);
    assert!(before.contains(&format!("shop-migrate-1: {:?}", ContainerState::Exited(0))), "{before:?}");
}

#[tokio::test(start_paused = true)]
async fn a_recreate() {
    let stack = shop();
    let mut changed = shop();
    for name in ["web", "db"] {
        let service = changed.services.get_mut(name).unwrap();
        service.environment.insert("LEVEL".to_owned(), Some("debug".to_owned()));
    }
    kill_everywhere(&changed, vec![(stack, start())], start(), start()).await;
}

#[tokio::test(start_paused = true)]
async fn a_forced_recreate() {
    let stack = shop();
    let forced = Command::Start(StartRequest { force_recreate: true, ..StartRequest::default() });
    kill_everywhere(&stack, vec![(stack.clone(), start())], forced, start()).await;
}

#[tokio::test(start_paused = true)]
async fn a_scale_up_and_down() {
    let stack = shop();
    let scale = |count| {
        let scale = [("web".to_owned(), count)].into();
        let services = vec!["web".to_owned()];
        Command::Start(StartRequest { services, scale, ..StartRequest::default() })
    };
    let started = (stack.clone(), start());
    kill_everywhere(&stack, vec![started.clone()], scale(5), scale(5)).await;
    kill_everywhere(&stack, vec![started, (stack.clone(), scale(5))], scale(1), scale(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_down() {
    let stack = shop();
    let started = vec![(stack.clone(), start())];
    kill_everywhere(&stack, started.clone(), down(), start()).await;
    let keeping = Command::Down(DownRequest::default());
    kill_everywhere(&stack, started, keeping, start()).await;
}
