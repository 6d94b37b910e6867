//! Paths as Kong's router sees them, and what becomes of them on the way to a service.

/// Characters with a meaning of their own (RFC 3986, section 2.2, and `%`): they stay encoded.
const RESERVED: &[u8] = b"!*'();:@&=+$,/?%#[]";

/// A path in the form that routes are matched against: what needs no encoding is decoded, dots are resolved, slashes
/// merged. Bytes beyond ASCII stay encoded, unlike in Kong.
pub fn normalize(path: &str) -> String {
    let decoded = decode(path);
    let mut segments: Vec<&str> = Vec::new();
    let mut open = false;
    for segment in decoded.split('/').skip(1) {
        open = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut normal = String::from("/");
    normal.push_str(&segments.join("/"));
    if open && !segments.is_empty() {
        normal.push('/');
    }
    normal
}

fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        let offset = path.len() - rest.len() + at;
        let digits = bytes.get(offset + 1..offset + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if byte.is_ascii() && !byte.is_ascii_control() && !RESERVED.contains(&byte) => {
                decoded.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            Some(byte) => {
                decoded.push_str(&format!("%{byte:02X}"));
                rest = &rest[at + 3..];
            }
            None => {
                decoded.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// What a service is asked for: `base` is the service's path, `uri` the normal form of the request's, `prefix` what the
/// route matched of it where it is stripped.
pub fn upstream(base: &str, uri: &str, prefix: Option<&str>) -> String {
    let joined = match prefix {
        Some(prefix) => {
            let rest = without_dots(uri.get(prefix.len()..).unwrap_or_default());
            stripped(base, uri, rest)
        }
        None if base.ends_with('/') => format!("{base}{}", uri.trim_start_matches('/')),
        None if uri == "/" => base.to_owned(),
        None => format!("{base}{uri}"),
    };
    encode(&joined)
}

fn stripped(base: &str, uri: &str, rest: &str) -> String {
    let bare = base.strip_suffix('/').unwrap_or(base);
    match rest {
        "" if base == "/" => base.to_owned(),
        "" if base.ends_with('/') && !uri.ends_with('/') => bare.to_owned(),
        "" if !base.ends_with('/') && uri.len() > 1 && uri.ends_with('/') => format!("{base}/"),
        "" => base.to_owned(),
        rest => format!("{bare}/{}", rest.strip_prefix('/').unwrap_or(rest)),
    }
}

/// After a prefix that ends within a segment, `./` would climb out of the service's path.
fn without_dots(rest: &str) -> &str {
    match rest {
        "." | ".." => "",
        rest => rest.strip_prefix("./").or_else(|| rest.strip_prefix("../")).unwrap_or(rest),
    }
}

fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for character in path.chars() {
        let plain = character.is_ascii_alphanumeric() || "-._~".contains(character);
        if plain || (character.is_ascii() && RESERVED.contains(&(character as u8))) {
            encoded.push(character);
        } else {
            let mut buffer = [0; 4];
            for byte in character.encode_utf8(&mut buffer).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms() {
        for (given, normal) in [
            ("/", "/"),
            ("/a/./b//c", "/a/b/c"),
            ("/a/../b/", "/b/"),
            ("/a/..", "/"),
            ("/%61%2f%7e", "/a%2F~"),
            ("/a%", "/a%"),
            ("/a%2", "/a%2"),
            ("/%C3%a4", "/%C3%A4"),
        ] {
            assert_eq!(normalize(given), normal, "{given}");
        }
    }

    #[test]
    fn upstream_paths() {
        for (base, uri, prefix, wanted) in [
            ("/base", "/prefix/a", Some("/prefix"), "/base/a"),
            ("/base", "/prefix", Some("/prefix"), "/base"),
            ("/base", "/prefixed", Some("/prefix"), "/base/ed"),
            ("/base", "/prefix/", Some("/prefix/"), "/base/"),
            ("/base/", "/prefix", Some("/prefix"), "/base"),
            ("/base/", "/prefix/", Some("/prefix/"), "/base/"),
            ("/", "/prefix", Some("/prefix"), "/"),
            ("/", "/prefix/longer/x", Some("/prefix/longer"), "/x"),
            ("/base", "/keep/a", None, "/base/keep/a"),
            ("/base", "/", None, "/base"),
            ("/", "/keep a", None, "/keep%20a"),
            ("/base", "/p../x", Some("/p"), "/base/x"),
        ] {
            assert_eq!(upstream(base, uri, prefix), wanted, "{base} {uri} {prefix:?}");
        }
    }
}
