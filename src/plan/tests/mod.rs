//! Every situation is proven as well as shown: the plan is carried out in two orders, and cut off after each
//! operation; each time the next start converges, and the next down leaves nothing. See `situation`.

#![allow(clippy::unwrap_used)]

mod adoption;
mod build;
mod changes;
mod damage;
mod declared;
mod dependencies;
mod files;
mod first_start;
mod lifecycle;
mod optional;
mod random;
mod requests;
mod scaling;
mod situation;
mod targets;
mod world;
