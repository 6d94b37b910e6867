//! A certificate's `snis`: names that are entities of their own, and written with it.

use serde_json::{Map, Value, json};

use super::{errors, schema};
use crate::kong::server::Answer;
use crate::kong::state::{Change, Entity, State};

/// Takes the names out of a body; `None` where it has none.
pub fn take_snis(kind: &str, body: &mut Entity) -> Option<Vec<String>> {
    if kind != "certificates" {
        return None;
    }
    let names = body.remove("snis")?;
    let names = names.as_array().into_iter().flatten();
    Some(names.filter_map(Value::as_str).map(str::to_owned).collect())
}

/// The names of a certificate.
pub fn snis_of(state: &State, id: &Value) -> Value {
    let snis = state.all("snis").filter(|sni| sni["certificate"]["id"] == *id);
    let mut names: Vec<&str> = snis.filter_map(|sni| sni["name"].as_str()).collect();
    names.sort_unstable();
    json!(names)
}

/// The certificate that a name belongs to.
///
/// # Errors
/// None has it.
pub fn by_sni<'a>(state: &'a State, name: &str) -> Result<&'a Entity, Answer> {
    let sni = state.all("snis").find(|sni| sni["name"] == name);
    let certificate = sni.and_then(|sni| state.referred(sni, "certificate", "certificates"));
    certificate.ok_or_else(|| Answer::message(404, "SNI not found"))
}

/// What is to be done so that a certificate has these names and no others.
///
/// # Errors
/// A name comes twice, belongs to another certificate or can't be one.
pub fn change_snis(state: &State, id: &str, names: Vec<String>) -> Result<Vec<Change>, Answer> {
    let violation = |what: Value| Err(errors::schema_violation(Map::from_iter([("snis".to_owned(), what)])));
    let mut changes = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            return violation(json!(format!("{name} is duplicated")));
        }
        match state.all("snis").find(|sni| sni["name"] == **name) {
            Some(sni) if sni["certificate"]["id"] == id => {}
            Some(sni) => {
                let other = sni["certificate"]["id"].as_str().unwrap_or_default();
                return violation(json!(format!(
                    "{name} already associated with existing certificate '{other}'"
                )));
            }
            None => {
                let mut sni = Map::new();
                sni.insert("name".to_owned(), json!(name));
                sni.insert("certificate".to_owned(), json!({"id": id}));
                schema::fill_auto("snis", &mut sni);
                schema::fill_defaults("snis", &mut sni);
                if let Err(errors) = schema::validate("snis", &sni, false) {
                    return violation(errors.get("name").cloned().unwrap_or_default());
                }
                let new = sni["id"].as_str().unwrap_or_default().to_owned();
                changes.push(Change { kind: "snis".to_owned(), id: new, entity: Some(sni) });
            }
        }
    }
    let gone = state.all("snis").filter(|sni| sni["certificate"]["id"] == id);
    for sni in gone.filter(|sni| !names.iter().any(|name| sni["name"] == **name)) {
        let id = sni["id"].as_str().unwrap_or_default().to_owned();
        changes.push(Change { kind: "snis".to_owned(), id, entity: None });
    }
    Ok(changes)
}
