//! What a request for a route is put together from.

use std::iter;

use super::super::router::{Pattern, Route, encode};
use super::draw::draw;

/// How many combinations are tried for one route.
const MOST: usize = 600;
/// … of its headers' values.
const HEADERS: usize = 8;
/// Put in the place of a wildcard, and behind a prefix.
const LABEL: &str = "vv-probe";

/// A request can't be made: why.
#[derive(Debug)]
pub struct Undrawable(pub String);

/// What each part of a request may be, the best first. None of the lists is empty.
#[derive(Debug)]
pub struct Pieces {
    /// `Host` headers; nothing for that of the proxy.
    hosts: Vec<Option<String>>,
    paths: Vec<String>,
    headers: Vec<Vec<(String, String)>>,
    /// TLS server names.
    snis: Vec<Option<String>>,
}

/// One of each.
pub type Combination<'a> = (Option<&'a String>, &'a str, &'a [(String, String)], Option<&'a String>);

impl Pieces {
    /// What can be drawn from what a route matches on. `routed`: Kong's router has the route.
    ///
    /// # Errors
    /// There is nothing for one of them.
    pub fn of(route: &Route, routed: bool) -> Result<Self, Undrawable> {
        let pieces = Self {
            hosts: or_nothing(route.hosts.iter().map(|host| host_of(host)).collect()),
            paths: paths(route)?,
            headers: headers(route)?,
            // Clients send server names small, and without the last dot.
            snis: or_nothing(route.snis.iter().map(|sni| sni.trim_end_matches('.').to_lowercase()).collect()),
        };
        if routed {
            Ok(pieces)
        } else {
            Err(Undrawable("Kong's router doesn't understand all of it".to_owned()))
        }
    }
}

/// Every combination up to [`MOST`], first those with the first paths: they are the likeliest to be taken.
pub fn product(pieces: &Pieces) -> impl Iterator<Item = Combination<'_>> {
    let headers = pieces.headers.iter().map(Vec::as_slice);
    headers
        .flat_map(move |headers| pieces.snis.iter().map(move |sni| (headers, sni)))
        .flat_map(move |(headers, sni)| pieces.hosts.iter().map(move |host| (headers, sni, host)))
        .flat_map(move |(headers, sni, host)| {
            pieces.paths.iter().map(move |path| (host.as_ref(), path.as_str(), headers, sni.as_ref()))
        })
        .take(MOST)
}

fn or_nothing(texts: Vec<String>) -> Vec<Option<String>> {
    if texts.is_empty() { vec![None] } else { texts.into_iter().map(Some).collect() }
}

/// A host with its wildcard filled in. Case stays: the router tells it apart.
fn host_of(declared: &str) -> String {
    declared.replacen('*', LABEL, 1)
}

/// First one of each that is declared, then longer ones of prefixes: another route may take just the first.
fn paths(route: &Route) -> Result<Vec<String>, Undrawable> {
    if route.paths.is_empty() {
        return Ok(vec!["/".to_owned(), format!("/{LABEL}")]);
    }
    let mut why = None;
    let mut drawn = Vec::new();
    let mut longer = Vec::new();
    for path in &route.paths {
        let found = match path.strip_prefix('~') {
            Some(regex) => of_regex(path, regex),
            None => of_prefix(path),
        };
        match found {
            Ok((first, rest)) => {
                drawn.push(first);
                longer.extend(rest);
            }
            Err(Undrawable(reason)) => why = why.or(Some(reason)),
        }
    }
    drawn.extend(longer);
    match why {
        Some(why) if drawn.is_empty() => Err(Undrawable(why)),
        _ => Ok(drawn),
    }
}

fn of_prefix(path: &str) -> Result<(String, Vec<String>), Undrawable> {
    let sent = encode(path.as_bytes());
    let sent = sent.ok_or_else(|| Undrawable(format!("no request can have the path {path}")))?;
    let slash = if path.ends_with('/') { "" } else { "/" };
    let longer = vec![format!("{sent}{slash}{LABEL}"), format!("{sent}{slash}"), format!("{sent}-{LABEL}")];
    Ok((sent, longer))
}

/// Not tried here: the router does that, which has the regex ready.
fn of_regex(path: &str, regex: &str) -> Result<(String, Vec<String>), Undrawable> {
    let undrawable = |why: &str| Undrawable(format!("no path can be drawn from {path}: {why}"));
    let pattern = Pattern::of_path(regex).map_err(|why| undrawable(&why))?;
    let drawn = draw(&pattern);
    // A regex that isn't anchored at its end takes longer ones as well.
    let longer = drawn.iter().take(2).map(|text| [text.as_slice(), b"/", LABEL.as_bytes()].concat());
    let texts: Vec<Vec<u8>> = drawn.iter().cloned().chain(longer).collect();
    let mut sent = texts.iter().filter(|text| text.starts_with(b"/")).filter_map(|text| encode(text));
    let first = sent.next().ok_or_else(|| undrawable("vv finds no text that it matches"))?;
    Ok((first, sent.collect()))
}

/// Combinations of one value for each header.
fn headers(route: &Route) -> Result<Vec<Vec<(String, String)>>, Undrawable> {
    let mut sets: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for (name, values) in &route.headers {
        let drawn: Vec<String> = values.iter().flat_map(|value| header_values(value)).collect();
        if drawn.is_empty() {
            return Err(Undrawable(format!("no value can be drawn for its header {name}")));
        }
        sets = sets
            .iter()
            .flat_map(|set| {
                drawn.iter().map(|value| set.iter().cloned().chain(iter::once((name.clone(), value.clone()))))
            })
            .map(Iterator::collect)
            .take(HEADERS)
            .collect();
    }
    Ok(sets)
}

fn header_values(declared: &str) -> Vec<String> {
    let Some(regex) = declared.strip_prefix("~*") else { return vec![declared.to_owned()] };
    let Ok(pattern) = Pattern::of_header(regex) else { return Vec::new() };
    let texts = draw(&pattern).into_iter().filter_map(|text| String::from_utf8(text).ok());
    // Spaces at the ends don't arrive, nor does an empty one with every server.
    let texts =
        texts.map(|text| if text.trim().is_empty() { "a".to_owned() } else { text.trim().to_owned() });
    let texts = texts.filter(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    texts.filter(|text| pattern.is_match(text.to_lowercase().as_bytes())).take(2).collect()
}
