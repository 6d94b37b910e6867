//! How files reach the loader: from disk, or from the stacks built into the binary.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The path that stands for the standard input.
pub const STDIN: &str = "-";

/// Where the loader reads files from. Paths are absolute or relative to the process's folder for a disk, and
/// start at the repository's root (`stacks/mes/compose.yaml`) for the embedded tree.
pub trait Files {
    /// The whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether there is a file (not a folder) at this path.
    fn is_file(&self, path: &Path) -> bool;

    /// Whether there is a folder at this path.
    fn is_dir(&self, path: &Path) -> bool;

    /// The names of the files (not the folders) in a folder, in no order; none when it can't be read.
    fn names(&self, folder: &Path) -> Vec<String>;
}

/// Files that read the same however often they are read, the standard input among them.
pub struct Steady<'a> {
    files: &'a dyn Files,
    read: RefCell<BTreeMap<PathBuf, Vec<u8>>>,
}

impl<'a> Steady<'a> {
    /// These files, as they are when they're first read.
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files, read: RefCell::default() }
    }
}

impl Files for Steady<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if let Some(bytes) = self.read.borrow().get(path) {
            return Ok(bytes.clone());
        }
        let bytes = self.files.read(path)?;
        self.read.borrow_mut().insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn is_file(&self, path: &Path) -> bool {
        self.files.is_file(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.files.is_dir(path)
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        self.files.names(folder)
    }
}

/// The machine's own files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(STDIN) {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        std::fs::read(path)
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.path().is_file());
        files.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }
}

/// Files in memory: what tests hand to the loader.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub BTreeMap<PathBuf, Vec<u8>>);

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.0.keys().any(|file| file.starts_with(path) && file != path)
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let files = self.0.keys().filter(|file| file.parent() == Some(folder));
        files.filter_map(|file| Some(file.file_name()?.to_str()?.to_owned())).collect()
    }
}
