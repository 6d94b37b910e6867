//! Compose's variable substitution: `$NAME`, `${NAME}` and their forms with defaults.
//!
//! Grammar and meaning: the Compose specification, "Interpolation", and compose-go's `template` package. One
//! difference, to the user's good: where a default isn't needed, what it needs in turn may be missing.

use std::ops::Range;

use super::port_offset::PortOffset;

/// Where variables come from.
pub struct Scope<'a> {
    /// The value of a variable that is set.
    pub lookup: &'a dyn Fn(&str) -> Option<String>,
    /// Added to the value of these variables, where that is a port.
    pub offset: &'a PortOffset,
}

/// A text with its variables filled in.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Substituted {
    /// The text.
    pub text: String,
    /// Variables without a value and without a default, which became nothing, with their place as a byte offset.
    pub unset: Vec<(String, usize)>,
    /// Variables that gave a part of the text, by value or default, with its place; inner ones come first.
    pub used: Vec<(String, Range<usize>)>,
    /// Whether the port offset was added anywhere.
    pub shifted: bool,
}

/// What is wrong with a text's variables.
#[derive(Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The byte at which the variable starts.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// Whether it is wrong whatever the variables' values are.
    pub syntax: bool,
}

/// Defaults in defaults, at most.
const MAX_DEPTH: usize = 32;

/// Fills in the variables of a text.
///
/// A `$` that starts no variable stands for itself, as in Compose; `$$` is a `$`.
pub fn substitute(text: &str, scope: &Scope<'_>) -> Result<Substituted, TemplateError> {
    let mut out = Substituted::default();
    fill(text, 0, scope, 0, &mut out)?;
    Ok(out)
}

fn fill(
    text: &str,
    base: usize,
    scope: &Scope<'_>,
    depth: usize,
    out: &mut Substituted,
) -> Result<(), TemplateError> {
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.text.push_str(&rest[..dollar]);
        let at = base + (text.len() - rest.len()) + dollar;
        let after = &rest[dollar + 1..];
        if let Some(after) = after.strip_prefix('$') {
            out.text.push('$');
            rest = after;
        } else if let Some(inner) = after.strip_prefix('{') {
            let error = |message: String| TemplateError { offset: at, message, syntax: true };
            if depth >= MAX_DEPTH {
                return Err(error(format!("defaults are nested more than {MAX_DEPTH} deep")));
            }
            let Some(close) = closing_brace(inner) else {
                return Err(error("'${' is never closed; write '$$' for a plain '$'".into()));
            };
            braced(&inner[..close], at, scope, depth, out)?;
            rest = &inner[close + 1..];
        } else {
            let name = name_length(after);
            match name {
                0 => out.text.push('$'),
                _ => variable(&after[..name], at, scope, out)?,
            }
            rest = &after[name..];
        }
    }
    out.text.push_str(rest);
    Ok(())
}

/// What stands between `${` and `}`.
fn braced(
    inner: &str,
    at: usize,
    scope: &Scope<'_>,
    depth: usize,
    out: &mut Substituted,
) -> Result<(), TemplateError> {
    let error = |message: String| TemplateError { offset: at, message, syntax: true };
    let length = name_length(inner);
    if length == 0 {
        return Err(error("'${' must be followed by a variable's name; write '$$' for a plain '$'".into()));
    }
    let (name, rest) = inner.split_at(length);
    if rest.is_empty() {
        return variable(name, at, scope, out);
    }
    let (or_empty, operator) = match rest.strip_prefix(':') {
        Some(operator) => (true, operator),
        None => (false, rest),
    };
    let value = (scope.lookup)(name).filter(|value| !(or_empty && value.is_empty()));
    // `${`, the name, the colon and the operator come before it.
    let word_at = at + 2 + length + usize::from(or_empty) + 1;
    let word = operator.get(1..).unwrap_or_default();
    match operator.chars().next() {
        Some('-') => match value {
            Some(value) => {
                unused(word, word_at, scope, depth)?;
                insert(name, value, at, scope, out)
            }
            None => default(name, word, (at, word_at), scope, depth, out),
        },
        Some('+') => match value {
            Some(_) => fill(word, word_at, scope, depth + 1, out),
            None => unused(word, word_at, scope, depth),
        },
        Some('?') => match value {
            Some(value) => {
                unused(word, word_at, scope, depth)?;
                insert(name, value, at, scope, out)
            }
            None => {
                let mut reason = Substituted::default();
                fill(word, word_at, scope, depth + 1, &mut reason)?;
                let reason = match reason.text.as_str() {
                    "" => String::new(),
                    text => format!(": {text}"),
                };
                let message = format!("the variable '{name}' must be set{reason}");
                Err(TemplateError { offset: at, message, syntax: false })
            }
        },
        _ => Err(error(format!(
            "'${{{name}' must be followed by '}}', ':-', '-', ':?', '?', ':+' or '+'; write '$$' for a plain '$'"
        ))),
    }
}

/// A word that isn't needed must still be well-formed.
fn unused(word: &str, word_at: usize, scope: &Scope<'_>, depth: usize) -> Result<(), TemplateError> {
    match fill(word, word_at, scope, depth + 1, &mut Substituted::default()) {
        Err(error) if error.syntax => Err(error),
        _ => Ok(()),
    }
}

/// `${NAME:-word}` without a value. A port in the word is offset once: by the innermost variable's name.
fn default(
    name: &str,
    word: &str,
    (at, word_at): (usize, usize),
    scope: &Scope<'_>,
    depth: usize,
    out: &mut Substituted,
) -> Result<(), TemplateError> {
    let mut filled = Substituted::default();
    fill(word, word_at, scope, depth + 1, &mut filled)?;
    out.unset.append(&mut filled.unset);
    let start = out.text.len();
    let moved = |place: Range<usize>| place.start + start..place.end + start;
    out.used.extend(filled.used.into_iter().map(|(name, place)| (name, moved(place))));
    if filled.shifted {
        out.shifted = true;
        out.text.push_str(&filled.text);
        return Ok(());
    }
    insert(name, filled.text, at, scope, out)
}

/// `$NAME`
fn variable(name: &str, at: usize, scope: &Scope<'_>, out: &mut Substituted) -> Result<(), TemplateError> {
    match (scope.lookup)(name) {
        Some(value) => insert(name, value, at, scope, out),
        None => {
            out.unset.push((name.into(), at));
            Ok(())
        }
    }
}

fn insert(
    name: &str,
    value: String,
    at: usize,
    scope: &Scope<'_>,
    out: &mut Substituted,
) -> Result<(), TemplateError> {
    let start = out.text.len();
    let port = value.parse::<u16>().ok().filter(|port| *port > 0 && scope.offset.moves(name));
    if let Some(port) = port {
        let add = scope.offset.add;
        let Some(port) = port.checked_add(add) else {
            let message = format!("'{name}' is {port}, which --port-offset {add} takes past 65535");
            return Err(TemplateError { offset: at, message, syntax: false });
        };
        out.shifted = true;
        out.text.push_str(&port.to_string());
    } else {
        out.text.push_str(&value);
    }
    out.used.push((name.to_owned(), start..out.text.len()));
    Ok(())
}

/// How many bytes of a name (`[_A-Za-z][_A-Za-z0-9]*`) a text starts with.
fn name_length(text: &str) -> usize {
    match text.bytes().next() {
        Some(first) if first == b'_' || first.is_ascii_alphabetic() => {
            text.bytes().take_while(|byte| *byte == b'_' || byte.is_ascii_alphanumeric()).count()
        }
        _ => 0,
    }
}

/// The `}` that closes what was opened before this text; braces in between come in pairs, else the last one closes.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1usize;
    let paired = text.char_indices().find_map(|(index, char)| {
        match char {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        (open == 0).then_some(index)
    });
    paired.or_else(|| text.rfind('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "SET" => Some("value".into()),
            "EMPTY" => Some(String::new()),
            "A_PORT" => Some("8000".into()),
            "HIGH_PORT" => Some("65000".into()),
            "WORD_PORT" => Some("http".into()),
            _ => None,
        }
    }

    fn with(text: &str, port_offset: u16) -> Result<Substituted, TemplateError> {
        let moved = ["A_PORT", "B_PORT", "C_PORT", "HIGH_PORT", "WORD_PORT"].map(String::from);
        let offset = PortOffset { add: port_offset, moved: moved.into() };
        substitute(text, &Scope { lookup: &lookup, offset: &offset })
    }

    #[test]
    fn every_form_of_the_specification() {
        for (text, result) in [
            ("", ""),
            ("plain", "plain"),
            ("$SET", "value"),
            ("${SET}", "value"),
            ("$SET$SET", "valuevalue"),
            ("$SET-x", "value-x"),
            ("a${SET}b", "avalueb"),
            ("$UNSET", ""),
            ("${UNSET}", ""),
            ("${EMPTY}", ""),
            ("${SET:-d}", "value"),
            ("${SET-d}", "value"),
            ("${UNSET:-d}", "d"),
            ("${UNSET-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${UNSET:-}", ""),
            ("${SET:?e}", "value"),
            ("${EMPTY?e}", ""),
            ("${SET:+r}", "r"),
            ("${SET+r}", "r"),
            ("${EMPTY:+r}", ""),
            ("${EMPTY+r}", "r"),
            ("${UNSET:+r}", ""),
            ("${UNSET+r}", ""),
            ("$$", "$"),
            ("$$SET", "$SET"),
            ("$${SET}", "${SET}"),
            ("$$$SET", "$value"),
            ("$", "$"),
            ("5 $ a", "5 $ a"),
            ("$1", "$1"),
            ("a$", "a$"),
            ("${UNSET:-${SET}}", "value"),
            ("${UNSET:-a${UNSET2:-b}c}", "abc"),
            ("${UNSET:-$SET}", "value"),
            ("${SET:+${SET}}", "value"),
            ("${UNSET:-{\"a\": 1}}", "{\"a\": 1}"),
            ("${UNSET:-{}", "{"),
            ("${UNSET:-$$x}", "$x"),
            ("${UNSET:-a-b:c?d+e}", "a-b:c?d+e"),
            ("${UNSET:-http://x:80/y}", "http://x:80/y"),
            ("${UNSET:-ä}ö", "äö"),
            ("${SET:-${UNSET:?never asked for}}", "value"),
        ] {
            assert_eq!(with(text, 0).map(|out| out.text).as_deref(), Ok(result), "{text}");
        }
    }

    #[test]
    fn wrong_forms_are_refused_with_their_place() {
        for (text, offset, message) in [
            ("a ${", 2, "'${' is never closed; write '$$' for a plain '$'"),
            ("${SET", 0, "'${' is never closed; write '$$' for a plain '$'"),
            ("${}", 0, "'${' must be followed by a variable's name; write '$$' for a plain '$'"),
            ("${1}", 0, "'${' must be followed by a variable's name; write '$$' for a plain '$'"),
            ("${UNSET:?}", 0, "the variable 'UNSET' must be set"),
            ("${UNSET?say $SET}", 0, "the variable 'UNSET' must be set: say value"),
            ("${EMPTY:?no}", 0, "the variable 'EMPTY' must be set: no"),
            ("ab${UNSET:-x${U2?no}}", 12, "the variable 'U2' must be set: no"),
        ] {
            let error = with(text, 0).map_err(|error| (error.offset, error.message));
            assert_eq!(error, Err((offset, message.to_owned())), "{text}");
        }
        for text in [
            "${SET:-${}}",
            "${SET:?${A!}}",
            "${UNSET:+${1}}",
            "${SET x}",
            "${SET:x}",
            "${SET:}",
            "${SET.x}",
            "${a b}",
        ] {
            assert!(with(text, 0).is_err(), "{text}");
        }
        let deep = format!("{}{}", "${A:-".repeat(1000), "}".repeat(1000));
        assert_eq!(
            with(&deep, 0).map_err(|error| error.message),
            Err("defaults are nested more than 32 deep".into())
        );
    }

    #[test]
    fn unset_variables_are_named_with_their_place() {
        let out = with("x ${ONE} $TWO ${THREE:-${FOUR}}", 0);
        let unset = [("ONE".to_string(), 2), ("TWO".into(), 9), ("FOUR".into(), 23)];
        assert_eq!(out.map(|out| out.unset), Ok(unset.to_vec()));
    }

    #[test]
    fn variables_are_named_with_their_place() {
        let out = with("a:${B_PORT:-${C_PORT:-9000}}:$A_PORT ${ONE}", 0).map(|out| out.used);
        let used = [("C_PORT", 2..6), ("B_PORT", 2..6), ("A_PORT", 7..11)];
        assert_eq!(out, Ok(used.map(|(name, place)| (name.to_string(), place)).to_vec()));
    }

    #[test]
    fn ports_are_offset_once() {
        for (text, result, shifted) in [
            ("${A_PORT}", "8010", true),
            ("$A_PORT:80", "8010:80", true),
            ("${B_PORT:-9000}", "9010", true),
            ("${B_PORT:-${C_PORT:-9000}}", "9010", true),
            ("${OTHER:-${A_PORT}}", "8010", true),
            ("${OTHER:-9000}", "9000", false),
            ("${WORD_PORT}", "http", false),
            ("${B_PORT:-0}", "0", false),
            ("${A_PORT:+9000}", "9000", false),
            ("${OTHER_PORT:-9000}", "9000", false),
            ("8000", "8000", false),
        ] {
            let out = with(text, 10).map(|out| (out.text, out.shifted));
            assert_eq!(out, Ok((result.to_string(), shifted)), "{text}");
        }
        let message = "'HIGH_PORT' is 65000, which --port-offset 1000 takes past 65535".into();
        assert_eq!(with("x$HIGH_PORT", 1000), Err(TemplateError { offset: 1, message, syntax: false }));
    }
}
