//! Images: built, listed, pulled, removed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use vv::engine::{Engine, EngineError, Progress};
use vv::plan::spec::ContainerSpec;
use vv::stack::model::Build;

use super::{BUSYBOX, Scene, all};
use crate::support::docker;

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::fs::write(root.join(path), text).unwrap();
    }
}

async fn build(engine: &dyn Engine, image: &str, build: &Build) -> (Result<(), EngineError>, Vec<String>) {
    let seen = Mutex::new(Vec::new());
    let note = |progress: Progress| seen.lock().unwrap().push(progress.message);
    let result = engine.build_image(image, build, &note).await;
    (result, seen.into_inner().unwrap())
}

/// A folder to be built. The word is what makes it like no other, so that nothing comes from a cache.
fn tree(root: &Path, word: &str) -> Build {
    let dockerfile = format!(
        "FROM {BUSYBOX} AS base\nARG WORD=none\nCOPY . /app\nRUN echo $WORD > /word\n\
         FROM base AS wanted\nRUN [\"true\"]\nCMD [\"sh\", \"-c\", \"cat /word; ls /app\"]\nFROM base\nRUN exit 9\n"
    );
    write(
        root,
        &[
            ("Dockerfile", &dockerfile),
            (".dockerignore", "secret*\n"),
            ("main.txt", "x"),
            ("secret.txt", "no"),
            ("big.bin", &"0123456789".repeat(100_000)),
        ],
    );
    Build {
        context: root.to_path_buf(),
        args: BTreeMap::from([("WORD".to_owned(), Some(word.to_owned())), ("UNSET".to_owned(), None)]),
        target: Some("wanted".to_owned()),
        labels: BTreeMap::from([("built.by".to_owned(), "vv".to_owned())]),
        ..Build::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_is_built_with_all_its_options() {
    let scene = Scene::new("build").await;
    let root = tempfile::tempdir().unwrap();
    let (image, extra) = (format!("localhost/{}:1", scene.project), format!("localhost/{}:2", scene.project));
    let wanted = Build { tags: vec![extra.clone()], ..tree(root.path(), &scene.project) };
    let (result, seen) = build(&*scene.engine, &image, &wanted).await;
    result.unwrap_or_else(|error| panic!("{error} {error:?} {seen:#?}"));
    assert_eq!(seen[0], "building with BuildKit");
    assert!(seen.iter().any(|message| message.contains(&format!("RUN echo {}", scene.project))), "{seen:#?}");

    let repository = format!("localhost/{}", scene.project);
    assert_eq!(scene.engine.image_tags(&repository).await.unwrap(), ["1", "2"]);
    assert_eq!(scene.engine.image_id(&image).await.unwrap(), scene.engine.image_id(&extra).await.unwrap());
    let spec = ContainerSpec {
        image: image.clone(),
        network_mode: Some("none".to_owned()),
        ..ContainerSpec::default()
    };
    let name = scene.start("web", spec).await;
    scene.engine.wait_exit(&name).await.unwrap();
    let lines = all(scene.engine.logs(&name, &Default::default()).await.unwrap()).await;
    let text: Vec<String> =
        lines.iter().map(|line| String::from_utf8_lossy(&line.line).into_owned()).collect();
    assert_eq!(text, [&scene.project, "Dockerfile", "big.bin", "main.txt"]);
    let details = scene.engine.inspect_with_image(&name).await.unwrap();
    assert_eq!(details.image_sets.labels["built.by"], "vv");
    assert!(!details.spec.labels.contains_key("built.by"), "what the image sets is the image's");

    // Pruning leaves the named one, those in use, and what somebody may just have made.
    scene.engine.prune_images(&extra, Duration::from_secs(3600)).await.unwrap();
    assert_eq!(scene.engine.image_tags(&repository).await.unwrap(), ["1", "2"]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    scene.engine.prune_images(&extra, Duration::ZERO).await.unwrap();
    assert_eq!(scene.engine.image_tags(&repository).await.unwrap(), ["2"]);
    scene.engine.prune_images(&format!("{repository}:3"), Duration::ZERO).await.unwrap();
    assert_eq!(scene.engine.image_tags(&repository).await.unwrap(), ["2"], "a container uses it");
    scene.engine.remove_image(&image).await.unwrap();
    scene.engine.remove_image(&image).await.unwrap();
    assert_eq!(scene.engine.image_tags(&repository).await.unwrap(), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classic_builder_builds_the_same() {
    let scene = Scene::new("classic").await;
    let root = tempfile::tempdir().unwrap();
    let options =
        vv::engine::ConnectOptions { classic_builder: true, ..vv::engine::ConnectOptions::from_env() };
    let engine = vv::engine::connect::connect(&options).await.unwrap();
    let image = format!("localhost/{}:1", scene.project);
    let (result, seen) = build(&*engine, &image, &tree(root.path(), &scene.project)).await;
    result.unwrap_or_else(|error| panic!("{error} {error:?} {seen:#?}"));
    assert!(seen.iter().any(|message| message.contains("RUN echo $WORD")), "{seen:#?}");

    // Nothing before the step that fails, so that no image without a name is left.
    write(root.path(), &[("Dockerfile", &format!("FROM {BUSYBOX}\nRUN exit 9\n"))]);
    let failing = Build { context: root.path().to_path_buf(), ..Build::default() };
    let (result, _) = build(&*engine, &image, &failing).await;
    let error = result.unwrap_err();
    let EngineError::BuildFailed { step, message, .. } = &error else { panic!("{error:?}") };
    assert!(step.contains("RUN exit 9") && message.contains('9'), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_step_is_shown_with_its_last_output() {
    let scene = Scene::new("fail").await;
    let root = tempfile::tempdir().unwrap();
    let lines = "for i in $(seq 1 50); do echo line $i; done; sleep 0.5; echo broken >&2; sleep 0.5; exit 3";
    write(root.path(), &[("Dockerfile", &format!("FROM {BUSYBOX}\nRUN {lines}\n"))]);
    let image = format!("localhost/{}:1", scene.project);
    let wanted = Build { context: root.path().to_path_buf(), ..Build::default() };
    let (result, _) = build(&*scene.engine, &image, &wanted).await;
    let error = result.unwrap_err();
    let EngineError::BuildFailed { attempt, step, message, output } = &error else { panic!("{error:?}") };
    assert_eq!(*attempt, format!("build {image}"));
    assert!(step.contains("RUN for i in"), "{step}");
    assert!(message.contains('3'), "{message}");
    assert_eq!(output.last().map(String::as_str), Some("broken"), "{output:?}");
    assert!(output.len() <= 20 && output.contains(&"line 50".to_owned()), "{output:?}");

    write(root.path(), &[("Dockerfile", "FORM x\n")]);
    let (result, seen) = build(&*scene.engine, &image, &wanted).await;
    assert!(result.unwrap_err().to_string().contains("FORM"));
    assert_eq!(seen.iter().filter(|message| message.contains("classic")).count(), 0, "{seen:?}");

    let gone = Build { context: root.path().join("gone"), ..Build::default() };
    let error = build(&*scene.engine, &image, &gone).await.0.unwrap_err();
    assert!(error.to_string().contains("there is no build context"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_loaded() {
    let scene = Scene::new("load").await;
    let image = format!("localhost/{}:1", scene.project);
    docker(&["tag", BUSYBOX, &image]);
    let archive = std::process::Command::new("docker").args(["save", &image]).output().unwrap().stdout;
    let id = scene.engine.image_id(&image).await.unwrap();
    scene.engine.remove_image(&image).await.unwrap();
    scene.engine.load_image(&image, archive).await.unwrap();
    assert_eq!(scene.engine.image_id(&image).await.unwrap(), id);

    // The image is old; what counts is when it came here.
    let repository = format!("localhost/{}", scene.project);
    scene.engine.prune_images(&format!("{repository}:2"), Duration::from_secs(3600)).await.unwrap();
    assert_eq!(scene.engine.image_tags(&repository).await.unwrap(), ["1"]);

    let error = scene.engine.load_image(&image, b"no archive".to_vec()).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("could not load {image}: ")), "{error}");
    scene.engine.remove_image(&image).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cant_be_had_is_told() {
    let scene = Scene::new("pull").await;
    let image = format!("localhost:1/{}:1", scene.project);
    assert_eq!(scene.engine.image_id(&image).await.unwrap(), None);
    let error = scene.engine.pull_image(&image, None, &|_| {}).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("could not pull {image}: ")), "{error}");
    scene.engine.remove_image(&image).await.unwrap();
}
