use super::*;
use crate::probe::testing::{environment, service};
use crate::stack::model::{FileMount, FileSource};

fn with(variables: &[(&str, &str)]) -> Service {
    environment(service("s", &[], &[]), variables)
}

fn mount(target: &str, secret: bool, content: &str) -> FileMount {
    FileMount {
        name: "f".into(),
        secret,
        target: target.into(),
        uid: None,
        gid: None,
        mode: None,
        source: FileSource::Inline,
        content: content.into(),
    }
}

#[test]
fn postgres_as_its_images_do_it() {
    let told = |variables: &[(&str, &str)]| {
        let (login, database) = postgres(&with(variables));
        (login.user, login.password, database)
    };
    assert_eq!(told(&[]), ("postgres".into(), None, "postgres".into()));
    assert_eq!(
        told(&[("POSTGRES_USER", "app"), ("POSTGRES_PASSWORD", "pw")]),
        ("app".into(), Some("pw".into()), "app".into()),
        "the database is named after the user"
    );
    assert_eq!(told(&[("POSTGRES_DB", "shop")]).2, "shop");
    assert_eq!(told(&[("POSTGRES_PASSWORD", "")]).1, None, "empty is unset");
}

#[test]
fn a_secret_file_gives_what_a_variable_would() {
    let mut database = with(&[("POSTGRES_PASSWORD_FILE", "/run/secrets/pg")]);
    assert_eq!(postgres(&database).0.password, None, "a file that the stack doesn't mount isn't known");
    database.files.push(mount("/run/secrets/pg", true, "from-file\n"));
    assert_eq!(postgres(&database).0.password.as_deref(), Some("from-file"));
}

#[test]
fn rabbitmq_as_its_images_do_it() {
    let (login, host) = rabbitmq(&with(&[]));
    assert_eq!(
        (login.user.as_str(), login.password.as_deref(), host.as_str()),
        ("guest", Some("guest"), "/")
    );
    let (login, host) = rabbitmq(&with(&[
        ("RABBITMQ_DEFAULT_USER", "admin"),
        ("RABBITMQ_DEFAULT_PASS", "pw"),
        ("RABBITMQ_DEFAULT_VHOST", "shop"),
    ]));
    assert_eq!(
        (login.user.as_str(), login.password.as_deref(), host.as_str()),
        ("admin", Some("pw"), "shop")
    );
}

#[test]
fn redis_tells_its_password_in_many_ways() {
    let command = |words: &[&str]| {
        let mut service = with(&[("REDIS_PASSWORD", "from-env")]);
        service.command = Some(words.iter().map(|word| (*word).to_owned()).collect());
        redis(&service).unwrap_or_default()
    };
    assert_eq!(command(&["redis-server", "--requirepass", "p w"]), "p w");
    assert_eq!(command(&["redis-server", "--requirepass=pw", "--appendonly", "yes"]), "pw");
    assert_eq!(command(&["sh", "-c", "redis-server --requirepass 'a b' --appendonly yes"]), "a b");
    assert_eq!(command(&["sh", "-c", "exec redis-server --requirepass \"$REDIS_PASSWORD\""]), "from-env");
    assert_eq!(command(&["sh", "-c", "redis-server --requirepass ${REDIS_PASSWORD:-x}"]), "from-env");
    assert_eq!(command(&["redis-server"]), "from-env");
    assert_eq!(redis(&with(&[])), None);
    assert_eq!(redis(&with(&[("REDIS_ARGS", "--requirepass pw --save 60")])).as_deref(), Some("pw"));
    let mut configured = with(&[]);
    configured.files.push(mount(
        "/etc/redis/redis.conf",
        false,
        "port 6379\n# requirepass no\nrequirepass \"pw\"\n",
    ));
    assert_eq!(redis(&configured).as_deref(), Some("pw"));
}

#[test]
fn a_login_shows_no_password() {
    let (login, _) = postgres(&with(&[("POSTGRES_PASSWORD", "hunter22")]));
    assert!(!format!("{login:?}").contains("hunter22"));
}
