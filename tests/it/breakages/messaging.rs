//! What passes messages on: RabbitMQ and Kafka.

use super::{Breakage, inborn};

pub const RABBITMQ: &[Breakage] = &[
    Breakage {
        what: "RabbitMQ's memory alarm is on",
        make: "c rabbitmq-1 rabbitmqctl -q set_vm_memory_high_watermark 0.0000001",
        ask: "health rabbitmq",
        says: "✘ rabbitmq-1 message an alarm holds all publishers up: low on memory",
        mend: "c rabbitmq-1 rabbitmqctl -q set_vm_memory_high_watermark 0.4",
    },
    Breakage {
        what: "RabbitMQ's user has no permissions",
        make: "c rabbitmq-1 rabbitmqctl -q clear_permissions -p shop admin",
        ask: "health rabbitmq",
        says: "✘ rabbitmq-1 login user admin may not use the virtual host shop",
        mend: "",
    },
    Breakage {
        what: "RabbitMQ lacks the virtual host",
        make: "c rabbitmq-1 rabbitmqctl -q delete_vhost shop",
        ask: "health rabbitmq",
        says: "✘ rabbitmq-1 login has no virtual host shop",
        mend: "c rabbitmq-1 rabbitmqctl -q add_vhost shop; c rabbitmq-1 rabbitmqctl -q set_permissions -p shop admin '.*' '.*' '.*'",
    },
    Breakage {
        what: "RabbitMQ's user has another password",
        make: "c rabbitmq-1 rabbitmqctl -q change_password admin other",
        ask: "health rabbitmq",
        says: "✘ rabbitmq-1 login refuses the login of user admin",
        mend: "",
    },
    Breakage {
        what: "RabbitMQ's application is stopped",
        make: "c rabbitmq-1 rabbitmqctl -q stop_app",
        ask: "health rabbitmq",
        says: "✘ rabbitmq-1 port 5672 * accepts and closes at once: nothing answers on port 5672 in the container",
        mend: "c rabbitmq-1 rabbitmqctl -q start_app; c rabbitmq-1 rabbitmqctl -q change_password admin hunter22",
    },
];

pub const KAFKA: &[Breakage] = &[
    inborn(
        "Kafka advertises a name that this machine can't resolve",
        "health kafka-lost",
        "✘ kafka-lost-1 metadata advertised listener unreachable: *broker.vv-no-such-name*",
    ),
    inborn(
        "Kafka wants more replicas of its offsets than there are brokers",
        "health kafka",
        "✘ kafka-1 consumer groups no consumer group can start: __consumer_offsets wants 3 replicas (offsets.topic.replication.factor), but there is 1 broker",
    ),
    Breakage {
        what: "Kafka's disk is full",
        make: "c kafka-1 sh -c 'n=$(df -k --output=avail /logs | tail -1); head -c $(((n - 1024) * 1024)) /dev/zero >/logs/fill'",
        ask: "health kafka",
        says: "✘ kafka-1 disk the disk of /logs is full",
        mend: "c kafka-1 rm /logs/fill",
    },
    Breakage {
        what: "Kafka hangs",
        make: "docker kill -s STOP $P-kafka-1",
        ask: "health kafka --check-timeout 1s",
        says: "✘ kafka-1 metadata * accepts but says nothing within 1 s",
        mend: "docker kill -s CONT $P-kafka-1",
    },
];
