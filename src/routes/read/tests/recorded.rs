//! What a real Kong 3.4.2 without a database took, and what it refused whatever its plugins are.

use std::path::Path;

use serde_json::Value;

use super::read_with;
use crate::routes::read::read_as_is;
use crate::stack::files::Memory;

/// A line is one exchange: its name, the document that was sent, and whether it was taken.
const EXCHANGES: &str = include_str!("recorded.jsonl");

#[test]
fn what_kong_takes_vv_takes() {
    // Kong lets a service's url win over its host without a word.
    const REFUSED: [&str; 1] = ["config-url-shorthand-conflict"];
    let (mut taken, mut refused) = (0, 0);
    for line in EXCHANGES.lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        let (name, text) = (exchange["name"].as_str().unwrap(), exchange["text"].as_str().unwrap());
        let files = Memory([("/w/kong.yml".into(), text.as_bytes().to_vec())].into());
        let read = read_as_is(Path::new("kong.yml"), &files, Path::new("/w"));
        match (exchange["taken"] == true, REFUSED.contains(&name)) {
            (true, false) => {
                taken += 1;
                if let Err(error) = read {
                    panic!("{name}: {error}\n{text}");
                }
                assert!(read_with(text, &[]).is_ok(), "{name}");
            }
            (true, true) => assert!(read.is_err(), "{name}"),
            (false, _) => {
                refused += 1;
                assert!(read.is_err(), "{name}\n{text}");
            }
        }
    }
    assert!(taken >= 25 && refused >= 30, "{taken} {refused}");
}
