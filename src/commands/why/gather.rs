//! Gathers what an explanation is made from: of the service, and of all that it waits for or talks to. Everything is
//! asked at once, and nothing is waited for longer than its limit.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::join;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::commands::doctor::preflight::foreseen;
use crate::doctor::{Finding, Severity, refusal};
use crate::engine::docker::taken_port;
use crate::engine::platform::{EnginePlatform, detailed, last_logs};
use crate::engine::{ContainerDetails, Engine, EngineError};
use crate::failure::{Failure, Kind, Result};
use crate::plan::observed::{ContainerState, Observed, ObservedContainer};
use crate::plan::{Inputs, StartRequest, Stubs, preview_plan};
use crate::platform::{Platform, ReplicaState};
use crate::probe::{self, Level, ProbeFailure, Secrets, check_service, protocol};
use crate::run::ports::who_has;
use crate::stack::files::{Disk, Files};
use crate::stack::model::PullPolicy;
use crate::stack::{Service, Stack, is_remote};
use crate::why::facts::{Facts, Refusal, ReplicaFacts, ServiceFacts};
use crate::why::{Login, links, logins};

/// How long any question may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How many of a container's last lines are read.
const LINES: usize = 60;

/// What is known of the service and of all that it needs.
pub async fn facts(
    engine: Arc<dyn Engine>,
    stack: &Stack,
    stubs: &Stubs,
    service: &Service,
) -> Result<Facts> {
    let platform = match timeout(LIMIT * 2, EnginePlatform::of(Arc::clone(&engine), &stack.name)).await {
        Ok(platform) => platform?,
        Err(_) => {
            let late = format!("the engine doesn't answer within {} s", LIMIT.as_secs() * 2);
            return Err(Failure::new(Kind::Failed, late).hint("is it overloaded? docker ps"));
        }
    };
    let environments = Mutex::default();
    let asker = Asker {
        engine: engine.as_ref(),
        stack,
        stubs,
        platform: &platform,
        environments: &environments,
        observed: OnceCell::new(),
    };
    let needed = needed(stack, service);
    let each = needed.iter().map(async |service| (service.name.clone(), asker.service(service).await));
    let mut facts: Facts = join_all(each).await.into_iter().collect();
    let environments = environments.into_inner().unwrap_or_else(PoisonError::into_inner);
    let secrets = Secrets::with(stack, &environments);
    for service in facts.values_mut() {
        scrub(service, &secrets);
    }
    Ok(facts)
}

/// The service, and all on the ways from it, each once.
fn needed<'a>(stack: &'a Stack, service: &'a Service) -> Vec<&'a Service> {
    let mut needed = vec![service];
    let mut next = 0;
    while let Some(service) = needed.get(next).copied() {
        next += 1;
        let linked = links(stack, service).into_iter().map(|(_, name)| name);
        for name in service.depends_on.keys().cloned().chain(linked) {
            if let Some(other) = stack.services.get(&name)
                && !needed.iter().any(|known| known.name == other.name)
            {
                needed.push(other);
            }
        }
    }
    needed
}

struct Asker<'a> {
    engine: &'a dyn Engine,
    stack: &'a Stack,
    stubs: &'a Stubs,
    platform: &'a EnginePlatform,
    /// Those of the containers that were looked at: they may be older than the stack.
    environments: &'a Mutex<Vec<BTreeMap<String, String>>>,
    /// All that the engine has of the project, looked at only for services that have no container.
    observed: OnceCell<Option<Observed>>,
}

impl Asker<'_> {
    async fn service(&self, service: &Service) -> ServiceFacts {
        let containers: Vec<&ObservedContainer> =
            self.platform.containers().iter().filter(|container| container.service == service.name).collect();
        let replicas = containers.iter().map(|container| self.replica(container));
        let unmade = containers.is_empty() && service.replicas > 0;
        let missing = async { if unmade { self.image_missing(service).await } else { None } };
        let prevented = async { if unmade { self.prevented(service).await } else { None } };
        let logins = logins(self.stack, service);
        let (replicas, checks, image_missing, prevented, refused) = join!(
            join_all(replicas),
            check_service(self.stack, service, self.platform, Level::Deep, LIMIT),
            missing,
            prevented,
            join_all(logins.iter().map(|login| self.login(login))),
        );
        let refused = refused.into_iter().flatten().collect();
        ServiceFacts { replicas, checks, image_missing, prevented, refused }
    }

    async fn replica(&self, container: &ObservedContainer) -> ReplicaFacts {
        let (details, logs) = join!(
            timeout(LIMIT, self.engine.inspect(&container.id)),
            timeout(LIMIT, last_logs(self.engine, &container.id, LINES)),
        );
        let details: Option<ContainerDetails> = details.ok().and_then(|details| details.ok());
        if let Some(details) = &details {
            let mut environments = self.environments.lock().unwrap_or_else(PoisonError::into_inner);
            environments.push(details.environment.clone());
        }
        let oom = details.as_ref().is_some_and(|details| details.oom_killed);
        let status = detailed(self.engine, container, details.as_ref()).await;
        let error = details.as_ref().and_then(|details| details.error.clone());
        let port = match error
            .as_deref()
            .filter(|_| container.state == ContainerState::Created)
            .and_then(taken_port)
        {
            Some(port) => {
                let holder = timeout(LIMIT, who_has(self.engine, &port)).await.ok().flatten();
                Some((port, holder.map(|holder| holder.to_string())))
            }
            None => None,
        };
        ReplicaFacts {
            last_code: status.last_end.code,
            status,
            oom,
            error,
            port,
            health_output: details.and_then(|details| details.health_output),
            logs: logs.ok().and_then(|logs| logs.ok()).unwrap_or_default(),
        }
    }

    /// What would make a start of this service alone fail: what planning refuses, and what a start foresees.
    async fn prevented(&self, service: &Service) -> Option<Finding> {
        let observe = async || timeout(LIMIT, self.engine.observe(&self.stack.name)).await.ok()?.ok();
        let observed = self.observed.get_or_init(observe).await.as_ref()?;
        // Nothing is carried out, so no copies are kept.
        let inputs = Inputs { stack: self.stack, observed, stubs: self.stubs, cache_dir: Path::new("/") };
        let services = vec![service.name.clone()];
        let request = StartRequest { services, no_deps: true, no_wait: true, ..StartRequest::default() };
        let findings = match preview_plan(&inputs, &request) {
            Ok(plan) => timeout(LIMIT, foreseen(self.stack, observed, self.engine, &plan)).await.ok()?,
            Err(error) => vec![refusal(error)],
        };
        findings.into_iter().find(|finding| finding.severity == Severity::Fail)
    }

    /// Why the image of a service without a container can't be had; nothing where it can, or that isn't known.
    async fn image_missing(&self, service: &Service) -> Option<String> {
        if self.stubs.contains_key(&service.name) {
            return None;
        }
        let image = &service.image;
        let here = timeout(LIMIT, self.engine.image_id(image)).await.ok()?.ok()?;
        if here.is_some() {
            return None;
        }
        let built = |other: &&Service| other.build.is_some() && other.image == *image;
        let builder =
            service.build.as_ref().or_else(|| self.stack.services.values().find(built)?.build.as_ref());
        if let Some(build) = builder {
            let missing = !is_remote(&build.context) && !Disk.is_dir(&build.context);
            return missing.then(|| {
                format!("its image isn't here, nor is the build context {}", build.context.display())
            });
        }
        if service.pull_policy == PullPolicy::Never {
            return Some(format!("its image {image} isn't here, and its pull_policy is never"));
        }
        match timeout(LIMIT, self.engine.registry_platforms(image)).await.ok()? {
            Err(EngineError::NotFound { message, .. } | EngineError::Refused { message, .. }) => {
                Some(format!("its image {image} isn't here and can't be pulled: {message}"))
            }
            _ => None,
        }
    }

    /// Tries a login that a service is going to use; something where it is refused for good.
    async fn login(&self, login: &Login) -> Option<Refusal> {
        let backend = self.stack.services.get(&login.to)?;
        let replicas = timeout(LIMIT, self.platform.replicas(&login.to)).await.ok()?.ok()?;
        let status = replicas.into_iter().find(|status| status.state == ReplicaState::Running)?;
        if status.stub {
            return None;
        }
        let asked = as_client(backend, login);
        let refusal = protocol(self.stack, &asked, self.platform, &status, LIMIT).await.err()?;
        let ProbeFailure { detail, hint, lasting: true, .. } = refusal else { return None };
        Some(Refusal {
            variable: login.variable.clone(),
            by: login.to.clone(),
            password: detail.contains("password") || detail.contains("the login"),
            detail: detail.replace("the stack's password", "its password"),
            hint,
            as_declared: is_declared(backend, login),
        })
    }
}

/// The backend as this client takes it to be: with the login that it is going to use.
fn as_client(backend: &Service, login: &Login) -> Service {
    let mut service = backend.clone();
    // What else tells of a login mustn't win.
    service.command = None;
    service.entrypoint = None;
    service.files.clear();
    service
        .environment
        .retain(|name, _| !["POSTGRES", "RABBITMQ_", "REDIS_"].iter().any(|prefix| name.starts_with(prefix)));
    let mut set = |name: &str, value: Option<&String>| {
        if let Some(value) = value {
            service.environment.insert(name.to_owned(), Some(value.clone()));
        }
    };
    match login.kind {
        probe::Kind::Postgres => {
            set("POSTGRES_USER", login.user.as_ref());
            set("POSTGRES_PASSWORD", Some(&login.password));
            set("POSTGRES_DB", login.database.as_ref());
        }
        probe::Kind::Rabbitmq => {
            set("RABBITMQ_DEFAULT_USER", login.user.as_ref());
            set("RABBITMQ_DEFAULT_PASS", Some(&login.password));
            set("RABBITMQ_DEFAULT_VHOST", login.database.as_ref());
        }
        _ => set("REDIS_PASSWORD", Some(&login.password)),
    }
    service
}

/// Whether the stack gives the backend the same user and password.
fn is_declared(backend: &Service, login: &Login) -> bool {
    let value = |names: &[&str]| {
        names.iter().find_map(|name| backend.environment.get(*name)?.as_ref()).map(String::as_str)
    };
    let (user, password, usual) = match login.kind {
        probe::Kind::Postgres => (
            value(&["POSTGRES_USER", "POSTGRESQL_USERNAME"]),
            value(&["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"]),
            "postgres",
        ),
        probe::Kind::Rabbitmq => (
            value(&["RABBITMQ_DEFAULT_USER", "RABBITMQ_USERNAME"]),
            value(&["RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD"]),
            "guest",
        ),
        _ => (None, value(&["REDIS_PASSWORD"]), ""),
    };
    password == Some(login.password.as_str())
        && user.unwrap_or(usual) == login.user.as_deref().unwrap_or(usual)
}

/// Blots the secrets of all services out of everything that is shown of one.
fn scrub(facts: &mut ServiceFacts, secrets: &Secrets) {
    let clean = |text: &mut String| *text = secrets.scrub(std::mem::take(text));
    for replica in &mut facts.replicas {
        replica.logs = secrets.scrub_lines(&replica.logs);
        replica.error.iter_mut().for_each(clean);
        replica.health_output.iter_mut().for_each(clean);
    }
    for check in &mut facts.checks {
        clean(&mut check.detail);
        check.hint = check.hint.take().map(|hint| secrets.blot(hint));
    }
    facts.image_missing.iter_mut().for_each(clean);
    if let Some(finding) = &mut facts.prevented {
        clean(&mut finding.seen);
        finding.fix = finding.fix.take().map(|fix| secrets.blot(fix));
    }
    for refusal in &mut facts.refused {
        clean(&mut refusal.detail);
        refusal.hint = refusal.hint.take().map(|hint| secrets.blot(hint));
    }
}
