//! Who and how much gets through: ip-restriction, bot-detection, request-size-limiting, rate-limiting,
//! request-termination.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::{HeaderName, RETRY_AFTER};
use ipnet::IpNet;
use regex::Regex;

use super::Exchange;
use crate::kong::proxy::reply::{Reply, set, text};
use crate::kong::proxy::snapshot::Plugin;

/// ip-restriction
pub fn ip_restriction(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Option<Reply> {
    let client = exchange.client;
    let listed = |field: &str| {
        let list = plugin.texts(field);
        let found = list.iter().any(|entry| match entry.parse::<IpNet>() {
            Ok(net) => net.contains(&client),
            Err(_) => entry.parse() == Ok(client),
        });
        (found, list.is_empty())
    };
    let ((denied, _), (allowed, any)) = (listed("deny"), listed("allow"));
    if !denied && (any || allowed) {
        return None;
    }
    let message =
        plugin.text("message").map_or_else(|| format!("IP address not allowed: {client}"), str::to_owned);
    Some(exchange.error(plugin.number("status").unwrap_or(403) as u16, &message))
}

/// An excerpt of Kong's list of crawlers.
static BOTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)googlebot|bingbot|[a-z]+bot[ /-]\d|[a-z]*(?:crawler|spider)|facebookexternalhit|pingdom\.com_bot")
        .expect("it is a valid regex")
});

/// bot-detection
pub fn bot_detection(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Option<Reply> {
    let agent = text(&exchange.headers, "user-agent")?;
    let listed = |field: &str| {
        plugin.texts(field).iter().any(|entry| Regex::new(entry).is_ok_and(|regex| regex.is_match(agent)))
    };
    let bot = !listed("allow") && (listed("deny") || BOTS.is_match(agent));
    bot.then(|| exchange.error(403, "Forbidden"))
}

/// request-size-limiting
pub fn size(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Option<Reply> {
    let unit = match plugin.text("size_unit") {
        Some("bytes") => 1,
        Some("kilobytes") => 1 << 10,
        _ => 1 << 20,
    };
    if plugin.is("require_content_length") && !exchange.headers.contains_key("content-length") {
        return Some(exchange.error(411, "A valid Content-Length header is required"));
    }
    let most = plugin.number("allowed_payload_size").unwrap_or(128) * unit;
    (exchange.body.len() as u64 > most).then(|| exchange.error(413, "Request size limit exceeded"))
}

/// request-termination
pub fn terminate(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Option<Reply> {
    if let Some(trigger) = plugin.text("trigger")
        && !exchange.headers.contains_key(trigger)
        && exchange.query.all(trigger).next().is_none()
    {
        return None;
    }
    let status = plugin.number("status_code").unwrap_or(503) as u16;
    Some(match plugin.text("body") {
        Some(body) => {
            let kind = plugin.text("content_type").unwrap_or("application/json; charset=utf-8");
            let kind = if kind == "text/plain" { "text/plain; charset=UTF-8" } else { kind };
            Reply::body(status, kind, body.to_owned())
        }
        None => Reply::message(status, plugin.text("message").unwrap_or(usual_message(status))),
    })
}

/// What Kong says where no message is configured.
fn usual_message(status: u16) -> &'static str {
    match status {
        400 => "Bad request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not found",
        405 => "Method not allowed",
        500 => "An unexpected error occurred",
        502 => "An invalid response was received from the upstream server",
        503 => "Service unavailable",
        504 => "The upstream server is timing out",
        _ => "",
    }
}

/// Seconds of a window; a month and a year are told apart by the calendar in Kong, by their usual length here.
const WINDOWS: [(&str, u64); 6] = [
    ("second", 1),
    ("minute", 60),
    ("hour", 3_600),
    ("day", 86_400),
    ("month", 2_592_000),
    ("year", 31_536_000),
];

/// rate-limiting, whose counters are this process's whatever the policy.
pub fn rate(exchange: &mut Exchange<'_>, plugin: &Plugin) -> Option<Reply> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let who = identifier(exchange, plugin);
    // A plugin's counters belong to what it is bound to; those of a global one are common to all routes.
    let scope = format!("{:?}:{:?}:{who}", plugin.route, plugin.service);
    let mut tightest: Option<(u64, u64, u64)> = None;
    let (mut keys, mut exceeded) = (Vec::new(), false);
    let mut headers = Vec::new();
    for (name, seconds) in WINDOWS {
        let Some(limit) = plugin.number(name) else { continue };
        let key = format!("{scope}:{name}:{}", now / seconds);
        let used = exchange.memory.count(&key);
        exceeded |= used >= limit;
        let left = limit.saturating_sub(used + 1);
        let reset = (seconds - now % seconds).max(1);
        if tightest.is_none_or(|(_, least, _)| left < least) {
            tightest = Some((limit, left, reset));
        }
        headers.push((format!("x-ratelimit-limit-{name}"), limit));
        headers.push((format!("x-ratelimit-remaining-{name}"), left));
        keys.push(key);
    }
    let (limit, left, reset) = tightest?;
    headers.extend([
        ("ratelimit-limit".to_owned(), limit),
        ("ratelimit-remaining".to_owned(), left),
        ("ratelimit-reset".to_owned(), reset),
    ]);
    if !plugin.is("hide_client_headers") {
        for (name, value) in headers {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                set(&mut exchange.out, name, &value.to_string());
            }
        }
    }
    if !exceeded {
        keys.into_iter().for_each(|key| exchange.memory.increase(key));
        return None;
    }
    let status = plugin.number("error_code").unwrap_or(429) as u16;
    let reply = exchange.error(status, plugin.text("error_message").unwrap_or("API rate limit exceeded"));
    Some(if plugin.is("hide_client_headers") { reply } else { reply.with(RETRY_AFTER, &reset.to_string()) })
}

/// Whose requests are counted together; where that can't be told, the client's address decides.
fn identifier(exchange: &Exchange<'_>, plugin: &Plugin) -> String {
    let found = match plugin.text("limit_by") {
        Some("service") => exchange.service.map(str::to_owned),
        Some("header") => {
            plugin.text("header_name").and_then(|name| text(&exchange.headers, name)).map(str::to_owned)
        }
        Some("path") => (plugin.text("path") == Some(exchange.path.as_str())).then(|| exchange.path.clone()),
        Some("consumer") => {
            exchange.consumer_text("id").map(str::to_owned).or_else(|| exchange.credential.clone())
        }
        Some("credential") => exchange.credential.clone(),
        _ => None,
    };
    found.unwrap_or_else(|| exchange.client.to_string())
}
