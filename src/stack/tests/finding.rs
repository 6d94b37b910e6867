//! Which stack is meant, and with which environment and name.

use super::World;
use crate::stack::embedded::{self, Layered};
use crate::stack::files::Memory;
use crate::stack::merged::Found;
use crate::stack::options::LoadOptions;

const ALL: [(&str, &str); 9] = [
    ("stacks/valueverse/compose.yaml", "services: {a: {image: fallback}}"),
    ("stacks/mes/compose.yaml", "services: {a: {image: mes}}"),
    ("compose.yaml", "services: {a: {image: folder}}"),
    ("compose.override.yml", "services: {a: {tty: true}}"),
    ("docker-compose.yml", "services: {a: {image: older}}"),
    ("other.yaml", "services: {a: {image: other}}"),
    ("dir/docker-compose.yml", "services: {a: {image: dir}}"),
    ("dir/docker-compose.override.yml", "services: {a: {hostname: over}}"),
    ("dir/.env", "COMPOSE_PROJECT_NAME=from-dir"),
];

fn found(world: World) -> String {
    match world.load() {
        Err(error) => error.to_string(),
        Ok(merged) => {
            let files = merged.origin.config_files.join(",");
            let embedded = merged.origin.embedded.unwrap_or_default();
            format!(
                "{:?} {files} {embedded} in {} as {}",
                merged.found,
                merged.project_dir.display(),
                merged.name
            )
        }
    }
}

#[test]
fn stacks_are_looked_for_in_order() {
    let everything =
        || World::new(&ALL).env("VV_STACK", "mes").env("COMPOSE_FILE", "other.yaml:dir/docker-compose.yml");
    assert_eq!(found(everything().stack("mes")), "StackOption vv://mes/compose.yaml mes in /w as mes");
    assert_eq!(
        found(everything().stack("mes").file("other.yaml")),
        "StackOption vv://mes/compose.yaml,/w/other.yaml mes in /w as mes"
    );
    assert_eq!(
        found(everything().stack("./dir")),
        "StackOption /w/dir/docker-compose.yml,/w/dir/docker-compose.override.yml  in /w/dir as from-dir"
    );
    assert_eq!(found(everything().file("other.yaml")), "FileOption /w/other.yaml  in /w as w");
    assert_eq!(found(everything()), "StackVariable vv://mes/compose.yaml mes in /w as mes");
    assert_eq!(
        found(everything().env("VV_STACK", "")),
        "FileVariable /w/other.yaml,/w/dir/docker-compose.yml  in /w as w"
    );
    let separated = everything().env("VV_STACK", "").env("COMPOSE_FILE", "dir/docker-compose.yml;other.yaml");
    assert_eq!(
        found(separated.env("COMPOSE_PATH_SEPARATOR", ";")),
        "FileVariable /w/dir/docker-compose.yml,/w/other.yaml  in /w/dir as from-dir"
    );
    assert_eq!(found(World::new(&ALL)), "Folder /w/compose.yaml,/w/compose.override.yml  in /w as w");
    assert_eq!(
        found(World::new(&ALL[..2])),
        "Fallback vv://valueverse/compose.yaml valueverse in /w as valueverse"
    );
}

#[test]
fn folders_above_are_searched() {
    let mut world = World::new(&ALL);
    world.options.cwd = "/w/dir/deep/er".into();
    assert_eq!(
        found(world),
        "Folder /w/dir/docker-compose.yml,/w/dir/docker-compose.override.yml  in /w/dir as from-dir"
    );
}

#[test]
fn the_project_directory_decides_over_all() {
    let mut world = World::new(&ALL).file("other.yaml");
    world.options.project_directory = Some("dir".into());
    assert_eq!(found(world), "FileOption /w/other.yaml  in /w/dir as from-dir");
    let mut world = World::new(&ALL).stack("mes");
    world.options.project_directory = Some("dir".into());
    assert_eq!(found(world), "StackOption vv://mes/compose.yaml mes in /w/dir as from-dir");
}

#[test]
fn several_files_that_fit_are_said() {
    let warnings = World::new(&ALL).load().unwrap().warnings;
    assert_eq!(warnings, ["compose.yaml is used, and not docker-compose.yml"]);
}

#[test]
fn what_is_not_there_is_said() {
    let world = || World::new(&ALL[..2]);
    insta::assert_snapshot!(found(world().stack("./none")), @"there is no folder ./none");
    insta::assert_snapshot!(found(World::new(&ALL).stack("./other.yaml")), @"./other.yaml is a file; name it with -f");
    insta::assert_snapshot!(found(World::new(&[("x/y", "")]).stack("x/")), @"there is no compose.yaml in x/");
    insta::assert_snapshot!(found(World::new(&ALL).stack("dir")), @"there is no stack 'dir'; a folder is named './dir'");
    insta::assert_snapshot!(found(world().file("none.yaml")), @"there is no compose file none.yaml in /w, which isn't there either");
    insta::assert_snapshot!(found(World::new(&[("c.yaml", "# nothing\n")]).file("c.yaml")), @"c.yaml:1:1: the file is empty");
    let mut world = World::new(&ALL);
    world.options.env_files = vec!["no.env".into()];
    insta::assert_snapshot!(found(world), @"there is no env file no.env in /w");
}

#[test]
fn names_come_from_the_option_the_environment_the_file_and_the_folder() {
    let file =
        [("My.App_1/c.yaml", "name: ${N:-In-File}\nservices: {a: {image: '${COMPOSE_PROJECT_NAME}'}}")];
    let world = || World::new(&file).file("My.App_1/c.yaml");
    let names = |world: World| {
        let merged = world.load().map_err(|error| error.to_string())?;
        let image =
            merged.root.get("services").and_then(|services| services.get("a")).and_then(|a| a.get("image"));
        let image = image.and_then(|image| image.as_str()).unwrap_or_default().to_owned();
        assert_eq!(image, merged.name);
        Ok::<_, String>((merged.name, merged.default_name, merged.name_hint))
    };
    let in_file = "in-file".to_string();
    assert_eq!(names(world()), Ok((in_file.clone(), in_file.clone(), None)));
    assert_eq!(names(world().env("N", "x.Y")), Ok(("xy".into(), "xy".into(), None)));
    let env = names(world().env("COMPOSE_PROJECT_NAME", "env"));
    assert_eq!(env, Ok(("env".into(), in_file.clone(), Some("env".into()))));
    let mut option = world().env("COMPOSE_PROJECT_NAME", "env");
    option.options.project_name = Some("option".into());
    assert_eq!(names(option), Ok(("option".into(), in_file, Some("option".into()))));
    let folder = World::new(&[("My.App_1/c.yaml", "services: {a: {image: x}}")]).file("My.App_1/c.yaml");
    assert_eq!(folder.load().unwrap().name, "myapp_1");
    let mut wrong = world();
    wrong.options.project_name = Some("Not.OK".into());
    insta::assert_snapshot!(wrong.errors(), @"'Not.OK' can't be a project's name: small letters, digits, '-' and '_', from a letter or digit on; 'notok' would do");
}

#[test]
fn env_files_are_below_the_environment_and_above_one_another() {
    let files = [
        ("compose.yaml", "services: {a: {image: '${A}-${B}-${C}'}}"),
        (".env", "A=dot\nB=dot\nC=dot\nCOMPOSE_PROFILES=p, q,\n"),
        ("one.env", "A=one\nB=one\nC=\"$A$B\"\n"),
        ("two.env", "B=two\n"),
    ];
    let world = World::new(&files).env("A", "outside");
    assert_eq!(world.service("a"), r#"{"image":"outside-dot-dot"}"#);
    assert_eq!(world.load().unwrap().profiles, ["p", "q"]);
    let mut world = World::new(&files).env("A", "outside");
    world.options.env_files = vec!["one.env".into(), "two.env".into()];
    world.options.profiles = vec!["r".into()];
    assert_eq!(world.service("a"), r#"{"image":"outside-two-outsideone"}"#);
    let merged = world.load().unwrap();
    assert_eq!(merged.profiles, ["r"]);
    assert_eq!(merged.origin.env_files, ["/w/one.env", "/w/two.env"].map(std::path::PathBuf::from));
    let world = World::new(&files).env("COMPOSE_ENV_FILES", "two.env,one.env");
    assert_eq!(world.service("a"), r#"{"image":"one-one-oneone"}"#);
    let world = World::new(&files).env("COMPOSE_DISABLE_ENV_FILE", "1").env("C", "c");
    assert_eq!(world.service("a"), r#"{"image":"--c"}"#);
}

#[test]
fn a_file_that_isnt_there_is_told_apart() {
    let files = [("compose.yaml", "services: {a: {image: x}}"), ("prod.env", "A=1\n"), ("conf/x", "")];
    let with = |file: &str, env_file: &str| {
        let mut world = World::new(&files);
        world.options.files.extend((!file.is_empty()).then(|| file.into()));
        world.options.env_files.extend((!env_file.is_empty()).then(|| env_file.into()));
        world.errors()
    };
    insta::assert_snapshot!(with("", "prd.env"), @"there is no env file prd.env in /w; did you mean 'prod.env'?");
    insta::assert_snapshot!(with("", "nope"), @"there is no env file nope in /w");
    insta::assert_snapshot!(with("", "none/prod.env"), @"there is no env file prod.env in /w/none, which isn't there either");
    insta::assert_snapshot!(with("compose.yml", ""), @"there is no compose file compose.yml in /w; did you mean 'compose.yaml'?");
    insta::assert_snapshot!(with("conf", ""), @"/w/conf is a folder, and no compose file");
    insta::assert_snapshot!(with("conf/nope.yml", "nope"), @"
    there is no env file nope in /w
    there is no compose file nope.yml in /w/conf
    ");
}

#[test]
fn every_shipped_stack_loads_anywhere_and_without_a_warning() {
    let listed = embedded::list();
    assert!(listed.iter().any(|stack| stack.name == "valueverse"), "{listed:?}");
    for stack in listed {
        assert!(stack.title.is_some() && stack.description.is_some(), "{stack:?}");
        let options = LoadOptions { cwd: "/w".into(), stack: Some(stack.name.clone()), ..Default::default() };
        let nothing = Memory::default();
        let merged = match crate::stack::read_stack(&options, &Layered::new(&nothing)) {
            Ok(merged) => merged,
            Err(error) => panic!("{}: {error}", stack.name),
        };
        assert_eq!(merged.name, stack.name);
        assert_eq!(merged.warnings, Vec::<String>::new(), "{}", stack.name);
    }
}

#[test]
fn the_reason_is_told() {
    assert_eq!(World::new(&ALL).load().unwrap().found, Found::Folder);
}
