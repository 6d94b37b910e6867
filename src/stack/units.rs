//! Compose's notations for amounts and durations.

use std::time::Duration;

/// An integer in a string: decimal, or with the prefixes `0x`, `0o` and `0b`.
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return i64::from_str_radix(digits, radix).ok();
        }
    }
    text.parse().ok()
}

/// An amount in bytes: `512`, `64k`, `1.5gb`, `2 GiB`; units are powers of 1024 and case doesn't matter.
/// The rules are those of docker's go-units (`RAMInBytes`).
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let power = match unit.strip_suffix('b').unwrap_or(&unit) {
        "" => 0,
        "k" | "ki" => 1,
        "m" | "mi" => 2,
        "g" | "gi" => 3,
        "t" | "ti" => 4,
        "p" | "pi" => 5,
        _ => return None,
    };
    let bytes = number * 1024f64.powi(power);
    // Beyond 2^63 the engine's own numbers end.
    (bytes < i64::MAX as f64).then_some(bytes as u64)
}

/// A duration: numbers with units one after the other, `1h30m`, `1.5s`, `500ms`, `2d`; a bare `0`.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let factor = match unit {
            "w" => 604_800.0,
            "d" => 86_400.0,
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = after;
    }
    // To the nanosecond, so that 1.1 s isn't 1.100000023 s.
    let nanos = (seconds * 1e9).round();
    (nanos < i64::MAX as f64).then(|| Duration::from_nanos(nanos as u64))
}

/// A duration as Compose prints it (Go's notation): `1m30s`, `1.5s`, `500ms`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".into();
    }
    let decimal = |unit: u128| {
        let (whole, fraction) = (nanos / unit, nanos % unit);
        if fraction == 0 {
            return whole.to_string();
        }
        let digits = unit.to_string().len() - 1;
        format!("{whole}.{}", format!("{fraction:0digits$}").trim_end_matches('0'))
    };
    match nanos {
        0..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(1_000_000)),
        _ => {
            let (hours, minutes) = (duration.as_secs() / 3600, duration.as_secs() / 60 % 60);
            let seconds = Duration::new(duration.as_secs() % 60, duration.subsec_nanos()).as_nanos();
            let text = format!("{}.{:09}", seconds / 1_000_000_000, seconds % 1_000_000_000);
            let seconds = text.trim_end_matches('0').trim_end_matches('.');
            match (hours, minutes) {
                (0, 0) => format!("{seconds}s"),
                (0, _) => format!("{minutes}m{seconds}s"),
                _ => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        let cases = [
            ("512", Some(512)),
            ("64k", Some(65_536)),
            ("1.5gb", Some(1_610_612_736)),
            ("2 GiB", Some(2_147_483_648)),
            ("8GB", Some(8_589_934_592)),
            ("10B", Some(10)),
            ("1e3", None),
            ("-1", None),
            ("", None),
            ("gb", None),
            (".5g", None),
            ("1.2.3k", None),
            ("99999999p", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(bytes(text), wanted, "{text}");
        }
    }

    #[test]
    fn durations() {
        let cases = [
            ("90s", Some(90_000)),
            ("1m30s", Some(90_000)),
            ("1h5m", Some(3_900_000)),
            ("1.5s", Some(1_500)),
            ("500ms", Some(500)),
            ("2d", Some(172_800_000)),
            ("0", Some(0)),
            ("90", None),
            ("", None),
            ("s", None),
            ("5x", None),
            ("-5s", None),
            ("1..5s", None),
            ("99999999999999w", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(duration(text).map(|d| d.as_millis()), wanted, "{text}");
        }
    }

    #[test]
    fn durations_print_as_compose_prints_them() {
        let cases = [
            (90_000, "1m30s"),
            (3_600_000, "1h0m0s"),
            (500, "500ms"),
            (1_500, "1.5s"),
            (0, "0s"),
            (61_250, "1m1.25s"),
        ];
        for (millis, text) in cases {
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
    }
}
