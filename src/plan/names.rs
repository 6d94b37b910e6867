//! Names on the engine, as Compose gives them.

use crate::stack::model::Service;

/// How many characters of a container's id a temporary name starts with.
const SHORT_ID: usize = 12;

/// The name of a service's replica: `project-service-N`, or the file's `container_name`, which only replica 1 has.
pub fn container(project: &str, service: &Service, number: u32) -> String {
    match &service.container_name {
        Some(name) if number == 1 => name.clone(),
        _ => format!("{project}-{}-{number}", service.name),
    }
}

/// The name of a container that is going to replace the one with this id: `<oldid12>_<name>`.
pub fn temporary(old_id: &str, name: &str) -> String {
    format!("{}_{name}", short_id(old_id))
}

/// The replaced container's short id and the final name, when this is a temporary name.
pub fn parse_temporary(name: &str) -> Option<(&str, &str)> {
    let (id, rest) = name.split_at_checked(SHORT_ID)?;
    let rest = rest.strip_prefix('_')?;
    let hex = id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (hex && !rest.is_empty()).then_some((id, rest))
}

/// A container's id as people see it.
pub fn short_id(id: &str) -> &str {
    id.get(..SHORT_ID).unwrap_or(id)
}

/// The name of a one-off container; `slug` makes it unique.
pub fn one_off(project: &str, service: &str, slug: &str) -> String {
    format!("{project}-{service}-run-{}", short_id(slug))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_told_from_others() {
        let id = "0123456789abcdef0123456789abcdef";
        let name = temporary(id, "demo-web-1");
        assert_eq!(name, "0123456789ab_demo-web-1");
        assert_eq!(parse_temporary(&name), Some(("0123456789ab", "demo-web-1")));
        for other in ["demo-web-1", "0123456789ab", "0123456789ab_", "0123456789aX_web", "ümläut-ümläut_x"]
        {
            assert_eq!(parse_temporary(other), None, "{other}");
        }
    }

    #[test]
    fn a_fixed_name_is_the_first_replicas() {
        let mut service = Service { name: "web".into(), ..Service::default() };
        assert_eq!(container("demo", &service, 2), "demo-web-2");
        service.container_name = Some("front".into());
        assert_eq!(container("demo", &service, 1), "front");
        assert_eq!(container("demo", &service, 2), "demo-web-2");
    }
}
