//! Admin requests through librdkafka: each sends all of its topics at once, waits, and hands on what the broker says of
//! each.
#![allow(unsafe_code, reason = "librdkafka is a C library; each block says why it is sound")]

use std::ffi::c_int;
use std::ptr;
use std::time::Duration;

use rd::rd_kafka_admin_op_t as Op;
use rdkafka::bindings as rd;

use super::{Client, Message, Owned, Said, all_of, c_text, event_code, millis, refused, text};

/// `DYNAMIC_TOPIC_CONFIG`: set on the topic itself.
const OF_TOPIC: c_int = 1;

/// A setting as DescribeConfigs tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::topics::kafka) struct Entry {
    pub name: String,
    pub value: Option<String>,
    /// It is set on the topic itself.
    pub of_topic: bool,
}

/// A topic to be made; -1 stands for the broker's default.
pub(in crate::topics::kafka) struct Create<'a> {
    pub name: &'a str,
    pub partitions: i32,
    pub replicas: i32,
    pub config: Vec<(&'a str, &'a str)>,
}

/// A topic's settings to be changed; no value takes the setting away.
pub(in crate::topics::kafka) struct Alter<'a> {
    pub name: &'a str,
    pub config: Vec<(&'a str, Option<&'a str>)>,
}

unsafe extern "C" {
    // Numbers instead of the bindings' enums, as in the module above.
    #[link_name = "rd_kafka_topic_result_error"]
    fn topic_result_code(result: *const rd::rd_kafka_topic_result_t) -> c_int;
    #[link_name = "rd_kafka_ConfigResource_error"]
    fn resource_code(resource: *const rd::rd_kafka_ConfigResource_t) -> c_int;
    #[link_name = "rd_kafka_ConfigEntry_source"]
    fn entry_source(entry: *const rd::rd_kafka_ConfigEntry_t) -> c_int;
}

/// What is said of each topic.
type Results = Vec<(String, Said)>;

/// A function that sends a request.
type Send<T> = unsafe extern "C" fn(
    *mut rd::rd_kafka_t,
    *mut *mut T,
    usize,
    *const rd::rd_kafka_AdminOptions_t,
    *mut rd::rd_kafka_queue_t,
);

/// The parts of a request, and those that librdkafka refuses to make: one topic's fault isn't the others'.
struct Made<T> {
    good: Vec<Owned<T>>,
    refused: Results,
}

impl<T> Made<T> {
    fn of<'a>(all: impl Iterator<Item = (&'a str, Result<Owned<T>, Said>)>) -> Self {
        let mut made = Self { good: Vec::new(), refused: Vec::new() };
        for (name, part) in all {
            match part {
                Ok(part) => made.good.push(part),
                Err(said) => made.refused.push((name.to_owned(), said)),
            }
        }
        made
    }
}

impl Client {
    /// Makes topics; what is said of each.
    pub fn create(&self, topics: &[Create<'_>], patience: Duration) -> Result<Results, Said> {
        let make = |topic: &Create<'_>| {
            let mut said = Message::new();
            let name = c_text(topic.name)?;
            // SAFETY: the strings outlive the calls, which copy them; the message has the size that is told.
            unsafe {
                let (at, size) = (said.buffer(), said.size());
                let new =
                    rd::rd_kafka_NewTopic_new(name.as_ptr(), topic.partitions, topic.replicas, at, size);
                let new = Owned::new(new, rd::rd_kafka_NewTopic_destroy).ok_or_else(|| said.refused())?;
                for (name, value) in &topic.config {
                    let (name, value) = (c_text(name)?, c_text(value)?);
                    rd::rd_kafka_NewTopic_set_config(new.get(), name.as_ptr(), value.as_ptr());
                }
                Ok(new)
            }
        };
        let made = Made::of(topics.iter().map(|topic| (topic.name, make(topic))));
        // SAFETY: see `ask`; the results are read while their event lives.
        self.ask_each(
            Op::RD_KAFKA_ADMIN_OP_CREATETOPICS,
            patience,
            made,
            rd::rd_kafka_CreateTopics,
            |event| unsafe {
                let mut count = 0;
                let result = rd::rd_kafka_event_CreateTopics_result(event);
                topic_results(rd::rd_kafka_CreateTopics_result_topics(result, &raw mut count), count)
            },
        )
    }

    /// Brings topics to so many partitions in total; what is said of each.
    pub fn grow(&self, topics: &[(&str, u32)], patience: Duration) -> Result<Results, Said> {
        let make = |name: &str, count: u32| {
            let (mut said, name) = (Message::new(), c_text(name)?);
            // SAFETY: the name outlives the call, which copies it; the message has the size that is told.
            let new = unsafe {
                rd::rd_kafka_NewPartitions_new(name.as_ptr(), count as usize, said.buffer(), said.size())
            };
            Owned::new(new, rd::rd_kafka_NewPartitions_destroy).ok_or_else(|| said.refused())
        };
        let made = Made::of(topics.iter().map(|(name, count)| (*name, make(name, *count))));
        let op = Op::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS;
        // SAFETY: see `ask`; the results are read while their event lives.
        self.ask_each(op, patience, made, rd::rd_kafka_CreatePartitions, |event| unsafe {
            let mut count = 0;
            let result = rd::rd_kafka_event_CreatePartitions_result(event);
            topic_results(rd::rd_kafka_CreatePartitions_result_topics(result, &raw mut count), count)
        })
    }

    /// Deletes topics; what is said of each.
    pub fn delete(&self, topics: &[&str], patience: Duration) -> Result<Results, Said> {
        let make = |name: &str| {
            let name = c_text(name)?;
            // SAFETY: the name outlives the call, which copies it.
            let delete = unsafe { rd::rd_kafka_DeleteTopic_new(name.as_ptr()) };
            Ok(Owned::new(delete, rd::rd_kafka_DeleteTopic_destroy).expect("it only allocates"))
        };
        let made = Made::of(topics.iter().map(|name| (*name, make(name))));
        // SAFETY: see `ask`; the results are read while their event lives.
        self.ask_each(
            Op::RD_KAFKA_ADMIN_OP_DELETETOPICS,
            patience,
            made,
            rd::rd_kafka_DeleteTopics,
            |event| unsafe {
                let mut count = 0;
                let result = rd::rd_kafka_event_DeleteTopics_result(event);
                topic_results(rd::rd_kafka_DeleteTopics_result_topics(result, &raw mut count), count)
            },
        )
    }

    /// Changes settings of topics, and leaves all others as they are; what is said of each.
    pub fn alter(&self, topics: &[Alter<'_>], patience: Duration) -> Result<Results, Said> {
        use rd::rd_kafka_AlterConfigOpType_t::{
            RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE as DELETE, RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET as SET,
        };
        let make = |topic: &Alter<'_>| {
            let made = resource(topic.name)?;
            for (name, value) in &topic.config {
                let (name, value) = (c_text(name)?, value.map(c_text).transpose()?);
                let (kind, value) =
                    value.as_ref().map_or((DELETE, ptr::null()), |value| (SET, value.as_ptr()));
                // SAFETY: the strings outlive the call, which copies them; the error is ours.
                let error = unsafe {
                    rd::rd_kafka_ConfigResource_add_incremental_config(made.get(), name.as_ptr(), kind, value)
                };
                if let Some(error) = Owned::new(error, rd::rd_kafka_error_destroy) {
                    // SAFETY: the error is valid, and its text lives as long.
                    return Err(refused(unsafe { text(rd::rd_kafka_error_string(error.get())) }));
                }
            }
            Ok(made)
        };
        let made = Made::of(topics.iter().map(|topic| (topic.name, make(topic))));
        let op = Op::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS;
        // SAFETY: see `ask`; the results are read while their event lives.
        self.ask_each(op, patience, made, rd::rd_kafka_IncrementalAlterConfigs, |event| unsafe {
            let mut count = 0;
            let result = rd::rd_kafka_event_IncrementalAlterConfigs_result(event);
            let all = rd::rd_kafka_IncrementalAlterConfigs_result_resources(result, &raw mut count);
            all_of(all, count).iter().map(|one| resource_result(*one)).collect()
        })
    }

    /// Asks for all settings of topics; of each its settings, and what is said where there are none.
    pub fn describe(
        &self,
        topics: &[&str],
        patience: Duration,
    ) -> Result<Vec<(String, Said, Vec<Entry>)>, Said> {
        let made = topics.iter().map(|name| resource(name)).collect::<Result<Vec<_>, Said>>()?;
        let op = Op::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;
        // SAFETY: see `ask`; the results are read while their event lives.
        self.ask(op, patience, &made, rd::rd_kafka_DescribeConfigs, |event| unsafe {
            let mut count = 0;
            let result = rd::rd_kafka_event_DescribeConfigs_result(event);
            let all = rd::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
            let read = all_of(all, count).iter().map(|one| {
                let mut count = 0;
                let entries = rd::rd_kafka_ConfigResource_configs(*one, &raw mut count);
                let entries = all_of(entries, count).iter().map(|entry| entry_of(*entry)).collect();
                let (name, said) = resource_result(*one);
                (name, said, entries)
            });
            read.collect()
        })
    }

    /// As [`Self::ask`], of topics that may have been refused before they are sent.
    fn ask_each<T>(
        &self,
        op: Op,
        patience: Duration,
        made: Made<T>,
        send: Send<T>,
        read: impl FnOnce(*mut rd::rd_kafka_event_t) -> Results,
    ) -> Result<Results, Said> {
        let mut results = made.refused;
        if !made.good.is_empty() {
            results.extend(self.ask(op, patience, &made.good, send, read)?);
        }
        Ok(results)
    }

    /// Sends an admin request about all of `made`, waits for its result and reads that. `send` must be the request of
    /// `op`; `read` is given its result's event, and only where the request as a whole succeeded.
    fn ask<T, R>(
        &self,
        op: Op,
        patience: Duration,
        made: &[Owned<T>],
        send: Send<T>,
        read: impl FnOnce(*mut rd::rd_kafka_event_t) -> R,
    ) -> Result<R, Said> {
        let mut all: Vec<*mut T> = made.iter().map(Owned::get).collect();
        let client = self.handle.get();
        let mut said = Message::new();
        // SAFETY: all pointers are valid throughout: requests copy what they are given, and the queue is waited on
        // until the result is there, which comes at the latest when the request's time is over. Both timeouts are
        // within librdkafka's bounds, and known to every request; the operation's doesn't apply to some.
        let event = unsafe {
            let options = rd::rd_kafka_AdminOptions_new(client, op);
            let options =
                Owned::new(options, rd::rd_kafka_AdminOptions_destroy).expect("`op` is one that it knows");
            let (at, size) = (said.buffer(), said.size());
            rd::rd_kafka_AdminOptions_set_request_timeout(options.get(), millis(patience), at, size);
            let for_broker = millis(patience * 9 / 10);
            rd::rd_kafka_AdminOptions_set_operation_timeout(options.get(), for_broker, at, size);
            let queue = Owned::new(rd::rd_kafka_queue_new(client), rd::rd_kafka_queue_destroy)
                .expect("it only allocates");
            send(client, all.as_mut_ptr(), all.len(), options.get(), queue.get());
            Owned::new(rd::rd_kafka_queue_poll(queue.get(), -1), rd::rd_kafka_event_destroy)
                .expect("waiting without an end ends with an event")
        };
        // SAFETY: the event is valid, and its text lives as long.
        match unsafe { event_code(event.get()) } {
            0 => Ok(read(event.get())),
            code => Err(Said { code, text: unsafe { text(rd::rd_kafka_event_error_string(event.get())) } }),
        }
    }
}

/// A topic, as a resource that has settings.
fn resource(name: &str) -> Result<Owned<rd::rd_kafka_ConfigResource_t>, Said> {
    let text = c_text(name)?;
    let kind = rd::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
    // SAFETY: the name outlives the call, which copies it.
    let made = unsafe { rd::rd_kafka_ConfigResource_new(kind, text.as_ptr()) };
    Owned::new(made, rd::rd_kafka_ConfigResource_destroy)
        .ok_or_else(|| refused("a topic without a name".into()))
}

/// What is said of each topic. `all` must be a valid result's.
unsafe fn topic_results(all: *mut *const rd::rd_kafka_topic_result_t, count: usize) -> Results {
    // SAFETY: as the caller says; the texts live as long as the result.
    unsafe {
        let each = all_of(all, count).iter().map(|one| {
            let said = text(rd::rd_kafka_topic_result_error_string(*one));
            (text(rd::rd_kafka_topic_result_name(*one)), Said { code: topic_result_code(*one), text: said })
        });
        each.collect()
    }
}

/// What is said of a topic. `one` must be a valid result's.
unsafe fn resource_result(one: *const rd::rd_kafka_ConfigResource_t) -> (String, Said) {
    // SAFETY: as the caller says; the texts live as long as the result.
    unsafe {
        let said = text(rd::rd_kafka_ConfigResource_error_string(one));
        (text(rd::rd_kafka_ConfigResource_name(one)), Said { code: resource_code(one), text: said })
    }
}

/// A setting. `entry` must be a valid result's.
unsafe fn entry_of(entry: *const rd::rd_kafka_ConfigEntry_t) -> Entry {
    // SAFETY: as the caller says; the texts live as long as the result, and a value is null where it isn't told.
    unsafe {
        let value = rd::rd_kafka_ConfigEntry_value(entry);
        Entry {
            name: text(rd::rd_kafka_ConfigEntry_name(entry)),
            value: (!value.is_null()).then(|| text(value)),
            of_topic: entry_source(entry) == OF_TOPIC,
        }
    }
}
