//! Copies of configs and secrets on this machine, for containers that nothing can be copied into.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::plan::spec::CachedFile;

/// Writes the files that aren't there yet. Their folders let nobody else in; the files themselves have the bits that
/// the container is to see. The error says what couldn't be written, never what was to be in it.
pub(super) fn write(files: &[CachedFile]) -> Result<(), String> {
    for file in files {
        write_one(file).map_err(|error| format!("{}: {error}", file.path.display()))?;
    }
    Ok(())
}

/// Removes the copies of a project below `root` (`$XDG_CACHE_HOME/vv`): for when its containers are gone.
pub fn remove_project(root: &Path, project: &str) -> io::Result<()> {
    match fs::remove_dir_all(root.join(project)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn write_one(file: &CachedFile) -> io::Result<()> {
    let wrong_path = || io::Error::new(io::ErrorKind::InvalidInput, "not the path of a file");
    let folder = file.path.parent().ok_or_else(wrong_path)?;
    let name = file.path.file_name().ok_or_else(wrong_path)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Folders of an earlier, careless hand are closed too.
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    if is_written(file)? {
        return Ok(());
    }
    // Written aside and moved into place: a container that binds it never sees half of it.
    let mut aside = name.to_owned();
    aside.push(format!(".{}", std::process::id()));
    let aside = folder.join(aside);
    let written = write_new(&aside, file).and_then(|()| fs::rename(&aside, &file.path));
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written
}

/// It is there, with this content and these bits. A symbolic link is not it.
fn is_written(file: &CachedFile) -> io::Result<bool> {
    let metadata = match fs::symlink_metadata(&file.path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let same_bits = metadata.permissions().mode() & 0o7777 == file.mode;
    Ok(metadata.is_file() && same_bits && fs::read(&file.path)? == file.content)
}

fn write_new(path: &Path, file: &CachedFile) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    new.write_all(&file.content)?;
    // After the content: a file that its owner can't write is opened for writing only once.
    new.set_permissions(Permissions::from_mode(file.mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path, content: &str, mode: u32) -> CachedFile {
        CachedFile { path: path.to_owned(), content: content.into(), mode }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn writes_into_folders_that_only_the_user_can_enter() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("vv/shop/abc");
        write(&[file(&path, "one", 0o444)]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(mode(&path), 0o444);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn leaves_what_is_right_and_mends_what_is_not() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("abc");
        let wanted = file(&path, "one", 0o440);
        write(std::slice::from_ref(&wanted)).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        write(std::slice::from_ref(&wanted)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);

        fs::remove_file(&path).unwrap();
        fs::write(&path, "torn").unwrap();
        write(std::slice::from_ref(&wanted)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(mode(&path), 0o440);
    }

    #[test]
    fn replaces_a_link_instead_of_following_it() {
        let root = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (root.path().join("abc"), root.path().join("elsewhere"));
        fs::write(&elsewhere, "one").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        write(&[file(&path, "two", 0o444)]).unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "one");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn names_the_file_that_cannot_be_written() {
        let root = tempfile::tempdir().unwrap();
        let blocker = root.path().join("file");
        fs::write(&blocker, "").unwrap();
        let error = write(&[file(&blocker.join("abc"), "secret", 0o444)]).unwrap_err();
        assert!(error.starts_with(&format!("{}/abc: ", blocker.display())), "{error}");
        assert!(!error.contains("secret"));
    }

    #[test]
    fn removing_what_is_not_there_is_fine() {
        let root = tempfile::tempdir().unwrap();
        write(&[file(&root.path().join("shop/abc"), "one", 0o444)]).unwrap();
        remove_project(root.path(), "shop").unwrap();
        remove_project(root.path(), "shop").unwrap();
        assert!(!root.path().join("shop").exists());
    }
}
