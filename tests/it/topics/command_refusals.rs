//! What a broker refuses, and that it costs nobody else.

use super::command::{Mode, described};
use crate::support::Project;

/// Declares to a broker with the topic `plain` what vv can't know to be wrong. Leaves a topic `fine` undeclared.
pub fn refused(project: &Project, mode: Mode) {
    let before = described(project);
    let file = "topics:
  - {name: magic, partitions: 1, config: {tiered.magic: 7}}
  - {name: plain, config: {tiered.magic: 1, retention.ms: 777, segment.ms: 3600000}}
  - {name: fine, partitions: 1, config: {retention.ms: 1000}}
";
    project.write("refused.yml", file);
    let ran = project.fails(5, &["init-topics", "--topics", "refused.yml"]);
    ran.says("refused.yml:2:43: topics[0].config.tiered.magic: not a setting of a topic that vv knows; the broker may")
        .shows("INVALID_CONFIG: Unknown topic config name: tiered.magic")
        .shows("hint: this version of Kafka may not have that setting, or take other values for it")
        .shows("3 topics declared: 1 done, 2 refused");
    let after = described(project);
    assert_eq!(after["plain"], before["plain"], "all of a topic's settings, or none");
    assert_eq!(after["fine"].config["retention.ms"], "1000");
    assert!(!after.contains_key("magic"));

    let ran = project.fails(5, &["init-topics", "--topics", "refused.yml", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["status"], "failed");
    let outcome = &report["topics"][0]["outcome"];
    assert_eq!(
        outcome,
        &serde_json::json!({
            "status": "refused",
            "done": 0,
            "code": "INVALID_CONFIG",
            "message": "Unknown topic config name: tiered.magic"
        })
    );

    // A value that one version takes and the other doesn't.
    let value = "topics: [{name: small, partitions: 1, config: {segment.bytes: 100}}]\n";
    project.write("value.yml", value);
    match mode {
        Mode::Kraft => {
            let ran = project.fails(5, &["init-topics", "--topics", "value.yml"]);
            ran.shows(
                "INVALID_CONFIG: Invalid value 100 for configuration segment.bytes: Value must be at least",
            );
        }
        Mode::ZooKeeper => drop(project.ok(&["init-topics", "--topics", "value.yml"]).shows("1 done")),
    }

    // In a start, too: in the broker's words, and by the same code.
    let declared = std::fs::read_to_string(project.path("topics.yml")).unwrap();
    project.write("topics.yml", file);
    let started = project.fails(5, &["start"]);
    started.says("could not apply topics: topic ").says("Unknown topic config name: tiered.magic");
    started.says(&project.typed("init-topics --check"));
    project.write("topics.yml", &declared);
}
