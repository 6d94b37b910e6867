//! Tests of what is decided and done, against schemas of a real Kong and a stand-in for it.

mod applying;
mod hidden;
mod killed;
mod planning;
mod property;
mod pushing;
mod refusals;
mod replicas;
mod wrong;
