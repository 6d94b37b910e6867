//! Paths as Kong's router compares them, and as they are sent.

/// What RFC 3986 reserves, and the percent sign: Kong leaves these encoded, and decodes everything else.
const RESERVED: &[u8] = b"!#$%&'()*+,/:;=?@[]";

/// What of the reserved characters may stand in a request's path as they are; `?` and `#` would end it.
const AS_IS: &[u8] = b"-._~!$&'()*+,/:;=@[]%";

/// A request's path as the router sees it: decoded but for reserved characters, without `.` and `..`, and without
/// empty segments.
pub fn normalise(path: &str) -> Vec<u8> {
    merge_slashes(&without_dots(&decode(path.as_bytes())))
}

/// A path that the router shall see, in the form in which it is sent. A percent sign stays: what is declared is encoded
/// already where it must be. Nothing where no request can have such a path.
pub fn encode(path: &[u8]) -> Option<String> {
    let mut sent = String::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'?' | b'#' => return None,
            _ if byte.is_ascii_alphanumeric() || AS_IS.contains(&byte) => sent.push(char::from(byte)),
            _ => sent.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(sent)
}

fn decode(path: &[u8]) -> Vec<u8> {
    let mut seen = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let decoded = digit(*high) * 16 + digit(*low);
                if RESERVED.contains(&decoded) {
                    seen.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
                } else {
                    seen.push(decoded);
                }
                rest = after;
            }
            _ => {
                seen.push(byte);
                rest = after;
            }
        }
    }
    seen
}

/// Of a hexadecimal digit.
fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => byte.to_ascii_lowercase() - b'a' + 10,
    }
}

/// RFC 3986, section 5.2.4.
fn without_dots(path: &[u8]) -> Vec<u8> {
    if !path.contains(&b'.') {
        return path.to_vec();
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.strip_prefix(b"/").unwrap_or(path).split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    kept.pop();
                }
                if last {
                    kept.push(b"");
                }
            }
            _ => kept.push(segment),
        }
    }
    let mut path = Vec::new();
    for segment in kept {
        path.push(b'/');
        path.extend(segment);
    }
    path
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut merged: Vec<u8> = Vec::with_capacity(path.len());
    for &byte in path {
        if byte != b'/' || merged.last() != Some(&b'/') {
            merged.push(byte);
        }
    }
    merged
}
