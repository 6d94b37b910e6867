//! Declared volumes.

use super::decode::{At, Keys};
use super::model::Volume;
use super::networks::external;

const VOLUME: Keys = Keys::compose(&["name", "external", "driver", "driver_opts", "labels"]);

/// A declared volume, under the name that it has on the engine.
pub fn read(key: &str, at: &At<'_>, project: &str) -> Volume {
    let default_name = format!("{project}_{key}");
    let Some(fields) = at.fields(VOLUME) else { return Volume { name: default_name, ..Volume::default() } };
    let (external, name) = external(&fields, key, default_name);
    let volume = Volume {
        name,
        external,
        driver: fields.string("driver"),
        driver_opts: fields.get("driver_opts").map(|at| at.options()).unwrap_or_default(),
        labels: fields.get("labels").map(|at| at.labels()).unwrap_or_default(),
    };
    if external && (volume.driver.is_some() || !volume.driver_opts.is_empty()) {
        at.problem("an external volume is made elsewhere: 'driver' and 'driver_opts' have no place here");
    }
    volume
}
