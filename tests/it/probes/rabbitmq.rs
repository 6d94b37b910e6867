//! RabbitMQ at work.

use super::deep::{all_well, comes_to, goes_away};
use super::engine::Container;
use super::{service, until_ready};

#[tokio::test]
async fn from_well_to_gone() {
    let login = [("RABBITMQ_DEFAULT_USER", "admin"), ("RABBITMQ_DEFAULT_PASS", "hunter22")];
    let options = [
        "-e",
        "RABBITMQ_DEFAULT_USER=admin",
        "-e",
        "RABBITMQ_DEFAULT_PASS=hunter22",
        "-p",
        "127.0.0.1::5672",
        "-p",
        "127.0.0.1::15672",
    ];
    let container = Container::start("rabbitmq-deep", "rabbitmq:3.10", &options, &[]);
    let rabbitmq = service("rabbitmq", &[5672, 15672], &login);
    until_ready(&rabbitmq, &container).await;
    comes_to(&rabbitmq, &container, "alarms Ok").await;
    let well = all_well(&rabbitmq, &container).await;
    assert_eq!(well, "message Ok: a message went through a queue of its own\nalarms Ok: no alarm is on\n");

    let control = |words: &[&str]| container.run(&[&["rabbitmqctl", "-q"], words].concat());
    control(&["set_vm_memory_high_watermark", "0.0000001"]);
    let memory = comes_to(&rabbitmq, &container, "alarms Fail").await;
    assert!(memory.contains("message Fail: an alarm holds all publishers up: low on memory"), "{memory}");
    assert!(
        memory.contains("alarms Fail: an alarm holds all publishers up: low on memory at rabbit@"),
        "{memory}"
    );
    control(&["set_vm_memory_high_watermark", "0.4"]);
    comes_to(&rabbitmq, &container, "alarms Ok").await;

    control(&["set_disk_free_limit", "9000GB"]);
    let disk = comes_to(&rabbitmq, &container, "alarms Fail").await;
    assert!(disk.contains("message Fail: an alarm holds all publishers up: low on disk"), "{disk}");
    control(&["set_disk_free_limit", "50MB"]);
    comes_to(&rabbitmq, &container, "alarms Ok").await;
    all_well(&rabbitmq, &container).await;

    // What was held up is gone too.
    let mut left = String::new();
    for _ in 0..100 {
        left = control(&["list_queues", "--no-table-headers", "name"]);
        if left.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(left, "");

    let mut worker = rabbitmq.clone();
    worker.environment.insert("RABBITMQ_DEFAULT_USER".into(), Some("worker".into()));
    control(&["add_user", "worker", "hunter22"]);
    control(&["set_permissions", "worker", "^shop", ".*", ".*"]);
    let limited = comes_to(&worker, &container, "alarms").await;
    assert!(
        limited.contains("message Skipped: not asked: the stack's user may not make a queue of its own"),
        "{limited}"
    );
    assert!(limited.contains("alarms Warn: user worker may not use the management page"), "{limited}");

    goes_away(&rabbitmq, &container).await;
}
