//! Nothing that vv says of a stack shows a secret, whatever the containers of that stack print.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::support::{BUSYBOX, Project, Ran};

/// What must not be seen, as it is planted below or as it comes out of a URL.
const PLANTED: &[&str] = &[
    "p@ssHunter3",
    "p%40ssHunter3",
    "TokAbc9911",
    "Sess7711",
    "DbPwdZZ77",
    "EncK7731",
    "FromFile55",
    "k7q9",
    "url@Pass88",
    "url%40Pass88",
    "InCommand66",
    "sk_live_4eC39HqLyjWDarjt",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx",
    "AKIAIOSFODNN7EXAMPLE",
    "MIIEvQIBADANBg",
    "LoginTok42",
];

/// A container that prints all that it knows, and never becomes healthy; `{test}` is what it does for that.
fn stack(test: &str, command: &str) -> String {
    format!(
        r#"
services:
  leaky:
    image: {BUSYBOX}
    command: [sh, -c, '{command}']
    stop_grace_period: 0s
    environment:
      DB_PASSWORD: p@ssHunter3
      API_TOKEN: TokAbc9911
      SESSION_SECRET: Sess7711
      DATABASE_URL: "postgres://shop:p%40ssHunter3@db/shop"
      QUEUE_URL: "amqp://shop:url%40Pass88@queue/shop"
      GIT_URL: "https://LoginTok42@git/x"
      DB_PWD: DbPwdZZ77
      ENCRYPTION_KEY: EncK7731
      SHORT_KEY: k7q9
      TEST_PASSWORD: admin
      JAVA_OPTS: -Dspring.password=InCommand66
    secrets: [pin]
    healthcheck: {{test: "{test}", interval: 1s, retries: 2, timeout: 3s}}
secrets: {{pin: {{file: pin.txt}}}}
"#
    )
}

/// Everything: the variables, the file, what decodes a URL, and keys that no variable names.
const SAYS: &str = "env; cat /run/secrets/pin; echo decoded url@Pass88 InCommand66; echo admin is the user; \
    echo pay sk_live_4eC39HqLyjWDarjt AKIAIOSFODNN7EXAMPLE eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.dBjftJeZ4C; \
    echo -----BEGIN PRIVATE KEY-----; echo MIIEvQIBADANBg; echo -----END PRIVATE KEY-----";

fn project(name: &str, compose: &str) -> Project {
    let project = Project::new(name, compose);
    project.write("pin.txt", "FromFile55\n");
    project
}

fn clean(what: &str, text: &str) {
    let seen: Vec<&&str> = PLANTED.iter().filter(|secret| text.contains(**secret)).collect();
    assert!(seen.is_empty(), "{what} shows {seen:?}:\n{text}");
}

fn says_none(what: &str, ran: &Ran) {
    clean(what, &ran.stdout);
    clean(what, &ran.stderr);
}

fn files_are_clean(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += files_are_clean(&path);
        } else {
            let mut text = String::new();
            fs::File::open(&path).unwrap().read_to_string(&mut text).unwrap();
            clean(&path.display().to_string(), &text);
            count += 1;
        }
    }
    count
}

#[test]
fn nothing_that_vv_says_shows_a_secret() {
    let project = project(
        "leaks",
        &stack("env | tr '\\n' ' '; cat /run/secrets/pin; exit 1", &format!("{SAYS}; sleep 999")),
    );
    for progress in ["plain", "json", "tty"] {
        let ran = project.fails(1, &["start", "--progress", progress, "--timeout", "30s"]);
        ran.says("leaky");
        says_none(&format!("start --progress {progress}"), &ran);
        if progress == "plain" {
            // It still says what it can.
            ran.says("is unhealthy").says("admin is the user").says("DB_PWD=•••");
        }
        project.ok(&["down"]);
    }
    // A wait that gives up says what it waited for.
    let ran = project.fails(6, &["start", "--timeout", "1s"]);
    says_none("start --timeout", &ran);
    for format in ["table", "json", "junit", "github"] {
        says_none(
            &format!("health --format {format}"),
            &project.fails(1, &["health", "--all", "--format", format]),
        );
    }
    says_none("health --wait", &project.fails(6, &["health", "--wait", "--timeout", "1s"]));
    for format in ["table", "json"] {
        let ran = project.fails(1, &["why", "leaky", "--format", format]);
        ran.shows("admin is the user");
        says_none(&format!("why --format {format}"), &ran);
        let doctor = project.vv(&["doctor", "--format", format]);
        doctor.shows("engine");
        says_none(&format!("doctor --format {format}"), &doctor);
        let status = project.ok(&["status", "--format", format]);
        status.shows("leaky");
        says_none(&format!("status --format {format}"), &status);
    }
    let plan = project.ok(&["plan"]);
    plan.shows("leaky");
    says_none("plan", &plan);
    let bundle = project.path("bundle");
    says_none("health --bundle", &project.fails(1, &["health", "--bundle", bundle.to_str().unwrap()]));
    assert!(files_are_clean(&bundle) >= 6);
    let log =
        fs::read_to_string(bundle.join("containers").join(project.container("leaky-1")).join("log.txt"))
            .unwrap();
    assert!(log.contains("admin is the user") && log.contains("TEST_PASSWORD=•••"), "{log}");
    // Its output is the user's own.
    project.ok(&["logs"]).shows("TokAbc9911");
}

#[test]
fn the_last_words_of_one_that_ends_show_none() {
    let project = project("lastwords", &stack("true", &format!("{SAYS}; exit 3")));
    let ran = project.fails(1, &["start", "--timeout", "20s"]);
    ran.says("exited with code 3").says("the last output of").says("admin is the user");
    says_none("start", &ran);
    says_none("why", &project.fails(1, &["why", "leaky"]));
    says_none("health", &project.fails(1, &["health"]));
}
