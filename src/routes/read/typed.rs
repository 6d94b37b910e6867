//! Numbers and booleans that came from variables: to YAML, what `${PORT}` gave is a text.

use std::collections::HashMap;

use serde_json::Value;

use crate::routes::declaration::Declaration;
use crate::routes::gateway::Gateway;
use crate::routes::kind::Kind;
use crate::routes::schema::{Field, Holds, Schema};
use crate::stack::node;
use crate::stack::scalar;

/// Makes numbers and booleans of the texts of a declaration where the gateway's schemas want them. What isn't one stays a
/// text, for the schema to refuse.
pub fn typed(declaration: &mut Declaration, gateway: &Gateway) {
    let mut schemas: HashMap<(Kind, Option<String>), Option<Schema>> = HashMap::new();
    for entity in &mut declaration.entities {
        let name = entity.fields.get("name").and_then(Value::as_str).map(str::to_owned);
        let name = name.filter(|_| entity.kind.name() == "plugins");
        let known = schemas.entry((entity.kind.clone(), name.clone()));
        let schema = known.or_insert_with(|| Schema::in_gateway(gateway, &entity.kind, name.as_deref()));
        let Some(schema) = schema else { continue };
        for (name, value) in &mut entity.fields {
            if let Some(field) = schema.fields.get(name) {
                read(field, value);
            }
        }
    }
}

fn read(field: &Field, value: &mut Value) {
    match (&field.holds, value) {
        (holds, value @ Value::String(_)) => {
            let meant = value.as_str().map(scalar::plain);
            let number = match (holds, meant) {
                (Holds::Integer | Holds::Number, Some(node::Value::Int(number))) => Some(number.into()),
                (Holds::Integer | Holds::Number, Some(node::Value::Float(number, _))) => {
                    serde_json::Number::from_f64(number).map(Value::Number)
                }
                (Holds::Boolean, Some(node::Value::Bool(flag))) => Some(Value::Bool(flag)),
                _ => None,
            };
            if let Some(number) = number {
                *value = number;
            }
        }
        (Holds::Array(inner) | Holds::Set(inner), Value::Array(items)) => {
            items.iter_mut().for_each(|item| read(inner, item));
        }
        (Holds::Map(inner), Value::Object(map)) => map.values_mut().for_each(|value| read(inner, value)),
        (Holds::Record(record), Value::Object(map)) => {
            for (name, value) in map {
                if let Some(field) = record.fields.get(name) {
                    read(field, value);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::read::tests::declaration;
    use crate::routes::testing::empty_gateway;

    #[test]
    fn what_a_variable_gave_is_what_the_schema_wants() {
        let mut read = declaration(
            "services: [{name: a, host: h, port: '8080', enabled: 'false', retries: many, path: '5'}]\n\
             consumers: [{username: '7'}]\n\
             upstreams: [{name: u, healthchecks: {active: {healthy: {interval: '5', http_statuses: ['200', '204']}}}}]\n\
             plugins: [{name: rate-limiting, config: {minute: '100', hour: '1.5', policy: '1'}}, {name: nobody, config: {a: '1'}}]\n\
             licenses: [{payload: '5'}]\n",
        );
        typed(&mut read, &empty_gateway());
        let fields: Vec<String> = read
            .entities
            .iter()
            .map(|entity| serde_json::to_string(&entity.fields).unwrap_or_default())
            .collect();
        insta::assert_snapshot!(fields.join("\n"));
    }
}
