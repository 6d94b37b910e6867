//! What people get wrong, and what they are told.

use super::World;

fn errors(text: &str) -> String {
    World::new(&[("compose.yaml", text)]).errors()
}

#[test]
fn syntax() {
    for (name, text) in [
        ("tab", "services:\n\ta: {image: x}\n"),
        ("tab_in_block", "services:\n  a:\n    image: x\n\t  tty: true\n"),
        ("colon", "services:\n  a:\n    command: echo: x\n"),
        ("indentation", "services:\n  a:\n    image: x\n   tty: true\n"),
        ("open_quote", "services:\n  a:\n    image: \"x\n"),
        ("open_bracket", "services:\n  a:\n    ports: [1, 2\n  b: {image: x}\n"),
        ("no_colon", "services:\n  a\n  b: {image: x}\n"),
        ("unknown_alias", "services:\n  a: *base\n"),
        ("at_sign", "services:\n  a: {image: @x}\n"),
        ("percent", "services:\n  a:\n    image: %x\n"),
        ("escape", "services:\n  a:\n    image: \"\\q\"\n"),
    ] {
        insta::with_settings!({snapshot_suffix => name}, { insta::assert_snapshot!(errors(text)) });
    }
}

#[test]
fn documents() {
    insta::assert_snapshot!(errors("- a\n- b\n"), @"compose.yaml:1:1: a stack is a mapping (services: …), and this is a list");
    insta::assert_snapshot!(errors("just text"), @"compose.yaml:1:1: a stack is a mapping (services: …), and this is a string");
    insta::assert_snapshot!(errors(""), @"compose.yaml:1:1: the file is empty");
    insta::assert_snapshot!(errors("\u{feff}# only a comment\n---\n"), @"compose.yaml:1:1: the file is empty");
    insta::assert_snapshot!(errors("services:\n  a: {image: x}\n  b: {image: x}\n  a: {image: y, image: z}\n"), @r"
    compose.yaml:4:17: services.a: the key 'image' is already there, in line 4, column 7
    compose.yaml:4:3: services: the key 'a' is already there, in line 2, column 3
    ");
    insta::assert_snapshot!(errors("services:\n  a:\n    environment: {1: x, true: y, ~: z, [a]: b, ok: 1}\n"), @r"
    compose.yaml:3:19: services.a.environment: a key must be a string, and 1 is an integer; put it in quotes
    compose.yaml:3:25: services.a.environment: a key must be a string, and true is a boolean; put it in quotes
    compose.yaml:3:34: services.a.environment: a key must be a string, and this is null
    compose.yaml:3:40: services.a.environment: a key must be a string, and this is a list
    ");
    insta::assert_snapshot!(errors("a: &a [*a]\n"), @"compose.yaml:1:8: a[0]: this alias names a value that it is part of");
    insta::assert_snapshot!(errors("a: {<<: 5}\nb: {<<: [{}, x]}\nc:\n  <<: {a: 1}\n  <<: {b: 2}\n"), @r"
    compose.yaml:1:9: a: '<<' takes a mapping or a list of mappings
    compose.yaml:2:9: b: '<<' takes a mapping or a list of mappings
    compose.yaml:5:3: c: a mapping has '<<' once; give it a list instead
    ");
    insta::assert_snapshot!(errors("a: !!int x\nb: !!bool 5\nc: !!binary '%'\nd: !!float 5\n"), @r#"
    compose.yaml:1:4: a: "x" can't be read as !!int
    compose.yaml:2:4: b: "5" can't be read as !!bool
    compose.yaml:3:4: c: !!binary must be text in base64
    "#);
}

#[test]
fn text_that_is_not_utf_8() {
    let mut world = World::new(&[]);
    world.disk.0.insert("/w/compose.yaml".into(), b"services:\n  a: \xff\n".to_vec());
    insta::assert_snapshot!(world.errors(), @"compose.yaml:2:6: this byte isn't UTF-8; save the file as UTF-8");
}

#[test]
fn merging_unlike_kinds() {
    let world = World::new(&[
        (
            "a.yaml",
            "services:\n  a:\n    ports: ['80:80']\n    deploy: {replicas: 2}\n    environment: {A: 1}\n",
        ),
        ("b.yaml", "services:\n  a:\n    ports: '81:81'\n    deploy: 3\n    environment: [{A: 1}]\n"),
    ]);
    insta::assert_snapshot!(world.file("a.yaml").file("b.yaml").errors(), @r"
    b.yaml:3:12: services.a.ports: a string can't be merged with a list, which stands in a.yaml:3:12
    b.yaml:4:13: services.a.deploy: an integer can't be merged with a mapping, which stands in a.yaml:4:13
    b.yaml:5:18: services.a.environment: a list can't be merged with a mapping, which stands in a.yaml:5:18
    ");
}

#[test]
fn variables() {
    let text = "services:
  a:
    image: ${IMAGE:?name an image}
    ports: ['${PORT', \"${}:80\"]
    environment:
      X: |
        one
        two ${TWO?}
";
    insta::assert_snapshot!(errors(text), @r"
    compose.yaml:3:12: services.a.image: the variable 'IMAGE' must be set: name an image
    compose.yaml:4:14: services.a.ports[0]: '${' is never closed; write '$$' for a plain '$'
    compose.yaml:4:24: services.a.ports[1]: '${' must be followed by a variable's name; write '$$' for a plain '$'
    compose.yaml:8:13: services.a.environment.X: the variable 'TWO' must be set
    ");
}

#[test]
fn everything_at_once() {
    let world = World::new(&[
        ("a.yaml", "services: {a: {image: '${X'}, a: {image: y}}"),
        ("b.yaml", "services: {b: {extends: c, image: '${Y:?}'}}"),
        ("c.yaml", "services:\n\tc:"),
        (".env", "A B=1"),
    ]);
    insta::assert_snapshot!(world.file("a.yaml").file("b.yaml").file("c.yaml").file("d.yaml").errors(), @"
    .env:1:2: a variable's name can't have a space in it
    a.yaml:1:31: services: the key 'a' is already there, in line 1, column 12
    c.yaml:2:2: services: not valid YAML: tabs disallowed within this context (block indentation); YAML is indented with spaces, never with tabs
    there is no compose file d.yaml in /w; did you mean 'c.yaml'?
    b.yaml:1:36: services.b.image: the variable 'Y' must be set
    b.yaml:1:25: services.b.extends: there is no service 'c' in b.yaml
    ");
}

#[test]
fn odd_tags_are_warned_of() {
    let world =
        World::new(&[("compose.yaml", "services: {a: {image: x, ports: !overide ['1:1'], tty: !x true}}")]);
    insta::assert_snapshot!(world.load().unwrap().warnings.join("\n"), @r"
    compose.yaml:1:33: the tag '!overide' means nothing here; did you mean '!override'?
    compose.yaml:1:56: the tag '!x' means nothing here
    ");
    assert_eq!(world.service("a"), r#"{"image":"x","ports":["1:1"],"tty":true}"#);
}

#[test]
fn the_version_is_warned_of_and_dropped() {
    let world = World::new(&[("compose.yaml", "version: '3'\nservices: {a: {image: x}}")]);
    let merged = world.load().unwrap();
    assert_eq!(merged.warnings, ["compose.yaml:1:1: 'version' is obsolete and means nothing"]);
    assert!(merged.root.get("version").is_none());
}
