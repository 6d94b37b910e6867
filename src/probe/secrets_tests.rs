use super::*;
use crate::probe::testing::{environment, service};
use crate::stack::model::{FileMount, FileSource};

fn with(variables: &[(&str, &str)]) -> Service {
    environment(service("s", &[], &[]), variables)
}

fn of(service: &Service) -> Secrets {
    Secrets::of_services([service], &[])
}

#[test]
fn nothing_shows_a_password() {
    let mut service = with(&[
        ("DB_PASSWORD", "hunter22"),
        ("DATABASE_URL", "postgres://app:s3cret!@db:5432/shop"),
        ("JWT_SECRET", "long-jwt-secret"),
        ("POSTGRES_PASSWORD_FILE", "/run/secrets/pg"),
        ("LOG_LEVEL", "info"),
        ("PIN_TOKEN", "abc"),
    ]);
    service.files.push(FileMount {
        name: "f".into(),
        secret: true,
        target: "/run/secrets/pg".into(),
        uid: None,
        gid: None,
        mode: None,
        source: FileSource::Inline,
        content: "from-file\nAPI_KEY=in-file\n".into(),
    });
    let scrubbed = of(&service).scrub(
        "hunter22 s3cret! long-jwt-secret from-file in-file /run/secrets/pg info abc db:5432 PIN_TOKEN=abc",
    );
    assert_eq!(scrubbed, "••• ••• ••• ••• ••• /run/secrets/pg info abc db:5432 PIN_TOKEN=•••");
    let same = with(&[("POSTGRES_USER", "shop"), ("POSTGRES_PASSWORD", "shop"), ("API_TOKEN", "shop-token")]);
    assert_eq!(of(&same).scrub("shop shop-token"), "shop •••", "a user's name is no secret");
}

#[test]
fn every_name_that_says_so_and_every_form() {
    let service = with(&[
        ("DB_PASSWORD", "p@ssHunter3"),
        ("DATABASE_URL", "postgres://shop:other%40Pw9@db/shop"),
        ("DB_PWD", "DbPwdZZ77"),
        ("ENCRYPTION_KEY", "EncK7731"),
        ("NEO4J_AUTH", "neo4j/graph-pw"),
        ("SHORT_KEY", "k7x9"),
        ("QUOTED_SECRET", "a\"b\\c"),
        ("SORT_KEY", "name"),
        ("TEST_PASSWORD", "admin"),
        ("PIN_PASSWORD", "1234"),
        ("OTHER_PASSWORD", "abcd"),
        ("SPRING_CONFIG", "spring.password=InConfig1"),
    ]);
    let secrets = of(&service);
    for (text, shown) in [
        ("p@ssHunter3 p%40ssHunter3", "••• •••"),
        ("other@Pw9 other%40Pw9", "••• •••"),
        ("DbPwdZZ77 EncK7731 graph-pw k7x9 InConfig1", "••• ••• ••• ••• •••"),
        (r#"{"said":"a\"b\\c"}"#, r#"{"said":"•••"}"#),
        ("sorted by name, admin at port 1234", "sorted by name, admin at port 1234"),
        (
            "TEST_PASSWORD=admin PIN_PASSWORD=1234 SORT_KEY=name",
            "TEST_PASSWORD=••• PIN_PASSWORD=••• SORT_KEY=•••",
        ),
        ("abcd abcde xabcd (abcd)", "••• abcde xabcd (•••)"),
        ("cut at p@ssHun…", "cut at •••…"),
        ("not cut at p@…", "not cut at p@…"),
    ] {
        assert_eq!(secrets.scrub(text), shown);
    }
}

#[test]
fn environments_and_commands() {
    let mut service = service("cache", &[], &[]);
    service.command =
        Some(["redis-server", "--requirepass", "open-sesame", "--port", "6379"].map(str::to_owned).to_vec());
    let inside = BTreeMap::from([("JWT_KEY".to_owned(), "only-in-the-container".to_owned())]);
    let secrets = Secrets::of_services([&service], &[inside]);
    assert_eq!(secrets.scrub("open-sesame 6379 only-in-the-container"), "••• 6379 •••");
}

#[test]
fn a_key_goes_over_lines() {
    let lines = ["begin", "-----BEGIN PRIVATE KEY-----", "MIIE", "-----END PRIVATE KEY-----", "end"];
    let lines = lines.map(str::to_owned);
    assert_eq!(Secrets::default().scrub_lines(&lines), ["begin", "•••", "end"]);
    assert!(Secrets::default().scrub_lines(&[]).is_empty());
}
