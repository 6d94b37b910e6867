//! What a stack declares beside containers, for the commands that apply it or look whether it holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::init_topics::on_start::Topics;
use super::setup_routes::ToldGateway;
use super::setup_routes::on_start::Routes;
use crate::engine::Engine;
use crate::engine::platform::EnginePlatform;
use crate::failure::Result;
use crate::plan::coming;
use crate::plan::declared::Comparison;
use crate::plan::observed::ObservedContainer;
use crate::plan::operation::Plan;
use crate::platform::{Platform, Replica};
use crate::probe::{Check, Level, Outcome};
use crate::run::apply::{Applier, Balancer};
use crate::stack::vv::Declared;
use crate::stack::{Service, Stack};

/// Who applies what.
pub type Appliers = BTreeMap<Declared, Arc<dyn Applier>>;

/// What a stack declares beside containers, read once.
#[derive(Clone, Default)]
pub struct Beside {
    /// Of Kafka.
    pub topics: Option<Topics>,
    /// Of Kong.
    pub routes: Option<Routes>,
    /// What couldn't be read, where that is told of a service's health.
    unreadable: Vec<Unreadable>,
}

/// Something that is declared and can't be read.
#[derive(Clone)]
struct Unreadable {
    what: Declared,
    /// Who is told of it.
    service: String,
    why: String,
}

impl Beside {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(context: &Context, stack: &Stack) -> Result<Self> {
        let (topics, routes) = (Topics::of(context, stack)?, Routes::of(context, stack)?);
        Ok(Self { topics, routes, unreadable: Vec::new() })
    }

    /// What the gateway must be told as replicas go. One that is declared wrongly keeps nobody from stopping.
    pub fn of_gateway(context: &Context, stack: &Stack) -> Self {
        Self { routes: Routes::if_readable(context, stack), ..Self::default() }
    }

    /// What is asked of these services, for their health. What is declared wrongly is a finding of its own, and keeps
    /// nobody from asking the others.
    pub fn of_services(context: &Context, stack: &Stack, services: &[&Service]) -> Self {
        let mut beside = Self::default();
        let of = |told_of: Option<&str>| services.iter().find(|it| told_of == Some(it.name.as_str()));
        if let Some(service) = of(Topics::told_of(stack)) {
            beside.topics = beside.read(Declared::Topics, service, Topics::of(context, stack));
        }
        if let Some(service) = of(Routes::told_of(stack)) {
            beside.routes = beside.read(Declared::Routes, service, Routes::of(context, stack));
        }
        beside
    }

    fn read<T>(&mut self, what: Declared, service: &Service, read: Result<Option<T>>) -> Option<T> {
        read.unwrap_or_else(|failure| {
            self.unreadable.push(Unreadable {
                what,
                service: service.name.clone(),
                why: failure.in_a_line(),
            });
            None
        })
    }

    /// The checks that are told of this service, within this time.
    pub async fn checks(
        &self,
        stack: &Stack,
        service: &Service,
        platform: &Arc<EnginePlatform>,
        limit: Duration,
    ) -> Vec<Told> {
        let name = service.name.as_str();
        if let Some(unreadable) = self.unreadable.iter().find(|it| it.service == name) {
            return vec![unreadable.told()];
        }
        if let Some(topics) = self.topics.as_ref().filter(|_| Topics::told_of(stack) == Some(name)) {
            let platform: Arc<dyn Platform> = Arc::<EnginePlatform>::clone(platform);
            return vec![topics.check(stack, name, platform, limit).await];
        }
        if let Some(routes) = self.routes.as_ref().filter(|_| Routes::told_of(stack) == Some(name)) {
            return routes.check(stack, name, platform, limit).await;
        }
        Vec::new()
    }

    /// Compares it with what the systems hold, where they can be asked; all at once.
    pub async fn compare(
        &self,
        stack: &Stack,
        engine: &Arc<dyn Engine>,
        containers: &[ObservedContainer],
    ) -> Vec<Comparison> {
        let topics = async {
            match &self.topics {
                Some(topics) => Some(topics.compare(stack, Arc::clone(engine), containers).await),
                None => None,
            }
        };
        let routes = async {
            match &self.routes {
                Some(routes) => Some(routes.compare(stack, engine, containers).await),
                None => None,
            }
        };
        let (topics, routes) = tokio::join!(topics, routes);
        topics.into_iter().chain(routes).collect()
    }

    /// Who applies it, within this time each, and who keeps the gateway's targets in step, as this plan goes on.
    pub fn appliers(
        &self,
        stack: &Stack,
        engine: &Arc<dyn Engine>,
        timeout: Duration,
        plan: &Plan,
    ) -> (Appliers, Option<Arc<dyn Balancer>>) {
        let mut appliers = Appliers::new();
        if let Some(topics) = &self.topics {
            appliers.insert(Declared::Topics, topics.applier(stack.clone(), Arc::clone(engine), timeout));
        }
        let gateway = self.routes.as_ref().map(|routes| routes.told(stack, engine, timeout, coming(plan)));
        if let Some(gateway) = &gateway {
            let applier: Arc<dyn Applier> = Arc::<ToldGateway>::clone(gateway);
            appliers.insert(Declared::Routes, applier);
        }
        (appliers, gateway.map(|gateway| gateway as Arc<dyn Balancer>))
    }
}

impl Unreadable {
    fn told(&self) -> Told {
        let check = Check {
            replica: Replica { service: self.service.clone(), number: 0 },
            name: format!("declared {}", self.what.name()),
            level: Level::Deep,
            outcome: Outcome::Fail,
            detail: self.why.clone(),
            hint: None,
            took: Duration::ZERO,
        };
        Told { check, answered: true }
    }
}

/// A check of what is declared.
pub struct Told {
    /// The check.
    pub check: Check,
    /// A system told what it holds.
    pub answered: bool,
}

impl Told {
    /// The check; taken back where nobody answered and the service isn't ready: it can only repeat that. Where another
    /// replica has answered, it says more.
    pub fn unless_broken(self, of_service: &[Check]) -> Check {
        let Told { check, answered } = self;
        let is_broken = |other: &&Check| other.outcome == Outcome::Fail && other.level <= Level::Protocol;
        match of_service.iter().find(|other| !answered && is_broken(other)) {
            Some(lower) => Check {
                outcome: Outcome::Skipped,
                detail: format!("not asked: {} failed", lower.name),
                hint: None,
                ..check
            },
            None => check,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_that_are_down_are_told_once() {
        let check = |name: &str, level, outcome| Check {
            replica: Replica { service: "kafka".into(), number: 0 },
            name: name.into(),
            level,
            outcome,
            detail: "no answer".into(),
            hint: Some("vv logs kafka".into()),
            took: Duration::ZERO,
        };
        let topics = check("declared topics", Level::Deep, Outcome::Fail);
        let broken = [check("metadata", Level::Protocol, Outcome::Fail)];
        let told = |answered| Told { check: topics.clone(), answered };
        let skipped = told(false).unless_broken(&broken);
        assert_eq!(
            (skipped.outcome, skipped.detail.as_str()),
            (Outcome::Skipped, "not asked: metadata failed")
        );
        assert_eq!(told(true).unless_broken(&broken), topics, "another broker answered");
        assert_eq!(told(false).unless_broken(&[check("produce", Level::Deep, Outcome::Fail)]), topics);
    }
}
