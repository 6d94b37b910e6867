//! The systems with a login: Redis, PostgreSQL, RabbitMQ.

use super::engine::{Container, docker};
use super::{hangs, refusal, service, until_ready};

#[tokio::test]
async fn redis() {
    let container = Container::start(
        "redis",
        "redis:7.0",
        &["-p", "127.0.0.1::6379", "-p", "127.0.0.1::6390"],
        &["redis-server", "--requirepass", "hunter22"],
    );
    let mut redis = service("redis", &[6379], &[]);
    redis.command = Some(["redis-server", "--requirepass", "hunter22"].map(str::to_owned).to_vec());
    assert_eq!(until_ready(&redis, &container).await.0, "PONG, logged in");

    let open = service("redis", &[6379], &[]);
    let failure = refusal(&open, &container).await;
    assert_eq!(
        (failure.detail.as_str(), failure.lasting),
        ("wants a password, and the stack gives none", true)
    );

    let wrong = service("redis", &[6379], &[("REDIS_PASSWORD", "not-hunter22")]);
    let failure = refusal(&wrong, &container).await;
    assert_eq!((failure.detail.as_str(), failure.lasting), ("refuses the stack's password", true));

    // A published port that nobody listens on inside: the engine's proxy accepts all the same.
    let mut elsewhere = service("redis", &[6390], &[]);
    elsewhere.command.clone_from(&redis.command);
    let failure = refusal(&elsewhere, &container).await;
    assert!(failure.detail.ends_with("nothing answers on port 6390 in the container"), "{failure}");

    container.freeze();
    hangs(&redis, &container).await;
    docker(&["kill", "--signal", "CONT", &container.name]);
    until_ready(&redis, &container).await;

    // A server without a password, asked by a stack that gives one to everybody.
    docker(&["exec", &container.name, "redis-cli", "-a", "hunter22", "config", "set", "requirepass", ""]);
    assert_eq!(until_ready(&redis, &container).await.0, "PONG, logged in");

    docker(&["stop", "-t", "1", &container.name]);
    let failure = refusal(&redis, &container).await;
    assert_eq!((failure.detail.as_str(), failure.lasting), ("isn't running", false));
}

#[tokio::test]
async fn redis_that_loads_its_data() {
    // Slow enough to be seen loading: a delay for every key.
    let container = Container::start(
        "redis-loading",
        "redis:7.0",
        &["-p", "127.0.0.1::6379"],
        &[
            "redis-server",
            "--enable-debug-command",
            "yes",
            "--save",
            "",
            "--appendonly",
            "yes",
            "--key-load-delay",
            "300",
            "--loading-process-events-interval-bytes",
            "1024",
        ],
    );
    let redis = service("redis", &[6379], &[]);
    until_ready(&redis, &container).await;
    docker(&["exec", &container.name, "redis-cli", "debug", "populate", "20000"]);
    docker(&["exec", &container.name, "redis-cli", "bgrewriteaof"]);
    docker(&[
        "exec",
        &container.name,
        "sh",
        "-c",
        "until redis-cli info persistence | grep -q aof_rewrite_in_progress:0; do sleep 0.1; done",
    ]);
    docker(&["restart", "-t", "5", &container.name]);
    let (_, failures) = until_ready(&redis, &container).await;
    assert!(
        failures.iter().any(|failure| failure.detail == "is loading its data into memory"),
        "{failures:?}"
    );
}

#[tokio::test]
async fn postgres() {
    let environment = [("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", "hunter22"), ("POSTGRES_DB", "shop")];
    let options: Vec<String> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let container = Container::start(
        "postgres",
        "postgres:15",
        &["-e", &options[0], "-e", &options[1], "-e", &options[2], "-p", "127.0.0.1::5432"],
        &[],
    );
    let postgres = service("postgres", &[5432], &environment);
    let (seen, failures) = until_ready(&postgres, &container).await;
    assert!(seen.starts_with("logged in to shop as app, version 15."), "{seen}");
    // Through initdb nobody listens, and then it starts up: never a reason to give up.
    assert!(failures.iter().all(|failure| !failure.lasting), "{failures:?}");

    let with = |name: &str, value: &str| {
        let mut service = postgres.clone();
        service.environment.insert(name.to_owned(), Some(value.to_owned()));
        service
    };
    let wrong_password = refusal(&with("POSTGRES_PASSWORD", "not-hunter22"), &container).await;
    assert_eq!(wrong_password.detail, "refuses the password of user app");
    let no_database = refusal(&with("POSTGRES_DB", "nowhere"), &container).await;
    assert_eq!(no_database.detail, "has no database nowhere");
    let no_user = refusal(&with("POSTGRES_USER", "nobody"), &container).await;
    assert_eq!(no_user.detail, "refuses the password of user nobody");
    assert!(wrong_password.lasting && no_database.lasting && no_user.lasting);

    let mut silent = postgres.clone();
    silent.environment.remove("POSTGRES_PASSWORD");
    let answer = super::ask(&silent, &container, super::PATIENCE).await.unwrap();
    assert!(matches!(answer, vv::probe::Answer::Doubtful { .. }), "{answer:?}");

    // Only the first process is frozen: the one that would take the connection.
    container.freeze();
    hangs(&postgres, &container).await;
    docker(&["kill", "--signal", "CONT", &container.name]);
    until_ready(&postgres, &container).await;

    docker(&["restart", "-t", "0", &container.name]);
    let (_, failures) = until_ready(&postgres, &container).await;
    assert!(failures.iter().all(|failure| !failure.lasting), "{failures:?}");
}

#[tokio::test]
async fn rabbitmq() {
    let environment = [("RABBITMQ_DEFAULT_USER", "admin"), ("RABBITMQ_DEFAULT_PASS", "hunter22")];
    let container = Container::start(
        "rabbitmq",
        "rabbitmq:3.10",
        &[
            "-e",
            "RABBITMQ_DEFAULT_USER=admin",
            "-e",
            "RABBITMQ_DEFAULT_PASS=hunter22",
            "-p",
            "127.0.0.1::5672",
        ],
        &[],
    );
    let rabbitmq = service("rabbitmq", &[5672], &environment);
    let (seen, failures) = until_ready(&rabbitmq, &container).await;
    assert!(seen.starts_with("logged in to / as admin, RabbitMQ 3.10"), "{seen}");
    assert!(failures.iter().all(|failure| !failure.lasting), "{failures:?}");

    let guest = refusal(&service("rabbitmq", &[5672], &[]), &container).await;
    assert_eq!((guest.detail.as_str(), guest.lasting), ("refuses the login of user guest", true));
    let mut nowhere = rabbitmq.clone();
    nowhere.environment.insert("RABBITMQ_DEFAULT_VHOST".into(), Some("nowhere".into()));
    let nowhere = refusal(&nowhere, &container).await;
    assert_eq!((nowhere.detail.as_str(), nowhere.lasting), ("has no virtual host nowhere", true));
    // A polite end leaves no warning behind.
    assert!(!container.logs().contains("client unexpectedly closed TCP connection"), "{}", container.logs());

    // The virtual machine's threads are all in the first process's group.
    docker(&[
        "exec",
        &container.name,
        "sh",
        "-c",
        "kill -STOP $(ls /proc | grep -E '^[0-9]+$' | xargs -I{} sh -c 'grep -l beam.smp /proc/{}/comm 2>/dev/null' | cut -d/ -f3)",
    ]);
    hangs(&rabbitmq, &container).await;
}
