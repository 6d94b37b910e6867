//! The stand-in's metrics, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Upper bounds of the duration's buckets, in seconds: the client libraries' defaults.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counts requests.
pub struct Metrics {
    service: String,
    started: f64,
    requests: Mutex<BTreeMap<Key, Series>>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    method: String,
    path: String,
    status: u16,
}

#[derive(Debug, Clone, Default)]
struct Series {
    buckets: [u64; BUCKETS.len()],
    sum: f64,
    count: u64,
}

impl Metrics {
    /// None yet.
    pub fn new(service: &str) -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        Self { service: service.to_owned(), started, requests: Mutex::default() }
    }

    /// A request was answered. `path` is the route's pattern, so that the number of series is bound.
    pub fn observe(&self, method: &str, path: &str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let series =
            requests.entry(Key { method: method.to_owned(), path: path.to_owned(), status }).or_default();
        let seconds = took.as_secs_f64();
        for (bucket, _) in series.buckets.iter_mut().zip(BUCKETS).filter(|(_, bound)| seconds <= *bound) {
            *bucket += 1;
        }
        series.sum += seconds;
        series.count += 1;
    }

    /// The text.
    pub fn render(&self) -> String {
        let service = escape(&self.service);
        let mut text = String::from(
            "# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter\n",
        );
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let labels = |key: &Key| {
            format!("service=\"{service}\",method=\"{}\",path=\"{}\"", escape(&key.method), escape(&key.path))
        };
        for (key, series) in requests.iter() {
            let _ = writeln!(
                text,
                "http_requests_total{{{},status=\"{}\"}} {}",
                labels(key),
                key.status,
                series.count
            );
        }
        text.push_str("# HELP http_request_duration_seconds Time to answer.\n# TYPE http_request_duration_seconds histogram\n");
        for (key, series) in by_route(&requests) {
            let labels = labels(&key);
            for (bucket, bound) in series.buckets.iter().zip(BUCKETS) {
                let _ = writeln!(
                    text,
                    "http_request_duration_seconds_bucket{{{labels},le=\"{bound}\"}} {bucket}"
                );
            }
            let _ = writeln!(
                text,
                "http_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {}",
                series.count
            );
            let _ = writeln!(text, "http_request_duration_seconds_sum{{{labels}}} {}", series.sum);
            let _ = writeln!(text, "http_request_duration_seconds_count{{{labels}}} {}", series.count);
        }
        let _ = write!(
            text,
            "# HELP process_start_time_seconds Start time since 1970.\n# TYPE process_start_time_seconds gauge\n\
             process_start_time_seconds {:.3}\n",
            self.started
        );
        text
    }
}

/// The histogram has no status label: the series of a route's statuses are added up.
fn by_route(requests: &BTreeMap<Key, Series>) -> BTreeMap<Key, Series> {
    let mut routes: BTreeMap<Key, Series> = BTreeMap::new();
    for (key, series) in requests {
        let sum = routes.entry(Key { status: 0, ..key.clone() }).or_default();
        for (sum, bucket) in sum.buckets.iter_mut().zip(series.buckets) {
            *sum += bucket;
        }
        sum.sum += series.sum;
        sum.count += series.count;
    }
    routes
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_the_text_format() {
        let metrics = Metrics::new("orders");
        metrics.observe("GET", "/orders/{id}", 200, Duration::from_millis(20));
        metrics.observe("GET", "/orders/{id}", 502, Duration::from_secs(20));
        let text = metrics.render();
        for line in [
            r#"http_requests_total{service="orders",method="GET",path="/orders/{id}",status="200"} 1"#,
            r#"http_requests_total{service="orders",method="GET",path="/orders/{id}",status="502"} 1"#,
            r#"http_request_duration_seconds_bucket{service="orders",method="GET",path="/orders/{id}",le="0.01"} 0"#,
            r#"http_request_duration_seconds_bucket{service="orders",method="GET",path="/orders/{id}",le="0.025"} 1"#,
            r#"http_request_duration_seconds_bucket{service="orders",method="GET",path="/orders/{id}",le="+Inf"} 2"#,
            r#"http_request_duration_seconds_count{service="orders",method="GET",path="/orders/{id}"} 2"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
