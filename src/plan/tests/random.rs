//! Stacks and mishaps that nobody thought of, the same ones at every run.

use super::build::{Fluent, port, service, stack};
use super::situation::Situation;
use super::world::Order;
use crate::plan::StartRequest;
use crate::plan::observed::{ContainerState, Health};
use crate::stack::Stack;
use crate::stack::model::{Condition, Service};

/// Numbers that look random (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

fn some_service(dice: &mut Dice, number: u16) -> Service {
    let mut own = service(&format!("s{number}")).healthy();
    let mut jobs = Vec::new();
    for other in 0..number {
        let name = format!("s{other}");
        match dice.roll(6) {
            0 => own = own.needs(&name, Condition::ServiceHealthy),
            1 => own = own.depends(&name, Condition::ServiceHealthy, true, true),
            2 => own = own.depends(&name, Condition::ServiceStarted, dice.one_in(2), dice.one_in(2)),
            3 if dice.one_in(3) => jobs.push(name),
            _ => {}
        }
    }
    for job in jobs {
        own = own.needs(&job, Condition::ServiceCompletedSuccessfully);
    }
    if number > 0 && dice.one_in(5) {
        return own.inside(&format!("s{}", dice.roll(number.into())));
    }
    if dice.one_in(3) {
        own = own.publish(9000 + number, 80);
    }
    if dice.one_in(4) {
        own = own.on("front");
    }
    if dice.one_in(4) {
        own = own.volume("data", "/data");
    }
    if dice.one_in(4) {
        own = own.config("conf", "/etc/conf", "x");
    }
    own.replicas(if dice.one_in(3) { 2 } else { 1 })
}

fn some_stack(dice: &mut Dice) -> Stack {
    let count = 2 + dice.roll(4) as u16;
    let mut stack = stack((0..count).map(|number| some_service(dice, number)));
    // A job's namespace ends with it, and a job is healthy for nobody.
    let jobs: Vec<String> = stack
        .services
        .values()
        .flat_map(|service| service.depends_on.iter())
        .filter(|(_, dependency)| dependency.condition == Condition::ServiceCompletedSuccessfully)
        .map(|(name, _)| name.clone())
        .collect();
    for service in stack.services.values_mut() {
        for (name, dependency) in &mut service.depends_on {
            if jobs.contains(name) {
                dependency.condition = Condition::ServiceCompletedSuccessfully;
            }
        }
        let parent = super::super::graph::namespace_parents(service).next().map(str::to_owned);
        if parent.is_some_and(|parent| jobs.contains(&parent)) {
            service.network_mode = None;
            service.networks.insert("default".into(), Default::default());
        }
    }
    super::build::settle(&mut stack);
    stack
}

/// Something happens to the stack or on the engine.
fn mishap(dice: &mut Dice, situation: &mut Situation) {
    let names: Vec<String> = situation.stack.services.keys().cloned().collect();
    let name = names[dice.roll(names.len() as u64) as usize].clone();
    let containers: Vec<String> =
        situation.world.observed.containers.iter().map(|c| c.name.clone()).collect();
    let container =
        (!containers.is_empty()).then(|| containers[dice.roll(containers.len() as u64) as usize].clone());
    match (dice.roll(9), container) {
        (0, _) => {
            let level = dice.roll(1000).to_string();
            situation.change(&name, |service| {
                service.environment.insert("LEVEL".into(), Some(level));
            });
        }
        (1, _) => situation.world.add_image(&format!("{name}:1")),
        (2, _) => {
            let (replicas, number) = (1 + dice.roll(3) as u32, 9000 + dice.roll(6) as u16);
            situation.change(&name, |service| {
                service.replicas = replicas;
                if service.network_mode.is_none() {
                    service.ports = vec![port(Some((number, number)), 80)];
                }
            });
        }
        (3, Some(container)) => {
            situation.lose(&container);
        }
        (4, Some(container)) => {
            situation.state(&container, ContainerState::Exited(dice.roll(2) as i64));
        }
        (5, Some(container)) => {
            situation.container(&container, |container| {
                if container.state.is_up() {
                    container.health = Some(Health::Unhealthy);
                }
            });
        }
        (6, Some(container)) => {
            let state = if dice.one_in(2) { ContainerState::Created } else { ContainerState::Dead };
            situation.state(&container, state);
        }
        (7, Some(container)) => {
            situation.container(&container, |container| {
                if container.state == ContainerState::Running {
                    container.state = ContainerState::Paused;
                }
            });
        }
        _ => {
            // A start that is cut off.
            let plan = situation.plan(&StartRequest::default()).unwrap();
            let cut = dice.roll(plan.operations.len() as u64 + 1) as usize;
            situation.world.run(&plan, Order::Backwards, cut).unwrap();
        }
    }
}

#[test]
fn whatever_happens_it_converges() {
    for seed in 0..20 {
        let shown = std::panic::catch_unwind(|| {
            let mut dice = Dice(seed);
            let mut stack = some_stack(&mut dice);
            // Two services can't have one port.
            let mut taken = Vec::new();
            for service in stack.services.values_mut() {
                service.ports.retain(|port| !taken.contains(port));
                taken.extend(service.ports.iter().cloned());
            }
            let mut situation = Situation::running(stack);
            for _ in 0..1 + dice.roll(4) {
                mishap(&mut dice, &mut situation);
            }
            let mut taken = Vec::new();
            for service in situation.stack.services.values_mut() {
                service.ports.retain(|port| !taken.contains(port));
                taken.extend(service.ports.iter().cloned());
            }
            situation.start();
            if dice.one_in(3) {
                situation.start_with(|request| request.force_recreate = true);
            }
        });
        assert!(shown.is_ok(), "seed {seed}");
    }
}
