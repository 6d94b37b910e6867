//! Where a declaration comes from.

use std::path::Path;

use super::told;
use crate::routes::read::{declared, is_kongs_own, read_as_is, read_file};
use crate::stack::document::load;
use crate::stack::embedded::Layered;
use crate::stack::files::Memory;
use crate::stack::merged::Env;
use crate::stack::options::LoadOptions;
use crate::stack::testing::{files, options};

const VERSION: &str = "_format_version: '3.0'\n";

/// What a stack in `/w/compose.yaml` declares, or what is wrong.
fn of_stack(text: &str, kong: &str) -> String {
    let memory = files(&[("compose.yaml", text), ("kong/kong.yml", kong)]);
    let files = Layered::new(&memory);
    let stack = load(&options(), &files).unwrap_or_else(|error| panic!("{error}"));
    match declared(&stack, &files, Path::new("/w")) {
        Ok(Some(declaration)) => told(&declaration),
        Ok(None) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_stack_names_a_file() {
    let of = |vv: &str, kong: &str| of_stack(&format!("services: {{a: {{image: x}}}}\nx-vv: {vv}\n"), kong);
    let service = format!("{VERSION}services: [{{name: \"${{SET}}\", host: 'h$$x${{UNSET}}'}}]\n");
    let told = [
        of("{title: none}", ""),
        of("{routes: kong/kong.yml}", &service.replace("from", "f")),
        of("{routes: ./kong/../kong/kong.yml}", &format!("{VERSION}services: [{{nam: a}}]")),
        of("{routes: kong/kong.yaml}", ""),
        of("{routes: kong}", ""),
        of("{routes: kong/kong.yml}", ""),
    ];
    insta::assert_snapshot!(told.join("\n---\n"));
}

#[test]
fn a_file_that_kong_reads_itself_is_left_as_it_is() {
    let kong = |more: &str| {
        format!(
            "services:\n  kong:\n    image: kong\n    environment: {{KONG_DECLARATIVE_CONFIG: /kong/kong.yml}}\n{more}\n\
             x-vv: {{routes: kong/kong.yml}}\n"
        )
    };
    let text = format!("{VERSION}plugins: [{{name: cors, config: {{origins: ['$SET ${{SET}} $$']}}}}]\n");
    let origin = |compose: &str| {
        let told = of_stack(compose, &text);
        let start = told.find("origins\":[\"").map_or(0, |at| at + 11);
        told[start..].split('"').next().unwrap_or_default().to_owned()
    };
    let as_it_is = "$SET ${SET} $$";
    let filled = "from outside from outside $";
    for (more, wanted) in [
        ("    configs: [{source: k, target: /kong/kong.yml}]\nconfigs: {k: {file: kong/kong.yml}}", as_it_is),
        ("    secrets: [{source: k, target: /kong/kong.yml}]\nsecrets: {k: {file: kong/kong.yml}}", as_it_is),
        ("    volumes: ['./kong/kong.yml:/kong/kong.yml:ro']", as_it_is),
        ("    volumes: ['./kong:/kong']", as_it_is),
        ("    profiles: [gateway]\n    volumes: ['./kong:/kong']", as_it_is),
        ("    volumes: ['./other:/kong']", filled),
        ("    volumes: ['./kong:/other']", filled),
        ("    configs: [{source: k, target: /kong/kong.yml}]\nconfigs: {k: {file: compose.yaml}}", filled),
        ("", filled),
    ] {
        let others = "  other: {image: x}\n";
        let compose = kong(more).replacen("services:\n", &format!("services:\n{others}"), 1);
        assert_eq!(origin(&compose), wanted, "{compose}");
    }
    let only_deck = format!(
        "{VERSION}_info: {{select_tags: [a]}}\nx-a: 5\nservices: [{{name: s, host: h}}]\nroutes: [{{name: r, service: {{name: s}}}}, {{name: q, service: t}}]\n"
    );
    insta::assert_snapshot!(of_stack(&kong("    volumes: ['./kong:/kong']"), &only_deck));
}

#[test]
fn the_embedded_gateway_reads_its_file_itself() {
    let options = LoadOptions { cwd: "/w".into(), stack: Some("valueverse".into()), ..Default::default() };
    let nothing = Memory::default();
    let layered = Layered::new(&nothing);
    let stack = load(&options, &layered).unwrap_or_else(|error| panic!("{error}"));
    let path = stack.vv.routes.clone().unwrap_or_default();
    assert!(is_kongs_own(&stack, Path::new(&path)), "{path}");
    let read = declared(&stack, &layered, Path::new("/w")).unwrap_or_else(|error| panic!("{error}")).unwrap();
    assert_eq!(read.warnings, Vec::<String>::new());
    assert_eq!(read.secrets, Vec::<String>::new());
    let count = |kind: &str| read.entities.iter().filter(|entity| entity.kind.name() == kind).count();
    assert_eq!(["services", "routes", "upstreams", "targets", "plugins"].map(count), [6, 6, 6, 6, 10]);
}

#[test]
fn a_file_of_the_command_line_has_the_stacks_variables() {
    let text = format!("{VERSION}services: [{{name: a, host: '${{P}}'}}]\n");
    let disk = files(&[("there/kong.yml", &text), ("empty.yml", "\n")]);
    let env = Env([("P".to_owned(), "host".to_owned())].into());
    let read = |path: &str| {
        let read = read_file(Path::new(path), &env, &disk, Path::new("/w"));
        read.map(|declaration| told(&declaration)).unwrap_or_else(|error| error.to_string())
    };
    let stdin = Memory([("-".into(), b"_format_version: 3".to_vec())].into());
    let stdin = read_file(Path::new("-"), &env, &stdin, Path::new("/w")).unwrap_err().to_string();
    let own = read_as_is(Path::new("there/kong.yml"), &disk, Path::new("/w")).unwrap();
    let own = told(&own);
    insta::assert_snapshot!(
        [read("there/kong.yml"), read("/w/there/kong.yml"), read("kong.yml"), read("empty.yml"), stdin, own]
            .join("\n")
    );
}
