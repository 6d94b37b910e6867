//! ClickHouse: ready and at work.

use super::deep::{checks, comes_to, deep, goes_away};
use super::engine::Container;
use super::{PATIENCE, service, until_ready};
use vv::probe::Outcome;

#[tokio::test]
async fn from_starting_to_gone() {
    let login = [("CLICKHOUSE_USER", "app"), ("CLICKHOUSE_PASSWORD", "hunter22"), ("CLICKHOUSE_DB", "shop")];
    let variables = login.map(|(name, value)| format!("{name}={value}"));
    let options = ["-e", &variables[0], "-e", &variables[1], "-e", &variables[2], "-p", "127.0.0.1::8123"];
    let container = Container::start("clickhouse", "clickhouse:18.16", &options, &[]);
    let clickhouse = service("clickhouse", &[8123], &login);
    let (seen, failures) = until_ready(&clickhouse, &container).await;
    assert_eq!(seen, "GET /ping: 200");
    assert!(failures.iter().all(|failure| !failure.lasting), "{failures:?}");
    let well = deep(&clickhouse, &container).await;
    assert!(well.starts_with("query Ok: SELECT in shop as app, version 18.16."), "{well}");
    assert!(well.contains("disks Skipped: not asked: this version has no system.disks"), "{well}");
    assert!(well.contains("replicated tables Ok: none"), "{well}");

    let with = |name: &str, value: &str| {
        let mut service = clickhouse.clone();
        service.environment.insert(name.to_owned(), Some(value.to_owned()));
        service
    };
    let wrong = deep(&with("CLICKHOUSE_PASSWORD", "not-hunter22"), &container).await;
    assert!(wrong.contains("query Fail: refuses the login of user app"), "{wrong}");
    assert!(!wrong.contains("hunter22"), "{wrong}");
    let nobody = deep(&with("CLICKHOUSE_USER", "nobody"), &container).await;
    assert!(nobody.contains("query Fail: refuses the login of user nobody"), "{nobody}");
    let nowhere = deep(&with("CLICKHOUSE_DB", "nowhere"), &container).await;
    assert!(nowhere.contains("query Fail: has no database nowhere"), "{nowhere}");

    let profile = "<yandex><profiles><default><readonly>1</readonly></default></profiles></yandex>";
    let file = "/etc/clickhouse-server/users.d/readonly.xml";
    container.run(&["sh", "-c", &format!("echo '{profile}' >{file}")]);
    comes_to(&clickhouse, &container, "query Warn: user app may only read shop (readonly = 1)").await;
    container.run(&["rm", file]);
    comes_to(&clickhouse, &container, "query Ok").await;

    let asked = checks(&clickhouse, &container, PATIENCE).await;
    assert!(asked.iter().all(|check| check.outcome != Outcome::Fail), "{asked:?}");
    goes_away(&clickhouse, &container).await;
}
