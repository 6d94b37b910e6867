//! The progress of a pull or push, summed over its layers. Pure.

use std::collections::BTreeMap;

use crate::engine::Progress;

/// The state of the layers that the engine has spoken of.
#[derive(Debug, Default)]
pub struct Layers {
    layers: BTreeMap<String, Layer>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Layer {
    phase: Phase,
    done: u64,
    total: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Waiting,
    Moving,
    Moved,
    Extracting,
    Done,
}

impl Layers {
    /// Takes in a message about a layer. True when it was one.
    pub fn update(&mut self, id: &str, status: &str, bytes: Option<(i64, i64)>) -> bool {
        let phase = match status {
            "Pulling fs layer" | "Waiting" | "Preparing" => Phase::Waiting,
            "Downloading" | "Pushing" => Phase::Moving,
            "Verifying Checksum" | "Download complete" => Phase::Moved,
            "Extracting" => Phase::Extracting,
            "Pull complete" | "Already exists" | "Pushed" | "Layer already exists" => Phase::Done,
            _ if status.starts_with("Mounted from") => Phase::Done,
            _ if status.starts_with("Retrying in") => Phase::Waiting,
            _ => return false,
        };
        let layer = self.layers.entry(id.to_owned()).or_default();
        layer.phase = phase;
        let moving = matches!(phase, Phase::Moving);
        if let Some((done, total)) = bytes.filter(|_| moving) {
            let count = |number: i64| u64::try_from(number).unwrap_or_default();
            (layer.done, layer.total) = (count(done), count(total).max(count(done)));
        } else if phase >= Phase::Moved {
            layer.done = layer.total;
        }
        true
    }

    /// What to show: `pulling 3 of 7 layers` and the bytes that are known.
    pub fn progress(&self, verb: &str) -> Progress {
        let done = self.layers.values().filter(|layer| layer.phase == Phase::Done).count();
        let extracting = self.layers.values().any(|layer| layer.phase == Phase::Extracting)
            && self.layers.values().all(|layer| layer.phase >= Phase::Moved);
        let verb = if extracting { "extracting" } else { verb };
        let all = self.layers.len();
        let bytes = self.layers.values().fold((0, 0), |sum, layer| (sum.0 + layer.done, sum.1 + layer.total));
        let message = match all {
            0 => verb.to_owned(),
            1 => format!("{verb} 1 layer"),
            _ => format!("{verb} {done} of {all} layers"),
        };
        Progress { message, bytes: (bytes.1 > 0).then_some(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_summed() {
        let mut layers = Layers::default();
        let mut seen = Vec::new();
        for (id, status, bytes) in [
            ("7", "Pulling from library/redis", None),
            ("a", "Pulling fs layer", None),
            ("b", "Pulling fs layer", None),
            ("c", "Already exists", None),
            ("b", "Waiting", None),
            ("a", "Downloading", Some((5, 10))),
            ("b", "Downloading", Some((1, 100))),
            ("a", "Download complete", None),
            ("a", "Extracting", Some((3, 10))),
            ("b", "Verifying Checksum", None),
            ("a", "Pull complete", None),
            ("b", "Pull complete", None),
        ] {
            if layers.update(id, status, bytes) {
                let progress = layers.progress("pulling");
                seen.push(format!("{} {:?}", progress.message, progress.bytes));
            }
        }
        insta::assert_snapshot!(seen.join("\n"), @r"
        pulling 1 layer None
        pulling 0 of 2 layers None
        pulling 1 of 3 layers None
        pulling 1 of 3 layers None
        pulling 1 of 3 layers Some((5, 10))
        pulling 1 of 3 layers Some((6, 110))
        pulling 1 of 3 layers Some((11, 110))
        pulling 1 of 3 layers Some((11, 110))
        extracting 1 of 3 layers Some((110, 110))
        pulling 2 of 3 layers Some((110, 110))
        pulling 3 of 3 layers Some((110, 110))
        ");
    }
}
