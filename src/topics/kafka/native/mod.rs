//! librdkafka, as far as topics need it: the only folder that speaks to C. Every call blocks.
//!
//! The `rdkafka` crate's own admin client drops the broker's message of a topic, swallows errors of single resources,
//! and has no incremental alteration and no hook for resolving names; so its bindings are used.
#![allow(unsafe_code, reason = "librdkafka is a C library; each block says why it is sound")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::net::SocketAddr;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as rd;

mod admin;
mod callbacks;

pub(super) use admin::{Alter, Create, Entry};

/// librdkafka's code for an argument that it refuses.
pub(super) const INVALID: i32 = -186;

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lookup {
    /// There.
    At(SocketAddr),
    /// Wherever this machine's own resolver says.
    System,
    /// Nowhere: it isn't to be dialled.
    Nowhere,
}

/// Tells where a broker's name and port lead. Called on librdkafka's threads; may block.
pub(super) type Resolver = dyn Fn(&str, u16) -> Lookup + Send + Sync;

/// What librdkafka, or a broker through it, says: a code of Kafka's, or a negative one of librdkafka's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub code: i32,
    pub text: String,
}

/// What Metadata says of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicSeen {
    pub name: String,
    pub partitions: Vec<PartitionSeen>,
}

/// What Metadata says of a partition; a leader of -1 is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartitionSeen {
    pub id: i32,
    pub leader: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
}

/// The answer to a Metadata request about all topics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Metadata {
    /// Id, host and port.
    pub brokers: Vec<(i32, String, i32)>,
    pub topics: Vec<TopicSeen>,
}

/// What librdkafka allocated for us, freed in its own way.
struct Owned<T> {
    at: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// Takes over what a function returned; nothing where it returned null. `at` must be null or ours to give to
    /// `free`, once.
    fn new(at: *mut T, free: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        NonNull::new(at).map(|at| Self { at, free })
    }

    fn get(&self) -> *mut T {
        self.at.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: every caller of `new` gave a pointer that is ours and the function that frees its kind.
        unsafe { (self.free)(self.at.as_ptr()) }
    }
}

// The bindings' versions return Rust enums, and a broker's code that this version of them doesn't know would be
// undefined behaviour; as numbers they are only unknown.
unsafe extern "C" {
    #[link_name = "rd_kafka_event_error"]
    fn event_code(event: *mut rd::rd_kafka_event_t) -> c_int;
    #[link_name = "rd_kafka_metadata"]
    fn ask_metadata(
        client: *mut rd::rd_kafka_t,
        all: c_int,
        only: *mut c_void,
        answer: *mut *const rd::rd_kafka_metadata,
        timeout: c_int,
    ) -> c_int;
    #[link_name = "rd_kafka_err2str"]
    fn code_text(code: c_int) -> *const c_char;
}

/// A client, with the threads that keep its connections.
pub(super) struct Client {
    // Freed in this order: the queue belongs to the client, and the client's threads use the resolver.
    main: Owned<rd::rd_kafka_queue_t>,
    handle: Owned<rd::rd_kafka_t>,
    _resolver: Box<Arc<Resolver>>,
}

// SAFETY: librdkafka's functions may be called on a client from any thread, and so may those on queues.
unsafe impl Send for Client {}
// SAFETY: as above; there is no other state.
unsafe impl Sync for Client {}

impl Client {
    /// Makes a client with these properties; connects in the background.
    ///
    /// # Errors
    /// A property is refused: its name, and what librdkafka says.
    pub fn new(
        properties: &[(String, String)],
        resolver: Arc<Resolver>,
    ) -> Result<Self, (Option<String>, String)> {
        // SAFETY: takes nothing; the configuration is ours.
        let conf = Owned::new(unsafe { rd::rd_kafka_conf_new() }, rd::rd_kafka_conf_destroy)
            .expect("librdkafka aborts where memory is out, and never returns null");
        for (name, value) in properties {
            set(&conf, name, value).map_err(|said| (Some(name.clone()), said))?;
        }
        const VERIFICATION: &str = "enable.ssl.certificate.verification";
        let verifies = !properties.iter().any(|(name, value)| name == VERIFICATION && value == "false");
        let resolver = Box::new(resolver);
        let opaque: *const Arc<Resolver> = &raw const *resolver;
        let mut said = Message::new();
        // SAFETY: the configuration is valid; the box keeps the resolver where it is until the client is gone.
        let handle = unsafe {
            rd::rd_kafka_conf_set_opaque(conf.get(), opaque.cast_mut().cast());
            callbacks::set(&conf, verifies);
            let (at, size) = (said.buffer(), said.size());
            rd::rd_kafka_new(rd::rd_kafka_type_t::RD_KAFKA_PRODUCER, conf.get(), at, size)
        };
        let Some(handle) = Owned::new(handle, rd::rd_kafka_destroy) else { return Err((None, said.text())) };
        // The client has taken the configuration over.
        std::mem::forget(conf);
        // SAFETY: the client is valid; the queue is a new reference. Log lines go to the same queue (null).
        let main = unsafe {
            rd::rd_kafka_set_log_queue(handle.get(), ptr::null_mut());
            rd::rd_kafka_queue_get_main(handle.get())
        };
        let main = Owned::new(main, rd::rd_kafka_queue_destroy).expect("every client has a main queue");
        Ok(Self { main, handle, _resolver: resolver })
    }

    /// Whether a broker has answered; waits for it a little.
    pub fn connected(&self, wait: Duration) -> bool {
        // SAFETY: the client is valid; what is returned is ours, and freed by librdkafka's own function.
        unsafe {
            let id = rd::rd_kafka_clusterid(self.handle.get(), millis(wait));
            if !id.is_null() {
                rd::rd_kafka_mem_free(self.handle.get(), id.cast());
            }
            !id.is_null()
        }
    }

    /// What went wrong with connections since this was asked last, in librdkafka's words.
    pub fn troubles(&self) -> Vec<String> {
        let next = || {
            // SAFETY: the queue is valid; the event is ours.
            let event = unsafe { rd::rd_kafka_queue_poll(self.main.get(), 0) };
            let event = Owned::new(event, rd::rd_kafka_event_destroy)?;
            let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the event is valid, and its texts live as long; these take an event of any kind.
            Some(unsafe {
                match rd::rd_kafka_event_type(event.get()) {
                    rd::RD_KAFKA_EVENT_LOG => {
                        let (facility, line) = (&raw mut facility, &raw mut line);
                        rd::rd_kafka_event_log(event.get(), facility, line, &raw mut level);
                        text(*line)
                    }
                    _ => text(rd::rd_kafka_event_error_string(event.get())),
                }
            })
        };
        std::iter::from_fn(next).collect()
    }

    /// Asks a broker for all topics; none is created by that.
    pub fn metadata(&self, patience: Duration) -> Result<Metadata, Said> {
        let mut answer = ptr::null();
        // SAFETY: the client is valid, and the answer is written where we say.
        let code =
            unsafe { ask_metadata(self.handle.get(), 1, ptr::null_mut(), &raw mut answer, millis(patience)) };
        if code != 0 {
            // SAFETY: takes any number and returns a static text.
            return Err(Said { code, text: unsafe { text(code_text(code)) } });
        }
        unsafe extern "C" fn free(answer: *mut rd::rd_kafka_metadata) {
            // SAFETY: called once, with what rd_kafka_metadata gave.
            unsafe { rd::rd_kafka_metadata_destroy(answer) }
        }
        let answer = Owned::new(answer.cast_mut(), free).expect("a success comes with an answer");
        // SAFETY: the arrays have as many elements as their counts say, and live as long as the answer. No reference
        // is made to a topic or a partition: their `err` may hold a number that the bindings' enum lacks.
        let seen = unsafe {
            let all = answer.get();
            let brokers = list((*all).brokers, (*all).broker_cnt)
                .map(|broker| ((*broker).id, text((*broker).host), (*broker).port));
            let topics = list((*all).topics, (*all).topic_cnt).map(|topic| {
                let partitions = list((*topic).partitions, (*topic).partition_cnt);
                let partitions = partitions.map(|partition| PartitionSeen {
                    id: (*partition).id,
                    leader: (*partition).leader,
                    replicas: list((*partition).replicas, (*partition).replica_cnt).map(|id| *id).collect(),
                    isr: list((*partition).isrs, (*partition).isr_cnt).map(|id| *id).collect(),
                });
                TopicSeen { name: text((*topic).topic), partitions: partitions.collect() }
            });
            Metadata { brokers: brokers.collect(), topics: topics.collect() }
        };
        Ok(seen)
    }
}

/// Sets a property; what librdkafka says where it refuses.
fn set(conf: &Owned<rd::rd_kafka_conf_t>, name: &str, value: &str) -> Result<(), String> {
    let mut said = Message::new();
    let (name, value) = (c_text(name).map_err(|said| said.text)?, c_text(value).map_err(|said| said.text)?);
    let (at, size) = (said.buffer(), said.size());
    // SAFETY: the configuration is valid, the strings outlive the call, and the message has the size that is told.
    match unsafe { rd::rd_kafka_conf_set(conf.get(), name.as_ptr(), value.as_ptr(), at, size) } {
        rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
        _ => Err(said.text()),
    }
}

/// Whether librdkafka knows a property, and takes this value for it; what it says where not.
pub(super) fn takes(name: &str, value: &str) -> Result<(), String> {
    // SAFETY: takes nothing; the configuration is ours.
    let conf = Owned::new(unsafe { rd::rd_kafka_conf_new() }, rd::rd_kafka_conf_destroy)
        .expect("librdkafka aborts where memory is out, and never returns null");
    set(&conf, name, value)
}

/// The names of all properties that librdkafka knows.
pub(super) fn properties() -> Vec<String> {
    let mut count = 0;
    // SAFETY: the configuration is ours; the array holds `count` strings, names and values in turns, and is given
    // back after they have been copied.
    unsafe {
        let conf = Owned::new(rd::rd_kafka_conf_new(), rd::rd_kafka_conf_destroy)
            .expect("librdkafka aborts where memory is out, and never returns null");
        let all = rd::rd_kafka_conf_dump(conf.get(), &raw mut count);
        let names = all_of(all, count).iter().step_by(2).map(|name| text(*name)).collect();
        rd::rd_kafka_conf_dump_free(all, count);
        names
    }
}

/// Room for what librdkafka says.
struct Message([c_char; 512]);

impl Message {
    fn new() -> Self {
        Self([0; 512])
    }

    fn buffer(&mut self) -> *mut c_char {
        self.0.as_mut_ptr()
    }

    fn size(&self) -> usize {
        self.0.len()
    }

    fn text(&self) -> String {
        // SAFETY: it began as zeros, and librdkafka ends what it writes with one, within the size it was told.
        unsafe { text(self.0.as_ptr()) }
    }

    fn refused(&self) -> Said {
        refused(self.text())
    }
}

/// librdkafka's own refusal (`RD_KAFKA_RESP_ERR__INVALID_ARG`).
fn refused(text: String) -> Said {
    Said { code: INVALID, text }
}

/// A string for C.
fn c_text(text: &str) -> Result<CString, Said> {
    CString::new(text).map_err(|_| refused(format!("a zero character in {text:?}")))
}

/// A string of C's; empty for null. `at` must be null or end with a zero.
unsafe fn text(at: *const c_char) -> String {
    if at.is_null() {
        return String::new();
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(at) }.to_string_lossy().into_owned()
}

/// The elements of an array of C's, in place. `at` must hold as many, or be null with a count of none.
unsafe fn list<T>(at: *mut T, count: c_int) -> impl Iterator<Item = *mut T> {
    // SAFETY: within the array, as the caller says.
    (0..usize::try_from(count).unwrap_or_default()).map(move |index| unsafe { at.add(index) })
}

/// An array of pointers. `at` must hold as many for as long as it is read, or be null.
unsafe fn all_of<'a, T>(at: *mut *const T, count: usize) -> &'a [*const T] {
    if at.is_null() {
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { slice::from_raw_parts(at, count) }
}

fn millis(duration: Duration) -> c_int {
    // librdkafka's upper bound of timeouts, an hour.
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX).min(3_600_000)
}
