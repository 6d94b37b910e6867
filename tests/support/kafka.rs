//! The environment of a real Kafka.

/// A single node in KRaft mode: what stands under its service's name, with `more` variables. Host clients come to
/// `port`, and are sent on to `advertised`, a host and a port.
pub fn broker(port: u16, advertised: &str, more: &str) -> String {
    format!(
        "image: localhost/vv-parts/kafka:4.3.1
    stop_grace_period: 0s
    ports: ['127.0.0.1:{port}:19092']
    tmpfs: ['/logs:size=160m,mode=777']
    environment:
      KAFKA_NODE_ID: 1
      KAFKA_PROCESS_ROLES: broker,controller
      KAFKA_CONTROLLER_QUORUM_VOTERS: 1@localhost:9093
      KAFKA_CONTROLLER_LISTENER_NAMES: CONTROLLER
      KAFKA_INTER_BROKER_LISTENER_NAME: INSIDE
      KAFKA_LISTENERS: HOST://:19092,INSIDE://:29092,CONTROLLER://:9093
      KAFKA_ADVERTISED_LISTENERS: HOST://{advertised},INSIDE://localhost:29092
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: HOST:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
      KAFKA_LOG_DIRS: /logs
      KAFKA_HEAP_OPTS: -Xmx256m
      {more}
"
    )
}
