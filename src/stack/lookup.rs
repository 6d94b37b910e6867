//! What commands ask of a stack.

use std::fmt;

use super::model::{Service, Stack};
use crate::failure::nearest;

/// A name that no service of the stack has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownService {
    /// The name.
    pub name: String,
    /// The one that was probably meant.
    pub nearest: Option<String>,
    /// The profiles that would switch it on, when it is there and kept out.
    pub profiles: Vec<String>,
}

impl fmt::Display for UnknownService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.profiles.is_empty() {
            let profiles = self.profiles.join(", ");
            return write!(f, "the service '{}' is only there with the profile {profiles}", self.name);
        }
        write!(f, "there is no service '{}' in this stack", self.name)?;
        match &self.nearest {
            Some(near) => write!(f, "; did you mean '{near}'?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownService {}

/// A group that no service of the stack is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownGroup {
    /// The name.
    pub name: String,
    /// The groups there are.
    pub groups: Vec<String>,
}

impl fmt::Display for UnknownGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no group '{}' in this stack; ", self.name)?;
        match self.groups.is_empty() {
            true => f.write_str("it has no groups"),
            false => write!(f, "its groups are {}", self.groups.join(", ")),
        }
    }
}

impl std::error::Error for UnknownGroup {}

impl Stack {
    /// The active service of this name, or what was probably meant.
    pub fn service_or_hint(&self, name: &str) -> Result<&Service, UnknownService> {
        self.services.get(name).ok_or_else(|| UnknownService {
            name: name.to_owned(),
            nearest: nearest(name, self.services.keys().map(String::as_str)).map(str::to_owned),
            profiles: self.inactive.get(name).map(|service| service.profiles.clone()).unwrap_or_default(),
        })
    }

    /// The groups of the active services, in the order of the file.
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for group in self.services.values().filter_map(|service| service.vv.group.as_deref()) {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }

    /// The active services of a group, in the order of the file.
    pub fn services_in_group(&self, group: &str) -> Result<Vec<&Service>, UnknownGroup> {
        let members: Vec<&Service> =
            self.services.values().filter(|service| service.vv.group.as_deref() == Some(group)).collect();
        if members.is_empty() {
            let groups = self.groups().into_iter().map(str::to_owned).collect();
            return Err(UnknownGroup { name: group.to_owned(), groups });
        }
        Ok(members)
    }
}

impl Service {
    /// What people call it: `x-vv.title`, else its name.
    pub fn title(&self) -> &str {
        self.vv.title.as_deref().unwrap_or(&self.name)
    }
}
