//! Image references as the engine's lists key them. Pure.

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
