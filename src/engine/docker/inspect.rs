//! One container, all that is known of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bollard::models::{
    ContainerInspectResponse, ContainerState as EngineState, ContainerStateStatusEnum,
    Health as EngineHealth, HealthConfig, HealthStatusEnum, ImageConfig, RestartPolicyNameEnum,
};
use tokio::sync::OnceCell;

use super::client::Client;
use super::spec_of;
use crate::engine::{ActiveHealthcheck, ContainerDetails, EngineError};
use crate::plan::observed::{ContainerState, Health};
use crate::stack::model::Test;

/// What images set, by their ID, which never changes what it names. Of many replicas that are inspected at once,
/// one asks for their image.
pub type ImageCache = Mutex<BTreeMap<String, Arc<OnceCell<ImageConfig>>>>;

/// Inspects a container.
pub async fn container(client: &Client, name: &str) -> Result<ContainerDetails, EngineError> {
    Ok(details(answer(client, name).await?, &ImageConfig::default()))
}

/// Inspects a container, and its image where `images` doesn't know it yet.
pub async fn with_image(
    client: &Client,
    images: &ImageCache,
    name: &str,
) -> Result<ContainerDetails, EngineError> {
    let answer = answer(client, name).await?;
    let image = image_config(client, images, answer.image.as_deref().unwrap_or_default()).await?;
    Ok(details(answer, &image))
}

async fn answer(client: &Client, name: &str) -> Result<ContainerInspectResponse, EngineError> {
    client.call(&format!("inspect {name}"), client.docker().inspect_container(name, None)).await
}

async fn image_config(client: &Client, images: &ImageCache, id: &str) -> Result<ImageConfig, EngineError> {
    let cell = match images.lock() {
        Ok(mut known) => Arc::clone(known.entry(id.to_owned()).or_default()),
        // Another task panicked over it: it is only a cache.
        Err(_) => Arc::default(),
    };
    let attempt = format!("inspect image {id}");
    let ask = async || match client.call(&attempt, client.docker().inspect_image(id)).await {
        Ok(image) => Ok(image.config.unwrap_or_default()),
        // Removed by force, below a container: nothing is known to be the image's.
        Err(EngineError::NotFound { .. }) => Ok(ImageConfig::default()),
        Err(error) => Err(error),
    };
    cell.get_or_try_init(ask).await.cloned()
}

fn details(answer: ContainerInspectResponse, image: &ImageConfig) -> ContainerDetails {
    let spec = spec_of::container(&answer, image);
    let state = answer.state.unwrap_or_default();
    let config = answer.config.unwrap_or_default();
    let networks = answer.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let policy = answer.host_config.and_then(|host| host.restart_policy).and_then(|policy| policy.name);
    let restarting_policy = matches!(
        policy,
        Some(
            RestartPolicyNameEnum::ALWAYS
                | RestartPolicyNameEnum::UNLESS_STOPPED
                | RestartPolicyNameEnum::ON_FAILURE
        )
    );
    let kept = |text: Option<String>| text.filter(|text| !text.is_empty());
    // The engine's zero time: it never happened.
    let happened = |time: Option<String>| kept(time).filter(|time| !time.starts_with("0001-"));
    let verdict = container_state(&state);
    ContainerDetails {
        id: answer.id.unwrap_or_default(),
        name: answer.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        state: verdict,
        oom_killed: state.oom_killed.unwrap_or_default(),
        error: kept(state.error),
        restarts: answer.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
        last_code: match verdict {
            ContainerState::Exited(_) | ContainerState::Restarting => state.exit_code,
            _ => None,
        },
        started_at: happened(state.started_at),
        finished_at: happened(state.finished_at),
        health: state.health.as_ref().filter(|_| verdict == ContainerState::Running).and_then(health),
        health_output: state.health.as_ref().and_then(last_output),
        healthcheck: config
            .healthcheck
            .as_ref()
            .and_then(|check| active(check, config.shell.clone().unwrap_or_default())),
        user: config.user.unwrap_or_default(),
        restarting_policy,
        environment: spec_of::environment(config.env.as_deref().unwrap_or_default()),
        addresses: networks
            .into_iter()
            .map(|(name, endpoint)| (name, endpoint.ip_address.unwrap_or_default()))
            .collect(),
        image_id: answer.image.unwrap_or_default(),
        execs: answer.exec_ids.unwrap_or_default(),
        spec,
        image_sets: spec_of::image(image),
    }
}

fn container_state(state: &EngineState) -> ContainerState {
    match state.status {
        Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING) => {
            ContainerState::Running
        }
        Some(ContainerStateStatusEnum::PAUSED) => ContainerState::Paused,
        Some(ContainerStateStatusEnum::RESTARTING) => ContainerState::Restarting,
        Some(ContainerStateStatusEnum::REMOVING) => ContainerState::Removing,
        Some(ContainerStateStatusEnum::EXITED) => ContainerState::Exited(state.exit_code.unwrap_or_default()),
        Some(ContainerStateStatusEnum::DEAD) => ContainerState::Dead,
        Some(ContainerStateStatusEnum::CREATED | ContainerStateStatusEnum::EMPTY) | None => {
            ContainerState::Created
        }
    }
}

fn health(health: &EngineHealth) -> Option<Health> {
    match health.status? {
        HealthStatusEnum::STARTING => Some(Health::Starting),
        HealthStatusEnum::HEALTHY => Some(Health::Healthy),
        HealthStatusEnum::UNHEALTHY => Some(Health::Unhealthy),
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => None,
    }
}

fn last_output(health: &EngineHealth) -> Option<String> {
    let output = health.log.as_ref()?.last()?.output.as_deref()?.trim();
    (!output.is_empty()).then(|| output.to_owned())
}

/// The healthcheck in force; the engine's defaults are those of
/// <https://docs.docker.com/reference/dockerfile/#healthcheck>.
fn active(check: &HealthConfig, shell: Vec<String>) -> Option<ActiveHealthcheck> {
    let test = spec_of::test(check.test.as_deref().unwrap_or_default())?;
    if test == Test::None {
        return None;
    }
    let or = |time: Option<i64>, default: Duration| match time.and_then(|time| u64::try_from(time).ok()) {
        None | Some(0) => default,
        Some(nanos) => Duration::from_nanos(nanos),
    };
    Some(ActiveHealthcheck {
        test,
        shell,
        timeout: or(check.timeout, Duration::from_secs(30)),
        interval: or(check.interval, Duration::from_secs(30)),
        retries: check.retries.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(3),
        start_period: or(check.start_period, Duration::ZERO),
    })
}

/// What the container was made of, for tests of other files.
#[cfg(test)]
pub fn details_of(json: &str, image: &ImageConfig) -> ContainerDetails {
    details(serde_json::from_str(json).unwrap(), image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_compose_made_is_understood() {
        let json = include_str!("../../../tests/fixtures/engine/compose-full.json");
        let mut details = details_of(json, &ImageConfig::default());
        details.spec = Default::default();
        insta::assert_debug_snapshot!(details, @r#"
        ContainerDetails {
            id: "cfdca0e3a30b3d33e42119439a5b4ce9ff056c89d1449fa388824a84261e443b",
            name: "shop-full-1",
            state: Created,
            oom_killed: false,
            error: Some(
                "path /srv/shop/sub is mounted on / but it is not a shared or slave mount",
            ),
            restarts: 0,
            last_code: None,
            started_at: None,
            finished_at: None,
            health: None,
            health_output: None,
            healthcheck: Some(
                ActiveHealthcheck {
                    test: Cmd(
                        [
                            "true",
                        ],
                    ),
                    shell: [],
                    timeout: 2s,
                    interval: 5s,
                    retries: 7,
                    start_period: 3s,
                },
            ),
            user: "1000:1000",
            restarting_policy: true,
            environment: {
                "A": "1",
                "B": "two words",
                "C": "",
                "PATH": "/bin",
            },
            addresses: {
                "shop_a": "",
                "shop_b": "",
            },
            image_id: "sha256:fe12fe451c1bfc31586183b81270cb405f29d6cd2df2e6b35b8a84e103ed92fb",
            execs: [],
            spec: ContainerSpec {
                image: "",
                ..
            },
            image_sets: ContainerSpec {
                image: "",
                ..
            },
        }
        "#);
    }

    #[test]
    fn a_disabled_healthcheck_is_none() {
        let json = include_str!("../../../tests/fixtures/engine/compose-sidecar.json");
        assert_eq!(details_of(json, &ImageConfig::default()).healthcheck, None);
    }

    #[test]
    fn the_engines_defaults_are_filled_in() {
        let check = HealthConfig {
            test: Some(vec!["CMD-SHELL".to_owned(), "true".to_owned()]),
            interval: Some(0),
            ..HealthConfig::default()
        };
        let active = active(&check, Vec::new()).unwrap();
        assert_eq!((active.timeout, active.retries), (Duration::from_secs(30), 3));
        assert_eq!((active.interval, active.start_period), (Duration::from_secs(30), Duration::ZERO));
    }
}
