//! What begins when.

use super::support::*;
use crate::plan::operation::WaitCondition;
use crate::plan::spec::ContainerSpec;
use crate::run::Limits;

#[tokio::test(start_paused = true)]
async fn an_empty_plan_makes_no_call() {
    let bench = Bench::new();
    let outcome = bench.run(&Steps::default()).await.unwrap();
    assert_eq!(outcome.done, 0);
    assert_eq!(bench.engine.calls(), []);
    assert_eq!(bench.recorder.lines(), ["begin 0", "end"]);
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_waits_opens_no_event_stream() {
    let bench = Bench::new();
    let mut steps = Steps::default();
    steps.up("web", ContainerSpec::default(), &[]);
    bench.run(&steps).await.unwrap();
    let calls: Vec<String> = bench.engine.calls().iter().map(ToString::to_string).collect();
    assert_eq!(calls, ["create_container shop-web-1", "start_container shop-web-1"]);
}

#[tokio::test(start_paused = true)]
async fn operations_begin_as_soon_as_those_before_them_are_done() {
    let bench = Bench::new();
    bench.engine.delay_if(|kind, target| kind == "create_container" && target.contains("db"), secs(2));
    bench.engine.delay_if(|kind, target| kind == "start_container" && target.contains("db"), secs(1));
    bench.engine.delay_if(|kind, target| kind == "create_container" && target.contains("web"), ms(500));
    let mut steps = Steps::default();
    let db = steps.up("db", ContainerSpec::default(), &[]);
    let web = steps.create(ContainerSpec::default(), "web", &[]);
    steps.start("web", &[web, db]);
    let outcome = bench.run(&steps).await.unwrap();
    assert_eq!((outcome.done, outcome.took), (4, secs(3)));
    insta::assert_snapshot!(bench.recorder.text(), @r"
    begin 4
    0ns started 0
    0ns started 2
    500ms done 2 in 500ms
    2s done 0 in 2s
    2s started 1
    3s done 1 in 1s
    3s started 3
    3s done 3 in 0ns
    end
    ");
}

#[tokio::test(start_paused = true)]
async fn calls_pulls_and_builds_each_have_their_limit() {
    let mut bench = Bench::new();
    bench.options.limits = Limits { calls: 3, pulls: 2, builds: 1 };
    for kind in ["create_container", "pull_image", "build_image"] {
        bench.engine.delay(kind, secs(1));
    }
    let mut steps = Steps::default();
    for index in 0..6 {
        let image = format!("remote-{index}");
        bench.engine.add_remote_image(&image);
        steps.pull(&image, &[]);
        steps.build(&format!("built-{index}"), &[]);
        steps.create(ContainerSpec::default(), &format!("web{index}"), &[]);
    }
    let outcome = bench.run(&steps).await.unwrap();
    assert_eq!(bench.engine.most_at_once("create_container"), 3);
    assert_eq!(bench.engine.most_at_once("pull_image"), 2);
    assert_eq!(bench.engine.most_at_once("build_image"), 1);
    // One build after the other; everything else beside them.
    assert_eq!(outcome.took, secs(6));
}

#[tokio::test(start_paused = true)]
async fn the_usual_limits_are_sixteen_calls_four_pulls_two_builds() {
    let bench = Bench::new();
    for kind in ["create_container", "pull_image", "build_image"] {
        bench.engine.delay(kind, secs(1));
    }
    let mut steps = Steps::default();
    for index in 0..20 {
        let image = format!("remote-{index}");
        bench.engine.add_remote_image(&image);
        steps.pull(&image, &[]);
        steps.build(&format!("built-{index}"), &[]);
        steps.create(ContainerSpec::default(), &format!("web{index}"), &[]);
    }
    bench.run(&steps).await.unwrap();
    let most = |kind| bench.engine.most_at_once(kind);
    assert_eq!((most("create_container"), most("pull_image"), most("build_image")), (16, 4, 2));
}

#[tokio::test(start_paused = true)]
async fn waits_take_no_place_from_calls() {
    let mut bench = Bench::new();
    bench.options.limits = Limits { calls: 1, pulls: 1, builds: 1 };
    for service in ["a", "b", "c"] {
        bench.ready.after.lock().unwrap().insert(service.to_owned(), secs(10));
    }
    let mut steps = Steps::default();
    for service in ["a", "b", "c"] {
        let started = steps.up(service, ContainerSpec::default(), &[]);
        steps.wait(service, WaitCondition::Ready, &[started]);
    }
    let outcome = bench.run(&steps).await.unwrap();
    assert!(outcome.took < secs(12), "{:?}", outcome.took);
}

#[tokio::test(start_paused = true)]
async fn a_dependent_starts_once_its_dependency_is_healthy() {
    let bench = Bench::new();
    bench.engine.script("db", crate::engine::memory::Behaviour::healthy_after(ms(400)));
    let mut steps = Steps::default();
    let db = steps.up("db", checked(), &[]);
    let healthy = steps.wait("db", WaitCondition::Healthy, &[db]);
    let web = steps.create(ContainerSpec::default(), "web", &[]);
    steps.start("web", &[web, healthy]);
    bench.run(&steps).await.unwrap();
    insta::assert_snapshot!(bench.recorder.text(), @r"
    begin 5
    0ns started 0
    0ns started 3
    0ns done 0 in 0ns
    0ns started 1
    0ns done 3 in 0ns
    0ns done 1 in 0ns
    0ns started 2
    0ns progress 2 health: connection refused
    463ms done 2 in 463ms
    463ms started 4
    463ms done 4 in 0ns
    end
    ");
}

#[tokio::test(start_paused = true)]
async fn progress_of_pulls_and_builds_is_passed_on() {
    let bench = Bench::new();
    bench.engine.add_remote_image("redis:7");
    let mut steps = Steps::default();
    steps.pull("redis:7", &[]);
    steps.build("own", &[]);
    bench.run(&steps).await.unwrap();
    assert_eq!(
        bench.recorder.with("progress"),
        ["progress 0 pulling 1 of 1 layers", "progress 1 Step 1/1 : FROM scratch"]
    );
}

#[tokio::test(start_paused = true)]
async fn files_for_a_container_are_written_before_it_is_made() {
    use crate::plan::operation::Action;
    use crate::plan::spec::CachedFile;
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("vv/shop/abc");
    let bench = Bench::new();
    let mut steps = Steps::default();
    steps.create(ContainerSpec::default(), "web", &[]);
    if let Action::CreateContainer(request) = &mut steps.operations[0].action {
        request.cached.push(CachedFile { path: path.clone(), content: b"one".to_vec(), mode: 0o444 });
    }
    bench.run(&steps).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"one");
}

#[tokio::test(start_paused = true)]
async fn stand_ins_are_built_from_what_the_caller_makes() {
    use crate::plan::operation::{Action, Target};
    let mut bench = Bench::new();
    let mut steps = Steps::default();
    let target = Target::Image("vv-stub:1".to_owned());
    steps.add(Action::BuildStub { image: "vv-stub:1".to_owned() }, target, &[]);

    let error = bench.run(&steps).await.unwrap_err();
    assert!(described(&error).contains("this command doesn't make stand-ins"), "{}", described(&error));

    bench.options.stub_image = Some(std::sync::Arc::new(|_| Err("needs VV_STUB_BINARY".to_owned())));
    let error = bench.run(&steps).await.unwrap_err();
    assert!(described(&error).contains("needs VV_STUB_BINARY"), "{}", described(&error));

    bench.options.stub_image = Some(std::sync::Arc::new(|image| Ok(image.as_bytes().to_vec())));
    bench.run(&steps).await.unwrap();
    assert_eq!(bench.engine.count("load_image"), 1);
}
