//! A route's regex, as Kong's router reads it.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ast::ErrorKind;
use regex_syntax::hir::Hir;

/// A regex that the router accepts.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    text: String,
    /// Its classes are of Unicode characters, and not only of ASCII ones.
    unicode: bool,
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
        let built = |unicode| RegexBuilder::new(&text).unicode(unicode).build();
        // Without the tables of Unicode that the crate can be built with, some need the ASCII form.
        let built =
            built(true).map(|regex| (regex, true)).or_else(|_| built(false).map(|regex| (regex, false)));
        match built {
            Ok((regex, unicode)) => Ok(Self { regex, text, unicode }),
            Err(_) => Err(why_not(&text)),
        }
    }

    /// It is found in these bytes.
    pub fn is_match(&self, bytes: &[u8]) -> bool {
        self.regex.is_match(bytes)
    }

    /// Its parts.
    pub fn hir(&self) -> Option<Hir> {
        let mut parser = regex_syntax::ParserBuilder::new();
        parser.utf8(false).unicode(self.unicode).build().parse(&self.text).ok()
    }
}

fn why_not(text: &str) -> String {
    match regex_syntax::ast::parse::Parser::new().parse(text) {
        Err(error) => match error.kind() {
            ErrorKind::UnsupportedLookAround => "it looks around".to_owned(),
            ErrorKind::UnsupportedBackreference => "it refers back".to_owned(),
            kind => kind.to_string(),
        },
        Ok(_) => "it is too large, or has classes of Unicode".to_owned(),
    }
}
