//! Rebuilds when a file of the built-in stacks comes or goes: `include_dir!` tells cargo of changes only.

fn main() {
    for folder in ["stacks", "templates"] {
        watch(folder.as_ref());
    }
}

fn watch(folder: &std::path::Path) {
    announce(folder);
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            watch(&path);
        }
    }
}

fn announce(folder: &std::path::Path) {
    println!("cargo::rerun-if-changed={}", folder.display());
}
