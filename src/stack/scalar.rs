//! What a plain YAML scalar means: YAML 1.2's core schema with the additions of Compose's own reader (go-yaml v3).

use super::node::Value;

/// The value of an unquoted, untagged scalar.
///
/// As go-yaml does: `yes`, `no`, `on`, `off` and dates are text; `0o17`, `017`, `0x1F` and `0b11` are integers;
/// underscores between digits are ignored; there are no base-60 numbers.
pub fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN, text.into()),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY, text.into());
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY, text.into()),
        "-0" => return Value::Float(-0.0, text.into()),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::String(text.into());
    }
    let digits = text.replace('_', "");
    if let Some(number) = integer(&digits) {
        return number;
    }
    match is_float(&digits).then(|| digits.parse()) {
        Some(Ok(number)) => Value::Float(number, text.into()),
        _ => Value::String(text.into()),
    }
}

/// An integer in Go's base-prefix notation; past 64 bits it is kept as a number with its text.
fn integer(text: &str) -> Option<Value> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = rest.to_ascii_lowercase();
    let (digits, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (&lower[..], 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    match i128::from_str_radix(digits, radix) {
        Ok(magnitude) => {
            let number = if negative { -magnitude } else { magnitude };
            match i64::try_from(number) {
                Ok(number) => Some(Value::Int(number)),
                Err(_) => Some(Value::Float(number as f64, text.into())),
            }
        }
        Err(_) => None,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    all_digits(whole)
        && all_digits(fraction)
        && (!whole.is_empty() || !fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent))
}

/// A scalar as text, where the schema takes text (`environment`, `labels`, …): numbers as Go's `%v` prints them, so
/// `1.10` is `1.1` and `017` is `15`, as in Compose. Nothing for null, lists and mappings.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Float(value, _) => Some(go_float(*value)),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
    }
}

/// Go's `%v` of a float64: the shortest digits that read back, with an exponent below 1e-4 and from 1e21.
fn go_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e21).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(value: i64) -> Value {
        Value::Int(value)
    }

    fn text(value: &str) -> Value {
        Value::String(value.into())
    }

    #[test]
    fn plain_scalars_mean_what_compose_takes_them_for() {
        for (written, meant) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("Null", Value::Null),
            ("nULL", text("nULL")),
            ("true", Value::Bool(true)),
            ("TRUE", Value::Bool(true)),
            ("tRUE", text("tRUE")),
            ("yes", text("yes")),
            ("off", text("off")),
            ("2024-01-01", text("2024-01-01")),
            ("1:30", text("1:30")),
            ("8080:80", text("8080:80")),
            ("5", int(5)),
            ("+5", int(5)),
            ("-5", int(-5)),
            ("0777", int(511)),
            ("0o17", int(15)),
            ("0x1F", int(31)),
            ("-0x1f", int(-31)),
            ("0b11", int(3)),
            ("1_000", int(1000)),
            ("0x", text("0x")),
            ("08", Value::Float(8.0, "08".into())),
            ("1.0", Value::Float(1.0, "1.0".into())),
            (".5", Value::Float(0.5, ".5".into())),
            ("1.", Value::Float(1.0, "1.".into())),
            ("1e3", Value::Float(1000.0, "1e3".into())),
            (".", text(".")),
            ("-", text("-")),
            ("1.2.3", text("1.2.3")),
            ("1e", text("1e")),
            ("./x", text("./x")),
            (".inf", Value::Float(f64::INFINITY, ".inf".into())),
            ("123456789012345678901", Value::Float(1.2345678901234568e20, "123456789012345678901".into())),
        ] {
            assert_eq!(plain(written), meant, "{written}");
        }
    }

    #[test]
    fn numbers_become_text_as_go_prints_them() {
        for (written, text) in [
            ("1.0", "1"),
            ("1.10", "1.1"),
            (".5", "0.5"),
            ("1e3", "1000"),
            ("1e21", "1e+21"),
            ("1e-5", "1e-05"),
            ("-0", "-0"),
            ("0777", "511"),
            ("True", "true"),
        ] {
            assert_eq!(text_of(&plain(written)).as_deref(), Some(text), "{written}");
        }
    }
}
