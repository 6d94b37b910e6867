//! Topics on real clusters: KRaft and ZooKeeper mode, one broker and three, every kind of listener.

mod broker;
mod explore;
