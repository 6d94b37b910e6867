//! The resolved stack as a document.

use crate::stack::testing::config;

const FURTHER: [(&str, &str); 4] =
    [("web.env", "A=1\nB"), ("web.labels", "l=1"), ("conf", "c"), ("secret", "s")];

#[test]
fn rich() {
    // `docker compose --profile front config` of 2.26 prints the same, but for `mode: host` of a port, the short
    // form of a range in `expose` and what vv adds to `x-vv`.
    let text = include_str!("rich.yaml").replace("profiles: [front]", "profiles: []");
    insta::assert_snapshot!(config(&text, &FURTHER));
}

#[test]
fn the_document_means_the_same_when_it_is_loaded_again() {
    let text = include_str!("rich.yaml").replace("profiles: [front]", "profiles: []");
    let once = config(&text, &FURTHER);
    let further: Vec<_> = FURTHER.into_iter().chain([("kong.yml", "")]).collect();
    assert_eq!(config(&once, &further), once);
}
