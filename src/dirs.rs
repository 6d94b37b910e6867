//! Where vv keeps what it can find out again.

use std::path::PathBuf;

/// `$XDG_CACHE_HOME/vv`, else `~/.cache/vv`. Absolute.
pub fn cache() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    cache
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("vv")
}
