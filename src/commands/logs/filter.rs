//! Which lines are shown: by time, by pattern, by level.

use clap::ValueEnum;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use regex::bytes::Regex;

/// A log level, from the least to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum LogLevel {
    /// TRACE
    Trace,
    /// DEBUG
    Debug,
    /// INFO, NOTICE
    Info,
    /// WARN, WARNING
    Warn,
    /// ERROR
    Error,
    /// FATAL, CRITICAL, PANIC, EMERG, ALERT
    Fatal,
}

/// Decides about a line.
pub struct Filter {
    grep: Option<Regex>,
    level: Option<LogLevel>,
    words: Regex,
}

impl Filter {
    /// From the options. An error is a pattern that doesn't compile.
    pub fn new(grep: Option<&str>, level: Option<LogLevel>) -> Result<Self, regex::Error> {
        Ok(Self {
            grep: grep.map(Regex::new).transpose()?,
            level,
            words: Regex::new(
                r"(?i-u:\b(trace|debug|info|notice|warn|warning|error|err|fatal|critical|crit|panic|emerg|alert)\b)",
            )?,
        })
    }

    /// Whether the line is shown.
    pub fn matches(&self, line: &[u8]) -> bool {
        self.grep.as_ref().is_none_or(|grep| grep.is_match(line))
            && self.level.is_none_or(|wanted| self.level_of(line).is_some_and(|level| level >= wanted))
    }

    /// The level that a line tells: a JSON object's `level`, `severity` or `lvl`, else the first word that is one.
    fn level_of(&self, line: &[u8]) -> Option<LogLevel> {
        if line.trim_ascii_start().starts_with(b"{")
            && let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(line)
        {
            let level = ["level", "severity", "lvl", "log.level"].iter().find_map(|key| object.get(*key))?;
            return match level {
                // Numbers as pino and bunyan write them.
                serde_json::Value::Number(number) => number.as_u64().and_then(level_of_number),
                level => level.as_str().and_then(level_of_word),
            };
        }
        let word = self.words.find(line)?;
        std::str::from_utf8(word.as_bytes()).ok().and_then(level_of_word)
    }
}

fn level_of_word(word: &str) -> Option<LogLevel> {
    Some(match word.to_ascii_lowercase().as_str() {
        "trace" => LogLevel::Trace,
        "debug" => LogLevel::Debug,
        "info" | "notice" => LogLevel::Info,
        "warn" | "warning" => LogLevel::Warn,
        "error" | "err" => LogLevel::Error,
        "fatal" | "critical" | "crit" | "panic" | "emerg" | "alert" => LogLevel::Fatal,
        _ => return None,
    })
}

fn level_of_number(number: u64) -> Option<LogLevel> {
    Some(match number {
        10 => LogLevel::Trace,
        20 => LogLevel::Debug,
        30 => LogLevel::Info,
        40 => LogLevel::Warn,
        50 => LogLevel::Error,
        60 => LogLevel::Fatal,
        _ => return None,
    })
}

/// How many of the last lines; nothing: all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines(pub Option<u64>);

/// A number of lines, or `all`, as Compose's `--tail`.
pub fn parse_lines(text: &str) -> Result<Lines, String> {
    match text {
        "all" => Ok(Lines(None)),
        text => {
            text.parse().map(|lines| Lines(Some(lines))).map_err(|_| "a number of lines, or `all`".to_owned())
        }
    }
}

/// A time as people type it: so long ago (`10m`, `1h30m`), RFC 3339, or a local date with or without a time.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    if let Ok(ago) = text.parse::<SignedDuration>() {
        return Timestamp::now().checked_sub(ago.abs()).map_err(|error| error.to_string());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(local) = text.parse::<DateTime>() {
        return local
            .to_zoned(TimeZone::system())
            .map(|zoned| zoned.timestamp())
            .map_err(|error| error.to_string());
    }
    Err("neither a duration (10m, 1h30m) nor a time (2026-01-31T12:00:00Z, 2026-01-31 12:00)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_level_of_usual_lines() {
        let filter = Filter::new(None, None).unwrap();
        for (line, level) in [
            (r#"{"level":"WARNING","message":"error in the text doesn't count"}"#, Some(LogLevel::Warn)),
            (r#"{"level":50,"msg":"pino"}"#, Some(LogLevel::Error)),
            (r#"{"message":"no level"}"#, None),
            ("[2026-01-31 12:00:00,000] INFO [KafkaServer id=1] started", Some(LogLevel::Info)),
            ("2026/01/31 [error] 7#7: *1 connect() failed", Some(LogLevel::Error)),
            ("time=x level=fatal msg=y", Some(LogLevel::Fatal)),
            ("information is no level", None),
        ] {
            assert_eq!(filter.level_of(line.as_bytes()), level, "{line}");
        }
    }

    #[test]
    fn a_level_shows_itself_and_worse() {
        let filter = Filter::new(None, Some(LogLevel::Warn)).unwrap();
        assert!(filter.matches(b"ERROR x"));
        assert!(filter.matches(b"WARN x"));
        assert!(!filter.matches(b"INFO x"));
        assert!(!filter.matches(b"x"));
    }

    #[test]
    fn takes_a_number_of_lines() {
        assert_eq!(parse_lines("all"), Ok(Lines(None)));
        assert_eq!(parse_lines("20"), Ok(Lines(Some(20))));
        for wrong in ["x", "-1", "", "1.5"] {
            assert_eq!(parse_lines(wrong), Err("a number of lines, or `all`".to_owned()), "{wrong}");
        }
    }

    #[test]
    fn takes_times_as_people_type_them() {
        let now = Timestamp::now();
        let ago = now.duration_since(parse_time("10m").unwrap()).as_secs();
        assert!((599..=601).contains(&ago), "{ago}");
        assert_eq!(parse_time("2026-01-31T12:00:00Z").unwrap().as_second(), 1_769_860_800);
        assert!(parse_time("2026-01-31 12:00").is_ok());
        assert!(parse_time("2026-01-31").is_ok());
        assert!(parse_time("yesterday-ish").is_err());
    }
}
