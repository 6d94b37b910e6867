//! What librdkafka calls: for the address of a name, for a certificate's verdict, for a log line. All on its own threads.
#![allow(unsafe_code, reason = "librdkafka is a C library; each block says why it is sound")]

use std::ffi::{CString, c_char, c_int, c_long, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use rdkafka::bindings as rd;

use super::{Lookup, Owned, Resolver, text};

/// Sets the callbacks. The configuration's opaque pointer must lead to a resolver that outlives the client.
pub(super) unsafe fn set(conf: &Owned<rd::rd_kafka_conf_t>, verifies: bool) {
    // SAFETY: the configuration is valid, and the callbacks are functions.
    unsafe {
        rd_kafka_conf_set_resolve_cb(conf.get(), resolve);
        // librdkafka asks it also where no certificate is to be verified.
        if verifies {
            rd::rd_kafka_conf_set_ssl_cert_verify_cb(conf.get(), Some(verify));
        }
        // Lines become events (`log.queue`); those that come too early or too late for that go nowhere, not to stderr.
        rd::rd_kafka_conf_set_log_cb(conf.get(), Some(ignore));
        rd::rd_kafka_conf_set_events(conf.get(), rd::RD_KAFKA_EVENT_ERROR | rd::RD_KAFKA_EVENT_LOG);
    }
}

type ResolveCallback = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const libc::addrinfo,
    *mut *mut libc::addrinfo,
    *mut c_void,
) -> c_int;

unsafe extern "C" {
    // The bindings lack it.
    fn rd_kafka_conf_set_resolve_cb(conf: *mut rd::rd_kafka_conf_t, resolve: ResolveCallback);
    // OpenSSL's words for a verdict.
    fn X509_verify_cert_error_string(error: c_long) -> *const c_char;
}

/// Called in place of getaddrinfo(3), and in place of freeaddrinfo(3) with no name at all.
unsafe extern "C" fn resolve(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
    opaque: *mut c_void,
) -> c_int {
    if node.is_null() {
        // SAFETY: `found` then holds what the call below made by getaddrinfo.
        unsafe { libc::freeaddrinfo(*found) };
        return 0;
    }
    // SAFETY: `opaque` is the resolver that the client keeps for as long as its threads live, and the strings end
    // with a zero, as getaddrinfo's do.
    let (resolver, name, port) = unsafe { (&*opaque.cast::<Arc<Resolver>>(), text(node), text(service)) };
    let lookup = catch_unwind(AssertUnwindSafe(|| resolver(&name, port.parse().unwrap_or_default())));
    let (name, port) = match lookup {
        Ok(Lookup::At(address)) => (address.ip().to_string(), address.port().to_string()),
        Ok(Lookup::System) => (name, port),
        Ok(Lookup::Nowhere) | Err(_) => return libc::EAI_NONAME,
    };
    let (Ok(name), Ok(port)) = (CString::new(name), CString::new(port)) else { return libc::EAI_NONAME };
    // SAFETY: the strings outlive the call; `hints` and `found` are getaddrinfo's own, passed on.
    unsafe { libc::getaddrinfo(name.as_ptr(), port.as_ptr(), hints, found) }
}

/// Leaves OpenSSL's verdict on a certificate as it is, and has the reason logged: without this, an unknown signer and a
/// wrong name look alike.
unsafe extern "C" fn verify(
    _: *mut rd::rd_kafka_t,
    _: *const c_char,
    _: i32,
    verdict: *mut c_int,
    _: c_int,
    _: *const c_char,
    _: usize,
    reason: *mut c_char,
    size: usize,
    _: *mut c_void,
) -> c_int {
    // SAFETY: librdkafka gives a verdict to be read and room for a reason; OpenSSL's words are static.
    unsafe {
        if *verdict == 0 {
            return 1;
        }
        let words = text(X509_verify_cert_error_string(c_long::from(*verdict)));
        let length = words.len().min(size.saturating_sub(1));
        ptr::copy_nonoverlapping(words.as_ptr().cast(), reason, length);
        *reason.add(length) = 0;
    }
    0
}

unsafe extern "C" fn ignore(_: *const rd::rd_kafka_t, _: c_int, _: *const c_char, _: *const c_char) {}
