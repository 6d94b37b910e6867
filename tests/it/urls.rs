//! `vv urls`, and the table of addresses at the end of a start.

use crate::support::{BUSYBOX, Project, free_port};

/// A web server with a page at `/`, and nothing else.
fn web(port: u16, urls: &str) -> String {
    format!(
        "services:
  web:
    image: {BUSYBOX}
    command: [sh, -c, 'mkdir -p /www/empty && echo hello >/www/index.html && exec httpd -f -p 80 -h /www']
    stop_grace_period: 0s
    ports: ['127.0.0.1:{port}:80']
    x-vv:
      urls: [{{name: Page, port: 80}}, {{name: API, port: 80, path: /v1/, page: false}}{urls}]
"
    )
}

#[test]
fn check_tells_a_page_that_is_not_there_from_a_base_url() {
    let port = free_port();
    let project = Project::new("urls", &web(port, ""));
    project.fails(1, &["urls", "--check"]).shows("not running").says("2 of 2 addresses");
    project.ok(&["start"]).shows(&format!("http://localhost:{port}/v1/"));
    let ran = project.ok(&["urls", "--check"]);
    let line = |name: &str| ran.stdout.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(line("Page").ends_with("200"), "{ran}");
    assert!(line("API").ends_with("answers"), "{ran}");

    project.write(
        "compose.yaml",
        &web(port, ", {name: Gone, port: 80, path: /gone}, {name: Led astray, port: 80, path: /empty}"),
    );
    project
        .fails(1, &["urls", "--check"])
        .shows("404: there is no such page")
        .says("2 of 4 addresses don't answer as they should");
    let document = project.json(&["urls", "--check", "--format", "json"]);
    let told: Vec<_> = document["urls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|url| (url["name"].as_str().unwrap(), url["page"].clone(), url["answers"].clone()))
        .collect();
    let of = |name, page: bool, answers: bool| (name, page.into(), answers.into());
    assert_eq!(
        told,
        [
            of("Page", true, true),
            of("API", false, true),
            of("Gone", true, false),
            of("Led astray", true, false)
        ]
    );
}

#[test]
fn no_table_where_none_is_wanted_or_nothing_is_to_be_shown() {
    let project = Project::new("urls-quiet", &web(free_port(), ""));
    for words in [&["-q", "start"][..], &["-q", "scale", "web", "1"], &["-q", "reset", "--yes"]] {
        let ran = project.ok(words);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""), "{words:?}");
    }
    assert!(project.ok(&["-q", "urls"]).stdout.contains("Page"), "what is asked for is shown");

    project.ok(&["down"]);
    project.write(
        "compose.yaml",
        &format!(
            "services: {{app: {{image: {BUSYBOX}, command: [sleep, '1000'], stop_grace_period: 0s}}}}\n"
        ),
    );
    assert_eq!(project.ok(&["start"]).says("is ready").stdout, "");
    assert_eq!(project.ok(&["urls"]).says("no port is published").stdout, "");
}

#[test]
fn a_port_that_the_engine_is_going_to_pick_is_no_excuse() {
    let project = Project::new(
        "urls-any",
        &format!(
            "services: {{app: {{image: {BUSYBOX}, command: [nc, -ll, -p, '80', -e, cat], stop_grace_period: 0s, ports: ['127.0.0.1::80']}}}}\n"
        ),
    );
    project.ok(&["urls"]).shows("app (not running)").shows("the engine picks its port");
    project.fails(1, &["urls", "--check"]).shows("not running").says("1 of 1 addresses");
    let document = project.json(&["urls", "--check", "--format", "json"]);
    let url = &document["urls"][0];
    assert_eq!((&url["url"], &url["answers"]), (&serde_json::Value::Null, &false.into()), "{document:#}");
    project.ok(&["start"]).shows("localhost:");
    project.ok(&["urls", "--check"]).shows("accepts");
}
