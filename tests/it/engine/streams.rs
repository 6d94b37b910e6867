//! Output, events, commands.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use vv::engine::{ContainerEventKind, EngineError, ExecRequest, LogLine, LogQuery};
use vv::plan::spec::ContainerSpec;
use vv::stack::model::Logging;

use super::{Scene, all};

fn texts(lines: &[LogLine]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8_lossy(&line.line).into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn output_comes_as_whole_lines_with_times() {
    let scene = Scene::new("logs").await;
    let script = "echo one; sleep 0.1; echo two >&2; sleep 0.1; head -c 40000 /dev/zero | tr '\\0' x; echo; \
                  printf '\\377\\376\\n'; echo; printf end";
    let name = &scene.start("web", scene.shell(script)).await;
    scene.engine.wait_exit(name).await.unwrap();
    let lines = all(scene.engine.logs(name, &LogQuery::default()).await.unwrap()).await;
    assert_eq!(texts(&lines)[..2], ["one", "two"]);
    assert_eq!(
        lines.iter().map(|line| line.stderr).collect::<Vec<_>>(),
        [false, true, false, false, false, false]
    );
    assert_eq!((lines[2].line.len(), lines[3].line.as_slice()), (40_000, "\u{fffd}\u{fffd}".as_bytes()));
    assert_eq!(texts(&lines)[4..], ["", "end"]);
    assert!(lines.windows(2).all(|pair| pair[0].time <= pair[1].time));

    let query = LogQuery { tail: Some(2), ..LogQuery::default() };
    assert_eq!(texts(&all(scene.engine.logs(name, &query).await.unwrap()).await), ["", "end"]);
    let query = LogQuery { since: Some(lines[1].time), until: Some(lines[1].time), ..LogQuery::default() };
    let exact = all(scene.engine.logs(name, &query).await.unwrap()).await;
    assert_eq!(texts(&exact), ["two"], "times count in nanoseconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_utf8_pass() {
    let scene = Scene::new("bytes").await;
    // What keeps lines in JSON, as the usual driver does, replaces such bytes itself.
    let logging = Logging { driver: Some("local".to_owned()), ..Logging::default() };
    let spec = ContainerSpec { logging: Some(logging), ..scene.shell("printf '\\377\\376\\n'") };
    let name = scene.start("web", spec).await;
    scene.engine.wait_exit(&name).await.unwrap();
    let lines = all(scene.engine.logs(&name, &LogQuery::default()).await.unwrap()).await;
    assert_eq!(lines[0].line, [0xff, 0xfe]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminals_output_is_understood_too() {
    let scene = Scene::new("tty").await;
    let script = "echo one; head -c 40000 /dev/zero | tr '\\0' y; echo; echo last";
    let spec = ContainerSpec { tty: true, ..scene.shell(script) };
    let name = scene.start("web", spec).await;
    scene.engine.wait_exit(&name).await.unwrap();
    let lines = all(scene.engine.logs(&name, &LogQuery::default()).await.unwrap()).await;
    let lengths: Vec<usize> = lines.iter().map(|line| line.line.len()).collect();
    assert_eq!(lengths, [3, 40_000, 4], "{:?}", texts(&lines).last());
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_followed_to_its_end() {
    let scene = Scene::new("follow").await;
    let name = scene.start("web", scene.shell("for i in 1 2 3; do echo $i; sleep 0.2; done")).await;
    let query = LogQuery { follow: true, ..LogQuery::default() };
    let stream = scene.engine.logs(&name, &query).await.unwrap();
    let lines = tokio::time::timeout(Duration::from_secs(30), all(stream)).await.unwrap();
    assert_eq!(texts(&lines), ["1", "2", "3"]);

    let mut gone = scene.engine.logs(&scene.name("gone"), &query).await.unwrap();
    assert!(matches!(gone.next().await, Some(Err(EngineError::NotFound { .. }))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_lines_come_whole() {
    let scene = Scene::new("many").await;
    let runs = ["a", "b", "c", "d"].map(|service| every_line(&scene, service));
    futures_util::future::join_all(runs).await;
}

async fn every_line(scene: &Scene, service: &str) {
    let name = scene.start(service, scene.shell("seq 1 100000")).await;
    let query = LogQuery { follow: true, ..LogQuery::default() };
    let mut stream = scene.engine.logs(&name, &query).await.unwrap();
    let mut expected = 0_u32;
    while let Some(line) = stream.next().await {
        expected += 1;
        assert_eq!(line.unwrap().line, expected.to_string().as_bytes());
    }
    assert_eq!(expected, 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost() {
    let scene = Scene::new("events").await;
    let mut events = scene.engine.events(&scene.project).await.unwrap();
    let name = scene.start("web", scene.shell("exit 3")).await;
    scene.engine.wait_exit(&name).await.unwrap();
    scene.engine.remove_container(&name, false).await.unwrap();
    let mut seen = Vec::new();
    while seen.last() != Some(&ContainerEventKind::Removed) {
        let next = tokio::time::timeout(Duration::from_secs(30), events.next()).await.unwrap();
        let event = next.unwrap().unwrap();
        assert_eq!((event.service.as_str(), event.name.as_str()), ("web", name.as_str()));
        if !matches!(event.kind, ContainerEventKind::Other(_)) {
            seen.push(event.kind);
        }
    }
    let expected = [
        ContainerEventKind::Created,
        ContainerEventKind::Started,
        ContainerEventKind::Died(3),
        ContainerEventKind::Removed,
    ];
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_run_with_all_that_is_asked_for() {
    let scene = Scene::new("exec").await;
    let name = scene.start("web", scene.shell("sleep 1000")).await;
    let script = "echo $WORD in $(pwd) as $(id -u); echo oops >&2; cat; exit 5";
    let request = ExecRequest {
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        user: Some("1000".to_owned()),
        working_dir: Some("/bin".to_owned()),
        environment: BTreeMap::from([("WORD".to_owned(), "hello".to_owned())]),
        stdin: true,
        ..ExecRequest::default()
    };
    let session = scene.engine.exec(&name, &request).await.unwrap();
    let mut input = session.input.unwrap();
    input.write_all(b"from stdin\n").await.unwrap();
    input.shutdown().await.unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    for (stderr, bytes) in all(session.output).await {
        if stderr { err.extend(bytes) } else { out.extend(bytes) }
    }
    assert_eq!(String::from_utf8_lossy(&out), "hello in /bin as 1000\nfrom stdin\n");
    assert_eq!(String::from_utf8_lossy(&err), "oops\n");
    assert_eq!(scene.engine.exec_exit_code(&session.id).await.unwrap(), 5);

    let request = ExecRequest {
        command: ["sh", "-c", "read x; stty size"].map(str::to_owned).to_vec(),
        tty: true,
        stdin: true,
        ..ExecRequest::default()
    };
    let session = scene.engine.exec(&name, &request).await.unwrap();
    scene.engine.exec_resize(&session.id, 101, 33).await.unwrap();
    let mut input = session.input.unwrap();
    input.write_all(b"go\n").await.unwrap();
    let output: Vec<u8> = all(session.output).await.into_iter().flat_map(|(_, bytes)| bytes).collect();
    let output = String::from_utf8_lossy(&output).into_owned();
    assert!(output.contains("33 101"), "{output:?}");

    assert_eq!(scene.run(&name, &["sh", "-c", "no-such-command"]).await.0, 127);
    scene.engine.stop_container(&name, Some(Duration::ZERO)).await.unwrap();
    let stopped = scene.engine.exec(&name, &request).await.map(|_| ());
    assert!(matches!(stopped, Err(EngineError::Conflict { .. })), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_process_is_attached_before_it_starts() {
    let scene = Scene::new("attach").await;
    let spec = ContainerSpec { stdin_open: true, ..scene.shell("read word; echo got $word; exit 4") };
    let name = scene.create("web", spec).await;
    let session = scene.engine.attach(&name, false, true).await.unwrap();
    scene.engine.start_container(&name).await.unwrap();
    let mut input = session.input.unwrap();
    input.write_all(b"it\n").await.unwrap();
    let output: Vec<u8> = all(session.output).await.into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert_eq!(String::from_utf8_lossy(&output), "got it\n");
    assert_eq!(scene.engine.wait_exit(&name).await.unwrap(), 4);
}
