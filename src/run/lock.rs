//! One command at a time changes a stack on an engine. The kernel holds the lock (flock), so it goes with its holder,
//! however that ends.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::failure::{Failure, Kind};

/// The lock, held until dropped.
#[derive(Debug)]
pub struct Lock {
    // Closing it frees the lock.
    file: File,
    path: PathBuf,
}

impl Drop for Lock {
    /// Takes the file away while the lock is still held: who has opened it meanwhile finds, when it gets the lock,
    /// that it isn't the file of that name any more, and opens again.
    fn drop(&mut self) {
        if is_at(&self.file, &self.path) {
            // One that stays is no obstacle.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a path still names this open file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Who holds a lock: what it wrote of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its command: `start`.
    pub command: String,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Somebody else has it.
    Held {
        /// The project.
        project: String,
        /// Who; nothing when it hasn't said yet.
        holder: Option<Holder>,
    },
    /// The lock's file can't be had.
    File {
        /// The project.
        project: String,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`vv {}` (pid {})", self.command, self.pid)
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { project, holder: Some(holder) } => {
                write!(f, "project {project} is being changed by {holder}")
            }
            Self::Held { project, holder: None } => {
                write!(f, "project {project} is being changed by another vv")
            }
            Self::File { project, path, source } => {
                write!(f, "could not lock project {project}: {}: {source}", path.display())
            }
        }
    }
}

// No `std::error::Error`: as such it would become a failure without its hint.
impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let hint = match &error {
            LockError::Held { .. } => Some("--wait-lock waits until it is done"),
            LockError::File { .. } => None,
        };
        let failure = Failure::new(Kind::Failed, error.to_string());
        hint.into_iter().fold(failure, Failure::hint)
    }
}

/// A lock that can be taken: on one project of one engine.
#[derive(Debug, Clone)]
pub struct LockFile {
    folder: PathBuf,
    path: PathBuf,
    project: String,
}

impl LockFile {
    /// The lock of this project on the engine at this endpoint (`unix:///var/run/docker.sock`).
    pub fn new(endpoint: &str, project: &str) -> Self {
        Self::in_folder(folder(), endpoint, project)
    }

    fn in_folder(folder: PathBuf, endpoint: &str, project: &str) -> Self {
        let digest = Sha256::digest(format!("{endpoint}\0{project}"));
        let hash: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let path = folder.join(format!("vv-{hash}.lock"));
        Self { folder, path, project: project.to_owned() }
    }

    /// Takes the lock, for a command that others will see (`start`).
    ///
    /// # Errors
    /// [`LockError::Held`] at once when somebody else has it.
    pub fn try_lock(&self, command: &str) -> Result<Lock, LockError> {
        loop {
            let file = self.open()?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &self.path) => return self.sign(file, command),
                Err(TryLockError::WouldBlock) if is_at(&file, &self.path) => {
                    let holder = read_holder(file);
                    return Err(LockError::Held { project: self.project.clone(), holder });
                }
                // Its holder took it away between our opening and our locking it.
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(self.error(&self.path, source)),
            }
        }
    }

    /// Takes the lock as soon as it is free. `waiting` is called once, with its holder, where it isn't free at once.
    pub async fn lock(
        &self,
        command: &str,
        waiting: impl FnOnce(Option<&Holder>),
    ) -> Result<Lock, LockError> {
        match self.try_lock(command) {
            Err(LockError::Held { holder, .. }) => waiting(holder.as_ref()),
            result => return result,
        }
        loop {
            let file = self.open()?;
            let (sender, locked) = tokio::sync::oneshot::channel();
            // A thread of its own: nothing waits for it when the user gives up, and a lock it gets then goes at once.
            std::thread::spawn(move || {
                let result = file.lock();
                let _ = sender.send(result.map(|()| file));
            });
            let gone = |_| Err(io::Error::other("its thread has ended"));
            let file = locked.await.unwrap_or_else(gone).map_err(|source| self.error(&self.path, source))?;
            // Its holder took it away in the end; whoever comes first locks a new one.
            if is_at(&file, &self.path) {
                return self.sign(file, command);
            }
        }
    }

    fn open(&self) -> Result<File, LockError> {
        make_private(&self.folder).map_err(|source| self.error(&self.folder, source))?;
        // The folder is this user's alone, so nobody else can have put a link here.
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.open(&self.path).map_err(|source| self.error(&self.path, source))
    }

    fn sign(&self, mut file: File, command: &str) -> Result<Lock, LockError> {
        let text = format!("{}\n{command}\n", std::process::id());
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(|source| self.error(&self.path, source))?;
        Ok(Lock { file, path: self.path.clone() })
    }

    fn error(&self, path: &Path, source: io::Error) -> LockError {
        LockError::File { project: self.project.clone(), path: path.to_owned(), source }
    }
}

/// `$XDG_RUNTIME_DIR` where it is this user's, else `/tmp/vv-$UID`. With sudo's environment it is somebody else's.
fn folder() -> PathBuf {
    let user = rustix::process::getuid().as_raw();
    let set = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let own = set.filter(|path| path.is_absolute() && check_private(path).is_ok());
    own.unwrap_or_else(|| PathBuf::from(format!("/tmp/vv-{user}")))
}

/// Makes a folder that nobody else can enter, or checks that the one that is there is such.
fn make_private(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_private(folder),
        result => result,
    }
}

fn check_private(folder: &Path) -> io::Result<()> {
    // The link itself, if it is one: what it points to may change.
    let metadata = fs::symlink_metadata(folder)?;
    let own = metadata.uid() == rustix::process::getuid().as_raw();
    if metadata.is_dir() && own && metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    let message = "not a folder that only this user can enter";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

fn read_holder(mut file: File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    Some(Holder { pid: lines.next()?.parse().ok()?, command: lines.next()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    fn lock_file(root: &tempfile::TempDir, endpoint: &str, project: &str) -> LockFile {
        LockFile::in_folder(root.path().join("vv"), endpoint, project)
    }

    #[test]
    fn a_second_one_is_told_who_holds_it() {
        let root = tempfile::tempdir().unwrap();
        let lock = lock_file(&root, "unix:///a.sock", "shop").try_lock("start").unwrap();
        let error = lock_file(&root, "unix:///a.sock", "shop").try_lock("down").unwrap_err();
        let pid = std::process::id();
        assert_eq!(error.to_string(), format!("project shop is being changed by `vv start` (pid {pid})"));
        drop(lock);
        lock_file(&root, "unix:///a.sock", "shop").try_lock("down").unwrap();
    }

    #[test]
    fn other_projects_and_engines_have_locks_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        let _one = lock_file(&root, "unix:///a.sock", "shop").try_lock("start").unwrap();
        let _two = lock_file(&root, "unix:///a.sock", "other").try_lock("start").unwrap();
        let _three = lock_file(&root, "unix:///b.sock", "shop").try_lock("start").unwrap();
    }

    #[test]
    fn what_a_dead_holder_left_is_no_obstacle() {
        let root = tempfile::tempdir().unwrap();
        let lock = lock_file(&root, "a", "shop");
        make_private(&lock.folder).unwrap();
        fs::write(&lock.path, "99999999\nrestart of something with a long name\n").unwrap();
        let _held = lock.try_lock("start").unwrap();
        let error = lock.try_lock("down").unwrap_err();
        assert!(
            matches!(error, LockError::Held { holder: Some(Holder { ref command, .. }), .. } if command == "start")
        );
    }

    #[test]
    fn a_holder_that_has_not_signed_yet_is_another_vv() {
        let root = tempfile::tempdir().unwrap();
        let lock = lock_file(&root, "a", "shop");
        let file = lock.open().unwrap();
        file.lock().unwrap();
        let error = lock.try_lock("down").unwrap_err();
        assert_eq!(error.to_string(), "project shop is being changed by another vv");
    }

    #[tokio::test]
    async fn waits_until_it_is_free() {
        let root = tempfile::tempdir().unwrap();
        let held = lock_file(&root, "a", "shop").try_lock("start").unwrap();
        let mut seen = None;
        let second = lock_file(&root, "a", "shop");
        let mut waiting = Box::pin(second.lock("down", |holder| seen = holder.cloned()));
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err());
        drop(held);
        let _lock = (&mut waiting).await.unwrap();
        drop(waiting);
        assert_eq!(seen.map(|holder| holder.command).as_deref(), Some("start"));
        let error = lock_file(&root, "a", "shop").try_lock("stop").unwrap_err();
        assert!(error.to_string().contains("`vv down`"), "{error}");
    }

    #[test]
    fn nothing_is_left_when_it_is_freed() {
        let root = tempfile::tempdir().unwrap();
        let lock = lock_file(&root, "a", "shop");
        drop(lock.try_lock("start").unwrap());
        assert_eq!(fs::read_dir(&lock.folder).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_was_taken_away_is_no_lock() {
        let root = tempfile::tempdir().unwrap();
        let lock = lock_file(&root, "a", "shop");
        let first = lock.try_lock("start").unwrap();
        // Something cleaned up the folder: the second makes a file of its own, which the first must not take away.
        fs::remove_file(&lock.path).unwrap();
        let _second = lock.try_lock("down").unwrap();
        drop(first);
        let error = lock.try_lock("stop").unwrap_err();
        assert!(error.to_string().contains("`vv down`"), "{error}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn contenders_never_hold_it_together() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

        let root = tempfile::tempdir().unwrap();
        let (inside, taken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let contenders = (0..4).map(|number| {
            let lock = lock_file(&root, "a", "shop");
            let (inside, taken) = (Arc::clone(&inside), Arc::clone(&taken));
            tokio::spawn(async move {
                for _ in 0..200 {
                    // Half of them wait for it, the others try until they get it.
                    let held = match number % 2 {
                        0 => lock.lock("start", |_| {}).await.unwrap(),
                        _ => loop {
                            match lock.try_lock("down") {
                                Ok(held) => break held,
                                Err(LockError::Held { .. }) => tokio::task::yield_now().await,
                                Err(error) => panic!("{error}"),
                            }
                        },
                    };
                    assert!(!inside.swap(true, Ordering::SeqCst), "two hold it");
                    std::thread::yield_now();
                    assert!(inside.swap(false, Ordering::SeqCst));
                    taken.fetch_add(1, Ordering::SeqCst);
                    drop(held);
                }
            })
        });
        for contender in contenders.collect::<Vec<_>>() {
            contender.await.unwrap();
        }
        assert_eq!(taken.load(Ordering::SeqCst), 800);
        assert_eq!(fs::read_dir(root.path().join("vv")).unwrap().count(), 0);
    }

    #[test]
    fn its_folder_lets_nobody_else_in() {
        let root = tempfile::tempdir().unwrap();
        let lock = lock_file(&root, "a", "shop");
        let _held = lock.try_lock("start").unwrap();
        assert_eq!(fs::metadata(&lock.folder).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&lock.path).unwrap().mode() & 0o777, 0o600);

        fs::set_permissions(&lock.folder, fs::Permissions::from_mode(0o777)).unwrap();
        let error = lock.try_lock("start").unwrap_err();
        assert!(error.to_string().ends_with("not a folder that only this user can enter"), "{error}");
    }

    #[test]
    fn a_link_in_the_place_of_its_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = root.path().join("elsewhere");
        make_private(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, root.path().join("vv")).unwrap();
        assert!(matches!(lock_file(&root, "a", "shop").try_lock("start"), Err(LockError::File { .. })));
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    }
}
