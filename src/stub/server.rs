//! The stand-in's HTTP server.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::docs;
use super::metrics::Metrics;
use super::settings::{Route, Settings};
use super::spans::Tracer;
use crate::output::stub::StubLog;
use crate::stack::vv::{StubCall, StubRoute};
use crate::trace::{Kind, Span, SpanContext};

/// How long a call to another service may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The correlation id that Kong's plugin sets by default.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

struct Stub {
    settings: Settings,
    metrics: Metrics,
    tracer: Tracer,
    log: StubLog,
    client: reqwest::Client,
}

/// A request's place in the trace and its correlation id.
struct Correlation {
    span: SpanContext,
    parent: Option<SpanContext>,
    request_id: String,
    /// Headers of the trace context that are passed on as they came.
    passed: HeaderMap,
}

/// Serves until SIGTERM or Ctrl-C; requests that are under way are finished.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("::", settings.port)).await;
    // Without IPv6 in the kernel only IPv4 can be bound.
    let listener = match listener {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(("0.0.0.0", settings.port)).await?,
    };
    let log = StubLog::new(&settings.service, settings.logstash.clone());
    let stub = Arc::new(Stub {
        metrics: Metrics::new(&settings.service),
        tracer: Tracer::from_env(&settings.service),
        client: super::client(CALL_TIMEOUT)?,
        log,
        settings,
    });
    stub.log.line(
        "info",
        &format!("stub of {} listens on port {}", stub.settings.service, stub.settings.port),
        None,
        json!({}),
    );
    let router = Router::new().fallback(answer).with_state(Arc::clone(&stub));
    let mut terminated = signal(SignalKind::terminate())?;
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        })
        .await?;
    stub.log.line("info", "stopped", None, json!({}));
    Ok(())
}

async fn answer(State(stub): State<Arc<Stub>>, request: Request) -> Response {
    let settings = &stub.settings;
    let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
    // What the platform asks all the time is neither traced nor logged.
    if method == "GET" || method == "HEAD" {
        if path == settings.health {
            return Json(json!({"status": "healthy", "service": settings.service, "stub": true}))
                .into_response();
        }
        if path == settings.metrics {
            let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            return (text, stub.metrics.render()).into_response();
        }
        if settings.docs && path == "/docs" {
            return Html(docs::page(settings)).into_response();
        }
        if settings.docs && path == "/openapi.json" {
            return Json(docs::openapi(settings)).into_response();
        }
    }
    let begun = (Instant::now(), SystemTime::now());
    let correlation = stub.correlation(request.headers());
    let (pattern, status, body) = match settings.route(&method, &path) {
        Route::Found(route) => stub.play(route, &correlation).await,
        Route::OtherMethods(methods) => {
            let body = json!({"error": "method not allowed", "allowed": methods});
            ("-".to_owned(), StatusCode::METHOD_NOT_ALLOWED, body)
        }
        Route::None => {
            let body = json!({"error": "not found", "path": path, "service": settings.service, "stub": true});
            ("-".to_owned(), StatusCode::NOT_FOUND, body)
        }
    };
    stub.finish(&method, &path, &pattern, status, begun, &correlation);
    stub.response(status, body, &correlation)
}

impl Stub {
    fn correlation(&self, headers: &HeaderMap) -> Correlation {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let parent = text(&TRACEPARENT).and_then(SpanContext::parse);
        let span = self.tracer.begin(parent);
        let request_id = text(&REQUEST_ID).map_or_else(|| span.trace_id(), str::to_owned);
        let passed = [TRACESTATE, BAGGAGE]
            .into_iter()
            .filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
        Correlation { span, parent, request_id, passed: passed.collect() }
    }

    /// Makes the declared calls one after another, then gives the declared answer.
    async fn play(&self, route: &StubRoute, correlation: &Correlation) -> (String, StatusCode, Value) {
        let mut calls = Vec::new();
        for call in self.settings.calls.iter().chain(&route.calls) {
            calls.push(self.call(call, correlation).await);
        }
        let failed = calls.iter().any(|call| call.get("error").is_some());
        let status = if failed {
            StatusCode::BAD_GATEWAY
        } else {
            StatusCode::from_u16(route.status).unwrap_or_default()
        };
        let mut body = route.body.clone();
        if let Value::Object(object) = &mut body {
            object.insert("trace_id".to_owned(), correlation.span.trace_id().into());
            object.insert("request_id".to_owned(), correlation.request_id.clone().into());
            if !calls.is_empty() {
                object.insert("calls".to_owned(), calls.into());
            }
        }
        (route.path.clone(), status, body)
    }

    /// Calls another service, in a span of its own.
    async fn call(&self, call: &StubCall, correlation: &Correlation) -> Value {
        let begun = SystemTime::now();
        let span = self.tracer.begin(Some(correlation.span));
        let method = call.method.parse().unwrap_or(reqwest::Method::GET);
        let request = self
            .client
            .request(method, &call.url)
            .headers(correlation.passed.clone())
            .header(TRACEPARENT, span.header())
            .header(REQUEST_ID, &correlation.request_id);
        let answer = request.send().await;
        let (status, error) = match answer {
            Ok(answer) if !answer.status().is_server_error() => (Some(answer.status().as_u16()), None),
            Ok(answer) => {
                (Some(answer.status().as_u16()), Some(format!("{} answered {}", call.url, answer.status())))
            }
            Err(error) => (None, Some(format!("{} doesn't answer: {}", call.url, root_cause(&error)))),
        };
        if let Some(error) = &error {
            self.log.line(
                "error",
                error,
                Some(correlation.span),
                json!({"request_id": correlation.request_id}),
            );
        }
        self.tracer.end(Span {
            context: span,
            parent: Some(correlation.span.span),
            name: call.method.clone(),
            kind: Kind::Client,
            begun,
            ended: SystemTime::now(),
            attributes: vec![
                ("http.request.method", call.method.clone()),
                ("url.full", call.url.clone()),
                ("http.response.status_code", status.map(|status| status.to_string()).unwrap_or_default()),
            ],
            failed: error.is_some(),
        });
        let mut result = json!({"url": call.url, "status": status});
        if let (Some(result), Some(error)) = (result.as_object_mut(), error) {
            result.insert("error".to_owned(), error.into());
        }
        result
    }

    fn finish(
        &self,
        method: &str,
        path: &str,
        pattern: &str,
        status: StatusCode,
        begun: (Instant, SystemTime),
        correlation: &Correlation,
    ) {
        let took = begun.0.elapsed();
        self.metrics.observe(method, pattern, status.as_u16(), took);
        let level = if status.is_server_error() { "error" } else { "info" };
        self.log.line(
            level,
            &format!("{method} {path} {}", status.as_u16()),
            Some(correlation.span),
            json!({"request_id": correlation.request_id, "duration_ms": took.as_millis() as u64}),
        );
        self.tracer.end(Span {
            context: correlation.span,
            parent: correlation.parent.map(|parent| parent.span),
            name: format!("{method} {pattern}"),
            kind: Kind::Server,
            begun: begun.1,
            ended: SystemTime::now(),
            attributes: vec![
                ("http.request.method", method.to_owned()),
                ("url.path", path.to_owned()),
                ("http.route", pattern.to_owned()),
                ("http.response.status_code", status.as_u16().to_string()),
                ("http.request.header.x-request-id", correlation.request_id.clone()),
            ],
            failed: status.is_server_error(),
        });
    }

    fn response(&self, status: StatusCode, body: Value, correlation: &Correlation) -> Response {
        let mut response = match body {
            Value::Null => (status, Body::empty()).into_response(),
            body => (status, Json(body)).into_response(),
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (TRACE_ID, correlation.span.trace_id()),
            (TRACEPARENT, correlation.span.header()),
            (REQUEST_ID, correlation.request_id.clone()),
            (header::SERVER, format!("vv-stub/{}", env!("CARGO_PKG_VERSION"))),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
