//! When two values of a setting are the same to Kafka, however they are written. Pure.

use super::settings;

/// Whether they are the same: numbers by value (`0.50` is `0.5`), lists as sets (`compact,delete`), booleans by word.
pub(super) fn same(setting: &str, one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    if one == other {
        return true;
    }
    if settings::is_list(setting) {
        return settings::items(one) == settings::items(other);
    }
    if is_boolean(one) && is_boolean(other) {
        return one.eq_ignore_ascii_case(other);
    }
    // Before fractions: two large whole numbers may be one as such.
    if let (Ok(one), Ok(other)) = (one.parse::<i128>(), other.parse::<i128>()) {
        return one == other;
    }
    match (decimal(one), decimal(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// A number as Kafka's Java would print it, without a needless exponent: `0.5`.
pub(super) fn number(number: f64) -> String {
    // `-0` is `0`.
    format!("{}", number + 0.0)
}

fn is_boolean(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

/// Digits only: `inf` and `nan` are words here.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.bytes().any(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse::<f64>().ok()).flatten().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn values_are_compared_by_what_they_mean() {
        for (setting, one, other, wanted) in [
            ("min.cleanable.dirty.ratio", "0.50", "0.5", true),
            ("min.cleanable.dirty.ratio", "5e-1", "0.5", true),
            ("min.cleanable.dirty.ratio", "0.5", "0.6", false),
            ("cleanup.policy", "compact,delete", "delete, compact", true),
            ("cleanup.policy", "compact", "compact,delete", false),
            ("cleanup.policy", "", "delete", false),
            ("leader.replication.throttled.replicas", "0:1,1:2", "1:2,0:1", true),
            ("preallocate", "True", "true", true),
            ("preallocate", "true", "false", false),
            ("retention.ms", "604800000", " 604800000", true),
            ("retention.ms", "0604800000", "604800000", true),
            ("retention.ms", "9223372036854775807", "9223372036854775806", false),
            ("compression.type", "zstd", "lz4", false),
            // Of a setting that isn't known, a comma is a comma.
            ("x.list", "a,b", "b,a", false),
            ("x.number", "1.0", "1", true),
            ("x.words", "nan", "NaN", false),
        ] {
            assert_eq!(same(setting, one, other), wanted, "{setting}: {one} and {other}");
            assert_eq!(same(setting, other, one), wanted, "{setting}: {other} and {one}");
        }
    }
}
