//! OTLP's `ExportTraceServiceRequest` in its two forms
//! (<https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto>).

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Span;

/// The method that takes spans by gRPC.
pub const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// The path that takes spans by HTTP.
pub const PATH: &str = "/v1/traces";

/// The spans of one process.
#[derive(Debug)]
pub struct Batch<'a> {
    /// What is known of the process: `service.name` at least.
    pub resource: &'a [(&'a str, String)],
    /// What made the spans.
    pub scope: &'a str,
    /// The spans.
    pub spans: &'a [Span],
}

impl Batch<'_> {
    /// For HTTP, `application/json`.
    pub fn json(&self) -> Value {
        let attribute = |(key, value): &(&str, String)| json!({"key": key, "value": {"stringValue": value}});
        let spans: Vec<Value> = self
            .spans
            .iter()
            .map(|span| {
                json!({
                    "traceId": span.context.trace_id(),
                    "spanId": format!("{:016x}", span.context.span),
                    "parentSpanId": span.parent.map(|parent| format!("{parent:016x}")).unwrap_or_default(),
                    "name": span.name,
                    "kind": span.kind as u8,
                    "startTimeUnixNano": nanoseconds(span.begun).to_string(),
                    "endTimeUnixNano": nanoseconds(span.ended).to_string(),
                    "attributes": span.attributes.iter().map(attribute).collect::<Vec<_>>(),
                    "status": {"code": if span.failed { 2 } else { 0 }},
                })
            })
            .collect();
        json!({
            "resourceSpans": [{
                "resource": {"attributes": self.resource.iter().map(attribute).collect::<Vec<_>>()},
                "scopeSpans": [{"scope": {"name": self.scope}, "spans": spans}],
            }],
        })
    }

    /// For gRPC, a protobuf message without gRPC's own prefix.
    pub fn protobuf(&self) -> Vec<u8> {
        let resource = self.resource.iter().map(|pair| attribute(1, pair)).collect::<Vec<_>>().concat();
        let scope = field(1, &field(1, self.scope.as_bytes()));
        let spans = self.spans.iter().map(|span| field(2, &message(span))).collect::<Vec<_>>().concat();
        field(1, &[field(1, &resource), field(2, &[scope, spans].concat())].concat())
    }
}

/// A span's message.
fn message(span: &Span) -> Vec<u8> {
    let mut bytes = field(1, &span.context.trace.to_be_bytes());
    bytes.extend(field(2, &span.context.span.to_be_bytes()));
    if let Some(parent) = span.parent {
        bytes.extend(field(4, &parent.to_be_bytes()));
    }
    bytes.extend(field(5, span.name.as_bytes()));
    bytes.extend([6 << 3, span.kind as u8]);
    // A fixed64 field's wire type is 1.
    for (number, time) in [(7, span.begun), (8, span.ended)] {
        bytes.push(number << 3 | 1);
        bytes.extend((nanoseconds(time) as u64).to_le_bytes());
    }
    for pair in &span.attributes {
        bytes.extend(attribute(9, pair));
    }
    if span.failed {
        bytes.extend(field(15, &[3 << 3, 2]));
    }
    bytes
}

/// A `KeyValue` whose value is a string.
fn attribute(number: u8, (key, value): &(&str, String)) -> Vec<u8> {
    field(number, &[field(1, key.as_bytes()), field(2, &field(1, value.as_bytes()))].concat())
}

/// A field with a length: a message, bytes or a string. Numbers up to 15 fit in a byte.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 0x7f {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
    bytes
}

fn nanoseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::trace::{Kind, SpanContext};

    fn span() -> Span {
        Span {
            context: SpanContext { trace: 0x0102, span: 0x0304, sampled: true },
            parent: Some(5),
            name: "work".into(),
            kind: Kind::Server,
            begun: UNIX_EPOCH + Duration::from_nanos(1),
            ended: UNIX_EPOCH + Duration::from_nanos(2),
            attributes: vec![("k", "v".into())],
            failed: true,
        }
    }

    #[test]
    fn a_batch_in_both_forms() {
        let spans = [span()];
        let batch = Batch { resource: &[("service.name", "s".into())], scope: "vv", spans: &spans };
        let text = batch.json().to_string();
        assert!(text.contains(r#""traceId":"00000000000000000000000000000102""#), "{text}");
        assert!(text.contains(r#""parentSpanId":"0000000000000005""#), "{text}");
        let bytes: String = batch.protobuf().iter().map(|byte| format!("{byte:02x}")).collect();
        // resource_spans { resource { attributes { service.name: s } } scope_spans { scope { vv } spans { … } } }
        let attribute = "0a130a0c736572766963652e6e616d6512030a0173";
        let work = "0a10000000000000000000000000000001021208000000000000030422080000000000000005\
                    2a04776f726b3002390100000000000000410200000000000000\
                    4a080a016b12030a01767a021802";
        let spans = format!("0a040a02767612{:02x}{work}", work.len() / 2);
        let inner = format!("0a{:02x}{attribute}12{:02x}{spans}", attribute.len() / 2, spans.len() / 2);
        assert_eq!(bytes, format!("0a{:02x}{inner}", inner.len() / 2));
    }
}
