//! Kafka topics: what is declared, how the cluster differs from it, and how the difference is carried out.
//!
//! [`declaration`], [`cluster`] and [`plan`] are pure; effects go through [`admin::Admin`].

pub mod admin;
pub mod cluster;
pub mod declaration;
