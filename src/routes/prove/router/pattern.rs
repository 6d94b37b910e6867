//! A route's regex, as Kong's router reads it.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::ast::ErrorKind;
use regex_syntax::hir::{Hir, HirKind, Look};

/// A regex that the router accepts.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    /// Its classes are of Unicode characters, and not only of ASCII ones.
    unicode: bool,
    /// What all that it matches begins with. A gateway may have thousands of regexes, and a request is like few.
    begins: Vec<u8>,
    /// Made when it is first needed; nothing where it is too large.
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The regex of a path, without its `~`. Kong 3.4's router anchors it at the beginning only, and rewrites `?<` as
    /// `?P<` wherever it stands.
    ///
    /// # Errors
    /// What in it neither the router nor vv understands; such a route gets no request at all, although the Admin API,
    /// which checks it with PCRE, takes it.
    pub fn of_path(text: &str) -> Result<Self, String> {
        Self::new(format!("^{}", text.replace("?<", "?P<")))
    }

    /// The regex of a header's value, without its `~*`. The router makes it and the value small.
    ///
    /// # Errors
    /// As of a path.
    pub fn of_header(text: &str) -> Result<Self, String> {
        Self::new(text.to_lowercase())
    }

    fn new(text: String) -> Result<Self, String> {
        // Without the tables of Unicode that the crate can be built with, some need the ASCII form.
        let parsed = [true, false].into_iter().find_map(|unicode| Some((parse(&text, unicode)?, unicode)));
        let Some((hir, unicode)) = parsed else { return Err(why_not(&text)) };
        Ok(Self { begins: beginning(&hir), text, unicode, regex: OnceLock::new() })
    }

    /// It is found in these bytes.
    pub fn is_match(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(&self.begins) && self.regex().is_some_and(|regex| regex.is_match(bytes))
    }

    /// Its parts.
    pub fn hir(&self) -> Option<Hir> {
        parse(&self.text, self.unicode)
    }

    fn regex(&self) -> Option<&Regex> {
        let built = || RegexBuilder::new(&self.text).unicode(self.unicode).build().ok();
        self.regex.get_or_init(built).as_ref()
    }
}

fn parse(text: &str, unicode: bool) -> Option<Hir> {
    ParserBuilder::new().utf8(false).unicode(unicode).build().parse(text).ok()
}

fn beginning(hir: &Hir) -> Vec<u8> {
    let HirKind::Concat(parts) = hir.kind() else { return Vec::new() };
    match parts.iter().map(Hir::kind).collect::<Vec<_>>().as_slice() {
        [HirKind::Look(Look::Start), HirKind::Literal(literal), ..] => literal.0.to_vec(),
        _ => Vec::new(),
    }
}

fn why_not(text: &str) -> String {
    match regex_syntax::ast::parse::Parser::new().parse(text) {
        Err(error) => match error.kind() {
            ErrorKind::UnsupportedLookAround => "it looks around".to_owned(),
            ErrorKind::UnsupportedBackreference => "it refers back".to_owned(),
            kind => kind.to_string(),
        },
        Ok(_) => "it has classes of Unicode that vv doesn't know".to_owned(),
    }
}
