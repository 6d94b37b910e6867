//! Input that means harm, or means nothing.

use std::time::{Duration, Instant};

use super::World;

/// Runs a load that must end soon; debug builds are slow, so "soon" is generous.
fn quick(text: &str) -> String {
    let start = Instant::now();
    let errors = World::new(&[("compose.yaml", text)]).errors();
    assert!(start.elapsed() < Duration::from_secs(1), "took {:?}", start.elapsed());
    errors
}

fn laughs(levels: usize, first: &str, item: impl Fn(String) -> String) -> String {
    let mut text = format!("x-0: &a0 {first}\n");
    for level in 1..levels {
        text.push_str(&format!("x-{level}: &a{level} {}\n", item(format!("*a{}", level - 1))));
    }
    text
}

#[test]
fn aliases_that_explode_are_refused() {
    let lists = laughs(30, "[x, x]", |alias| format!("[{}]", [alias.as_str(); 9].join(", ")));
    insta::assert_snapshot!(quick(&lists), @"compose.yaml:6:46: x-5[7]: the stack grows past 200,000 values here; do its aliases multiply?");
    let mappings = laughs(30, "{a: x}", |alias| format!("{{a: {alias}, b: {alias}, c: {alias}}}"));
    assert!(quick(&mappings).contains("do its aliases multiply?"));
    let merges = laughs(400, "{a: x}", |alias| format!("{{<<: {alias}, b{}: {alias}}}", alias.len()));
    assert!(!quick(&merges).is_empty());
    let texts = laughs(3, &"x".repeat(1 << 20), |alias| format!("[{}]", [alias.as_str(); 60].join(", ")));
    assert!(quick(&texts).contains("do its aliases multiply?"));
}

#[test]
fn depth_is_bounded() {
    let deep = "deeper than";
    let levels = "levels deep";
    for text in [
        format!("a: {}", "[".repeat(100_000)),
        format!("a: {}", "{a: ".repeat(100_000)),
        "- ".repeat(100_000),
        "? ".repeat(10_000),
        (0..5_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>(),
        laughs(1_000, "[x]", |alias| format!("[{alias}]")),
    ] {
        let errors = quick(&text);
        assert!(errors.contains(levels) || errors.contains(deep) || errors.contains("limit"), "{errors}");
    }
}

#[test]
fn includes_that_multiply_are_refused() {
    let names: Vec<String> = (0..20).map(|level| format!("l{level}.yaml")).collect();
    let texts: Vec<String> = (0..20)
        .map(|level| match names.get(level + 1) {
            Some(next) => format!("include: [{next}, {next}]\nservices: {{s{level}: {{image: x}}}}"),
            None => "services: {end: {image: x}}".into(),
        })
        .collect();
    let files: Vec<(&str, &str)> =
        names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let start = Instant::now();
    let errors = World::new(&files).file("l0.yaml").errors();
    assert!(errors.contains("do its includes multiply?"), "{errors}");
    assert!(start.elapsed() < Duration::from_secs(3), "took {:?}", start.elapsed());
}

#[test]
fn services_that_all_extend_a_large_one_are_refused() {
    let list = (0..20_000).map(|index| index.to_string()).collect::<Vec<_>>().join(", ");
    let mut text = format!("services:\n  base: {{x-a: [{list}]}}\n");
    for index in 0..1000 {
        text.push_str(&format!("  s{index}: {{extends: base}}\n"));
    }
    assert!(quick(&text).contains("so many services extend"));
}

/// A small generator of numbers, so that a failure can be repeated (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Parts that mean something to the reader.
const PARTS: [&str; 44] = [
    "\n",
    " ",
    "  ",
    "\t",
    ":",
    ": ",
    "- ",
    "-",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&a",
    "*a",
    "<<: *a",
    "!reset ",
    "!override ",
    "!!str ",
    "!!binary ",
    "| \n",
    ">-\n",
    "\"",
    "'",
    "\\",
    "#",
    " # ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "${",
    "}",
    "$",
    "${A:-",
    ":?",
    "$$",
    "null",
    "0x1F",
    "1e9",
    "\u{feff}",
    "ä\u{301}",
    "\0",
    "extends: a\n",
];

#[test]
fn no_input_makes_it_panic() {
    let seeds = [
        "services:\n  a: &a\n    image: ${X:-x}\n    ports: ['80:80']\n    environment: [A=1, B]\n  b:\n    <<: *a\n    extends: {service: a, file: base.yaml}\n",
        "include:\n  - path: [base.yaml]\n    env_file: x.env\nservices: {a: !override {build: ./x, volumes: [\"./a:/b:ro\", ~/c:/d]}}\n---\nservices: {a: {ports: !reset []}}\nnetworks: {n: {ipam: {config: [{subnet: 1}]}}}\n",
    ];
    let env = "A=1\nB=\"x\\n$A\n${C:-y}\"\nexport C='z' # comment\nD: e\nF\n";
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mutate = |text: &str, numbers: &mut Numbers| {
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..=numbers.below(6) {
            let at = numbers.below(chars.len() + 1);
            match numbers.below(4) {
                0 => drop(chars.splice(at..(at + numbers.below(12)).min(chars.len()), [])),
                1 => {
                    let end = (at + numbers.below(30)).min(chars.len());
                    let copy = chars[at..end].to_vec();
                    let to = numbers.below(chars.len() + 1);
                    drop(chars.splice(to..to, copy));
                }
                _ => drop(chars.splice(at..at, PARTS[numbers.below(PARTS.len())].chars())),
            }
        }
        chars.into_iter().collect::<String>()
    };
    for round in 0..4000 {
        let text = mutate(seeds[round % seeds.len()], &mut numbers);
        let base = mutate(seeds[0], &mut numbers);
        let env = mutate(env, &mut numbers);
        let world =
            World::new(&[("compose.yaml", &text), ("base.yaml", &base), ("x.env", &env), (".env", &env)]);
        if let Err(error) = world.load() {
            assert!(!error.problems.is_empty(), "no problem is named for {text:?}");
            for problem in &error.problems {
                problem.excerpt();
                assert!(!problem.to_string().is_empty());
            }
        }
    }
}
