//! Literals drawn from a regex: short ones, made of letters and digits where it lets them.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::super::router::Pattern;

/// How many are looked at of each part of a regex.
const MANY: usize = 12;
/// What a proxy takes of a path, in bytes.
const LONGEST: usize = 4096;
/// What is drawn from a class, the best first. A dot is late, as it may make a segment that means another one; `%`, `?`
/// and `#` mean something else in a request.
const PREFERRED: &[u8] = b"a1A0b2-_~!$&'()*+,;=:@. /[]";

/// Texts that the regex may find itself in, the shortest first: whether its anchors and boundaries hold is seen when it is
/// tried. None where there are only too long ones.
pub fn draw(pattern: &Pattern) -> Vec<Vec<u8>> {
    pattern.hir().map_or_else(Vec::new, |hir| parts(&hir))
}

fn parts(hir: &Hir) -> Vec<Vec<u8>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![Vec::new()],
        HirKind::Literal(literal) => vec![literal.0.to_vec()],
        HirKind::Class(class) => from_class(class),
        HirKind::Capture(capture) => parts(&capture.sub),
        HirKind::Alternation(branches) => shortest(branches.iter().flat_map(parts).collect()),
        HirKind::Concat(rest) => rest.iter().fold(vec![Vec::new()], |begun, part| {
            let parts = parts(part);
            let joined = begun
                .iter()
                .flat_map(|begun| parts.iter().map(move |part| [begun.as_slice(), part].concat()));
            shortest(joined.collect())
        }),
        HirKind::Repetition(repetition) => {
            let once = parts(&repetition.sub);
            let least = repetition.min as usize;
            let times = [least, least + 1].into_iter();
            let times = times.filter(|times| repetition.max.is_none_or(|most| *times <= most as usize));
            shortest(
                times
                    .flat_map(|times| {
                        // Checked before it is made: a regex may ask for a million.
                        once.iter()
                            .filter(move |part| part.len() * times <= LONGEST)
                            .map(move |part| part.repeat(times))
                    })
                    .collect(),
            )
        }
    }
}

/// The shortest ones, each once, otherwise in their order.
fn shortest(mut texts: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    texts.retain(|text| text.len() <= LONGEST);
    texts.sort_by_key(Vec::len);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for text in texts {
        if kept.len() < MANY && !kept.contains(&text) {
            kept.push(text);
        }
    }
    kept
}

/// Two of those that a class lets: the second is for where the first one makes another route's path.
fn from_class(class: &Class) -> Vec<Vec<u8>> {
    let lets = |byte: u8| match class {
        Class::Unicode(class) => {
            class.iter().any(|range| (range.start()..=range.end()).contains(&char::from(byte)))
        }
        Class::Bytes(class) => class.iter().any(|range| (range.start()..=range.end()).contains(&byte)),
    };
    let mut drawn: Vec<Vec<u8>> =
        PREFERRED.iter().filter(|byte| lets(**byte)).take(2).map(|byte| vec![*byte]).collect();
    if drawn.is_empty() {
        let others = (b'a'..=b'z').chain(b'!'..=b'~').filter(|byte| !b"%?#".contains(byte) && lets(*byte));
        drawn = others.take(2).map(|byte| vec![byte]).collect();
    }
    if drawn.is_empty() {
        drawn = match class {
            Class::Unicode(class) => {
                let first = class.iter().map(|range| range.start()).find(|first| !first.is_ascii());
                first.map(|first| first.to_string().into_bytes()).into_iter().collect()
            }
            Class::Bytes(class) => {
                let first = class.iter().map(|range| range.start()).find(|first| !first.is_ascii());
                first.map(|first| vec![first]).into_iter().collect()
            }
        };
    }
    drawn
}
