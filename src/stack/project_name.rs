//! What a project may be called.

/// Whether a project may have this name.
///
/// # Errors
/// Why not, and which would do.
pub fn check(name: &str) -> Result<(), String> {
    let normal = normal(name);
    if normal == name && !name.is_empty() {
        return Ok(());
    }
    let hint = if normal.is_empty() { String::new() } else { format!("; '{normal}' would do") };
    Err(format!(
        "'{name}' can't be a project's name: small letters, digits, '-' and '_', from a letter or digit on{hint}"
    ))
}

/// As compose-go's `NormalizeProjectName`.
pub(super) fn normal(name: &str) -> String {
    let kept: String = name
        .to_lowercase()
        .chars()
        .filter(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || matches!(char, '-' | '_'))
        .collect();
    kept.trim_start_matches(['-', '_']).to_owned()
}
