//! Image references: whether they are any, and as the engine's lists key them. Pure.

use std::sync::LazyLock;

use regex::Regex;

/// The grammar of <https://github.com/distribution/reference>, with the engine's rule for what is a registry's host: it
/// has a dot or a port, or is `localhost`.
static GRAMMAR: LazyLock<Regex> = LazyLock::new(|| {
    let label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
    let port = "(?::[0-9]+)";
    let host = format!(
        "(?:localhost{port}?|{label}(?:\\.{label})+{port}?|{label}{port}|\\[[a-fA-F0-9:]+\\]{port}?)"
    );
    let part = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
    let tag = "[a-zA-Z0-9_][a-zA-Z0-9_.-]*";
    let digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]+";
    Regex::new(&format!("^(?:{host}/)?{part}(?:/{part})*(?::{tag})?(?:@{digest})?$"))
        .expect("proof: the pattern is fixed, and a test matches it")
});

/// The grammar's lengths are counted here: in the pattern they would be states by the hundred, and it is made at nearly
/// every start of vv.
fn is_valid(reference: &str) -> bool {
    const LONGEST_TAG: usize = 128;
    const SHORTEST_DIGEST: usize = 32;
    let (name, digest) =
        reference.split_once('@').map_or((reference, None), |(name, rest)| (name, Some(rest)));
    let hex = digest.and_then(|digest| digest.rsplit_once(':')).map(|(_, hex)| hex.len());
    GRAMMAR.is_match(reference)
        && split_tag(name).1.is_none_or(|tag| tag.len() <= LONGEST_TAG)
        && hex.is_none_or(|length| length >= SHORTEST_DIGEST)
}

/// What is wrong with a reference; nothing with a valid one.
pub fn problem(reference: &str) -> Option<String> {
    if is_valid(reference) {
        return None;
    }
    let lower = reference.to_ascii_lowercase();
    let why = if reference.ends_with(':') {
        "the tag is empty; is its variable set?"
    } else if is_valid(&lower) {
        "a repository's name is lowercase"
    } else {
        "it is to be [HOST/]NAME[:TAG][@DIGEST], as in ghcr.io/acme/web:1.2"
    };
    Some(format!("'{reference}' is no image reference: {why}"))
}

/// The shortest name of what is meant: `docker.io/library/redis` and `redis` are both `redis:latest`. A reference
/// by digest keeps the digest and loses its tag, which decides nothing beside it. The rules are those of
/// <https://github.com/distribution/reference>.
pub fn normalise(reference: &str) -> String {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    let (name, tag) = split_tag(name);
    let name = name
        .strip_prefix("docker.io/")
        .or_else(|| name.strip_prefix("index.docker.io/"))
        .or_else(|| name.strip_prefix("registry-1.docker.io/"))
        .unwrap_or(name);
    let name = name.strip_prefix("library/").filter(|rest| !rest.contains('/')).unwrap_or(name);
    match digest {
        Some(digest) => format!("{name}@{digest}"),
        None => format!("{name}:{}", tag.unwrap_or("latest")),
    }
}

/// The registry's host; `docker.io` when the reference names none.
pub fn registry(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "index.docker.io" | "registry-1.docker.io" => "docker.io",
            _ => host,
        },
        _ => "docker.io",
    }
}

/// Name and tag. The last colon after the last slash is the tag's; one before it is a port's.
pub fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((rest, tag)) if !tag.contains('/') => (rest, Some(tag)),
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_no_reference() {
        let digest = format!("redis:7@sha256:{}", "ab".repeat(32));
        let id = format!("sha256:{}", "ab".repeat(32));
        for valid in [
            "redis",
            "redis:7",
            "a/b/c-d__e.f:V1.2-x_Y",
            "localhost/vv/x:1",
            "localhost:5000/x",
            "Registry.Example.com/a/b",
            "HOST:5000/a",
            "10.0.0.1:5000/a:b",
            "[::1]:5000/a",
            "a--b",
            &digest,
            &id,
        ] {
            assert_eq!(problem(valid), None, "{valid}");
        }
        for (wrong, why) in [
            ("UPPER/x", "lowercase"),
            ("Redis:7", "lowercase"),
            ("ghcr.io/Acme/web:1", "lowercase"),
            ("a:b:c", "HOST"),
            ("a:", "the tag is empty"),
            ("a b", "HOST"),
            ("/a", "HOST"),
            ("a/", "HOST"),
            ("a//b", "HOST"),
            (":7", "HOST"),
            ("a.-b", "HOST"),
            ("a:-b", "HOST"),
            ("a@sha256:xyz", "HOST"),
            ("https://ghcr.io/a/b", "HOST"),
            ("a\n", "HOST"),
        ] {
            let said = problem(wrong).unwrap_or_default();
            assert!(said.contains(why), "{wrong}: {said}");
        }
    }

    #[test]
    fn references() {
        for (reference, short, host) in [
            ("redis", "redis:latest", "docker.io"),
            ("redis:7", "redis:7", "docker.io"),
            ("library/redis:7", "redis:7", "docker.io"),
            ("docker.io/redis:7", "redis:7", "docker.io"),
            ("docker.io/library/redis", "redis:latest", "docker.io"),
            ("index.docker.io/library/redis", "redis:latest", "docker.io"),
            ("bitnami/redis", "bitnami/redis:latest", "docker.io"),
            ("library/deep/redis", "library/deep/redis:latest", "docker.io"),
            ("localhost/vv/x:1", "localhost/vv/x:1", "localhost"),
            ("localhost:5000/x", "localhost:5000/x:latest", "localhost:5000"),
            ("ghcr.io/a/b:c", "ghcr.io/a/b:c", "ghcr.io"),
            ("quay.io/library/x", "quay.io/library/x:latest", "quay.io"),
            ("redis:7@sha256:ab", "redis@sha256:ab", "docker.io"),
            ("docker.io/library/redis@sha256:ab", "redis@sha256:ab", "docker.io"),
        ] {
            assert_eq!(normalise(reference), short, "{reference}");
            assert_eq!(registry(reference), host, "{reference}");
        }
    }
}
