//! A stack, an engine, and the proofs that every plan has to stand.

use std::path::Path;

use super::build::settle;
use super::world::{Order, World};
use crate::plan::observed::{ContainerState, ObservedContainer};
use crate::plan::operation::Plan;
use crate::plan::{
    DownRequest, Inputs, PlanError, StartRequest, Stubs, down_plan, labels, names, render, start_plan,
};
use crate::stack::Stack;
use crate::stack::model::Service;

/// A stack and what is on the engine.
#[derive(Clone)]
pub struct Situation {
    /// What is desired.
    pub stack: Stack,
    /// What is there.
    pub world: World,
    /// The stand-ins.
    pub stubs: Stubs,
}

const ORDERS: [Order; 2] = [Order::Forwards, Order::Backwards];

impl Situation {
    /// Nothing runs; the images are there.
    pub fn new(stack: Stack) -> Self {
        let images: Vec<String> = stack.services.values().map(|service| service.image.clone()).collect();
        Self { world: World::new(images), stack, stubs: Stubs::new() }
    }

    /// Everything runs.
    pub fn running(stack: Stack) -> Self {
        let mut situation = Self::new(stack);
        situation.go();
        situation
    }

    /// Starts everything.
    pub fn go(&mut self) {
        self.go_with(&StartRequest::default());
    }

    /// Carries a request out.
    pub fn go_with(&mut self, request: &StartRequest) {
        let plan = self.plan(request).unwrap();
        self.world.run(&plan, Order::Forwards, usize::MAX).unwrap();
    }

    /// Changes a service; images that it names newly are there.
    pub fn change(&mut self, name: &str, change: impl FnOnce(&mut Service)) -> &mut Self {
        let service = self.stack.services.get_mut(name).unwrap();
        change(service);
        let image = service.image.clone();
        if crate::plan::images::current_id(&self.world.observed, &image).is_none() {
            self.world.add_image(&image);
        }
        settle(&mut self.stack);
        self
    }

    /// Changes a container.
    pub fn container(&mut self, name: &str, change: impl FnOnce(&mut ObservedContainer)) -> &mut Self {
        change(self.world.find_mut(name).unwrap());
        self
    }

    /// Sets a container's state; one that isn't up has no health and no ports.
    pub fn state(&mut self, name: &str, state: ContainerState) -> &mut Self {
        self.container(name, |container| {
            container.state = state;
            if !state.is_up() {
                container.health = None;
                container.ports.clear();
            }
        })
    }

    /// Somebody removes a container.
    pub fn lose(&mut self, name: &str) -> &mut Self {
        self.world.find(name).unwrap();
        self.world.observed.containers.retain(|container| container.name != name);
        self
    }

    /// What planning is given.
    pub fn inputs(&self) -> Inputs<'_> {
        Inputs {
            stack: &self.stack,
            observed: &self.world.observed,
            stubs: &self.stubs,
            cache_dir: Path::new("/cache/vv"),
        }
    }

    /// The plan, unproven.
    pub fn plan(&self, request: &StartRequest) -> Result<Plan, PlanError> {
        start_plan(&self.inputs(), request)
    }

    /// The plan of a plain start, shown and proven.
    pub fn start(&self) -> String {
        self.start_with(|_| {})
    }

    /// The plan of a start, shown and proven.
    pub fn start_with(&self, ask: impl FnOnce(&mut StartRequest)) -> String {
        let mut request = StartRequest::default();
        ask(&mut request);
        let plan = self.plan(&request).unwrap_or_else(|error| panic!("{error} {:?}", error.hints));
        for (id, operation) in plan.operations.iter().enumerate() {
            assert!(operation.after.iter().all(|before| *before < id), "{id} comes after a later one");
        }
        // What was forced once is done; everything else has to hold the second time too.
        let again = StartRequest { force_recreate: false, declared: Vec::new(), ..request };
        for order in ORDERS {
            for cut in 0..=plan.operations.len() {
                self.prove(&plan, order, cut, &again);
            }
        }
        render::text(&plan)
    }

    /// Carries out the plan's first `cut` operations: then a start converges and changes nothing the next time, and
    /// a down leaves nothing.
    fn prove(&self, plan: &Plan, order: Order, cut: usize, again: &StartRequest) {
        let at = |error: String| format!("cut after {cut} of {order:?}: {error}\n{}", render::text(plan));
        let mut after = self.clone();
        after.world.run(plan, order, cut).map_err(at).unwrap();
        after.prove_down();
        let repair = after.plan(again).map_err(|error| at(error.to_string())).unwrap();
        if cut == plan.operations.len() {
            assert_eq!(render::text(&Plan { notes: vec![], ..repair }), "", "{}", at("not converged".into()));
        } else {
            for order in ORDERS {
                let mut repaired = after.clone();
                let show = |error: String| format!("{}\nthen\n{}", at(error), render::text(&repair));
                repaired.world.run(&repair, order, usize::MAX).map_err(show).unwrap();
                let third = repaired.plan(again).unwrap();
                let third = render::text(&Plan { notes: vec![], ..third });
                assert_eq!(third, "", "{}", show("not converged".into()));
                if !again.services.is_empty() {
                    // What wasn't asked for again may need a start of its own.
                    repaired.go();
                }
                repaired.prove_tidy(again, &show);
            }
            return;
        }
        after.prove_tidy(again, &|error| at(error));
        after.prove_down();
    }

    /// No leftovers, nothing lost, namespaces are of containers that are there.
    fn prove_tidy(&self, request: &StartRequest, show: &dyn Fn(String) -> String) {
        for container in &self.world.observed.containers {
            let name = &container.name;
            assert!(names::parse_temporary(name).is_none(), "{}", show(format!("{name} is a leftover")));
            let left = container.state == ContainerState::Created && !container.oneoff;
            assert!(!left, "{}", show(format!("{name} was never started")));
            if !container.state.is_up() {
                continue;
            }
            if let Some(parent) = container.network_mode.strip_prefix("container:") {
                let parent = self.world.find(parent).map_err(show).unwrap();
                let (own, other) = (&self.world.started[name], &self.world.started[&parent.name]);
                assert!(own > other, "{}", show(format!("{name} is in a dead namespace")));
            }
        }
        if request.remove_orphans {
            let known = |c: &ObservedContainer| self.stack.services.contains_key(&c.service);
            assert!(self.world.observed.containers.iter().all(known), "{}", show("orphans".into()));
        }
    }

    /// A down with everything leaves nothing of the project.
    fn prove_down(&self) {
        let request = DownRequest { volumes: true, remove_orphans: true, timeout: None };
        let plan = down_plan(&self.inputs(), &request);
        for order in ORDERS {
            let mut world = self.world.clone();
            world
                .run(&plan, order, usize::MAX)
                .unwrap_or_else(|error| panic!("{error}\n{}", render::text(&plan)));
            let observed = &world.observed;
            let left: Vec<_> = observed.containers.iter().map(|container| &container.name).collect();
            assert!(left.is_empty(), "left after down: {left:?}");
            let ours = |of: &std::collections::BTreeMap<String, String>| of.contains_key(labels::PROJECT);
            assert!(!observed.networks.iter().any(|network| ours(&network.labels)), "a network is left");
            let left: Vec<_> =
                observed.volumes.iter().filter(|v| ours(&v.labels) || v.name.len() == 64).collect();
            assert!(left.is_empty(), "left after down: {left:?}\n{}", render::text(&plan));
        }
    }
}
