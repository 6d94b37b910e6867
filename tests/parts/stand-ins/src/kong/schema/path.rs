//! Paths as Kong writes them.

/// Characters that mean something in a URL: they stay percent-encoded.
const RESERVED: &str = "!#$%&'()*+,/:;=?@[]";

/// A path with dot segments resolved, empty segments merged, and percent-encoding only where it is needed.
pub fn normalised(path: &str) -> String {
    let decoded = decoded(path);
    let mut segments: Vec<&str> = Vec::new();
    let inner = decoded.strip_prefix('/').unwrap_or(&decoded);
    let parts: Vec<&str> = inner.split('/').collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        match *part {
            ".." => {
                segments.pop();
                if last {
                    segments.push("");
                }
            }
            "." if last => segments.push(""),
            "." => {}
            "" if !last => {}
            part => segments.push(part),
        }
    }
    format!("/{}", segments.join("/"))
}

fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| path.get(at + 1..at + 3).and_then(|code| u8::from_str_radix(code, 16).ok()))
            .flatten();
        match code {
            Some(byte) if RESERVED.as_bytes().contains(&byte) => {
                out.extend(format!("%{byte:02X}").bytes());
                at += 3;
            }
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether a service's path may be so.
///
/// # Errors
/// Kong's words.
pub fn service(path: &str) -> Result<(), String> {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "/.-_~%:@!$&'()*+,;=".contains(char);
    if !path.starts_with('/') || !path.chars().all(allowed) {
        return Err(format!(
            "invalid path: '{path}' (characters outside of the reserved list of RFC 3986 found)"
        ));
    }
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        rest = &rest[at + 1..];
        let two = rest.get(..2).unwrap_or(rest);
        if two.len() < 2 || !two.chars().all(|char| char.is_ascii_hexdigit()) {
            return Err(format!("invalid url-encoded value: '%{two}'"));
        }
    }
    Ok(())
}

/// Whether a route's path may be so: a prefix in its normal form, or `~` and a regular expression.
///
/// # Errors
/// Kong's words.
pub fn route(path: &str) -> Result<(), String> {
    if let Some(regex) = path.strip_prefix('~') {
        let Err(error) = fancy_regex::Regex::new(regex) else { return Ok(()) };
        let reason = match open(regex) {
            Some('(') => format!("missing ) in \"{regex}\""),
            Some(_) => format!("missing terminating ] for character class in \"{regex}\""),
            None => format!("{error} in \"{regex}\""),
        };
        return Err(format!("invalid regex: '{regex}' (PCRE returned: pcre_compile() failed: {reason})"));
    }
    match normalised(path) {
        normal if normal == path => Ok(()),
        normal => Err(format!("non-normalized path, consider use '{normal}' instead")),
    }
}

/// The bracket that a regular expression leaves open.
fn open(regex: &str) -> Option<char> {
    let (mut groups, mut set, mut escaped) = (0, false, false);
    for char in regex.chars() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' => set = false,
            _ if set => {}
            '[' => set = true,
            '(' => groups += 1,
            ')' => groups -= 1,
            _ => {}
        }
    }
    if set { Some('[') } else { (groups > 0).then_some('(') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms() {
        for (path, normal) in [
            ("/c/../d", "/d"),
            ("/e%20f", "/e f"),
            ("/%7euser/", "/~user/"),
            ("/a%2fb", "/a%2Fb"),
            ("/g/", "/g/"),
            ("/", "/"),
            ("/a//b", "/a/b"),
            ("/ü", "/ü"),
        ] {
            assert_eq!(normalised(path), normal);
        }
    }
}
