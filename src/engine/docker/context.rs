//! A build context: the folder as a tar stream, packed while it is sent.

use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::sync::mpsc;

use super::dockerignore::Ignore;
use crate::stack::model::Build;

/// How much is packed before it is handed on.
const CHUNK: usize = 64 * 1024;

/// The name of a Dockerfile that isn't in the context: like none that anybody has.
const FOREIGN_DOCKERFILE: &str = ".dockerfile.vv";

/// What is to be sent, decided before anything is.
#[derive(Debug)]
pub struct Context {
    root: PathBuf,
    ignore: Ignore,
    /// The Dockerfile's path in the context.
    pub dockerfile: String,
    /// Its text, when it isn't a file of the context.
    foreign: Option<Vec<u8>>,
}

/// A context on its way.
#[derive(Debug, Clone, Default)]
pub struct Sending {
    sent: Arc<AtomicU64>,
    failure: Arc<Mutex<Option<String>>>,
}

impl Sending {
    /// Bytes handed on so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Why packing failed, when it did.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().ok()?.clone()
    }
}

impl Context {
    /// Finds the Dockerfile and reads what is to be ignored.
    ///
    /// # Errors
    /// Words for what is missing or can't be read.
    pub fn prepare(build: &Build) -> Result<Self, String> {
        let root = build.context.clone();
        if !root.is_dir() {
            return Err(format!("there is no build context {}", root.display()));
        }
        let (dockerfile, foreign) = match &build.dockerfile_inline {
            Some(text) => (FOREIGN_DOCKERFILE.to_owned(), Some(text.clone().into_bytes())),
            None => find_dockerfile(&root, build.dockerfile.as_deref().unwrap_or("Dockerfile"))?,
        };
        let own = build.dockerfile.as_deref().map(|name| root.join(format!("{name}.dockerignore")));
        let own = own.filter(|path| path.is_file());
        let path = own.unwrap_or_else(|| root.join(".dockerignore"));
        let ignore = match std::fs::read_to_string(&path) {
            Ok(text) => Ignore::parse(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ignore::default(),
            Err(error) => return Err(format!("can't read {}: {error}", path.display())),
        };
        Ok(Self { root, ignore, dockerfile, foreign })
    }

    /// Packs it on a thread of its own, no faster than it is read.
    pub fn send(self) -> (Sending, impl Stream<Item = io::Result<Bytes>> + Send + 'static) {
        let (sender, mut receiver) = mpsc::channel::<io::Result<Bytes>>(8);
        let sending = Sending::default();
        let noted = sending.clone();
        tokio::task::spawn_blocking(move || {
            let writer =
                ChannelWriter { sender: sender.clone(), buffer: BytesMut::new(), sent: noted.sent.clone() };
            if let Err(error) = self.pack(writer) {
                if let Ok(mut failure) = noted.failure.lock() {
                    failure.get_or_insert_with(|| error.to_string());
                }
                // Nobody listens when it is the engine that broke off.
                let _ = sender.blocking_send(Err(error));
            }
        });
        (sending, futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)))
    }

    fn pack(&self, writer: ChannelWriter) -> io::Result<()> {
        let mut tar = tar::Builder::new(writer);
        tar.follow_symlinks(false);
        if let Some(text) = &self.foreign {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, FOREIGN_DOCKERFILE, text.as_slice())?;
        }
        self.folder(&mut tar, Path::new(""))?;
        tar.into_inner()?.flush()
    }

    fn folder(&self, tar: &mut tar::Builder<ChannelWriter>, folder: &Path) -> io::Result<()> {
        let mut entries: Vec<std::fs::DirEntry> =
            std::fs::read_dir(self.root.join(folder)).and_then(Iterator::collect).map_err(named(folder))?;
        // The same context makes the same stream.
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = folder.join(entry.file_name());
            let name = path.to_string_lossy();
            // The builder itself needs these two; it is no matter whether they are ignored.
            let needed = name == self.dockerfile || name == ".dockerignore";
            let ignored = !needed && self.ignore.ignores(&name);
            let is_folder = entry.file_type()?.is_dir();
            if !ignored {
                self.entry(tar, &path).map_err(named(&path))?;
            }
            if is_folder && (!ignored || self.ignore.enters_ignored() || self.holds_dockerfile(&path)) {
                self.folder(tar, &path)?;
            }
        }
        Ok(())
    }

    fn holds_dockerfile(&self, folder: &Path) -> bool {
        Path::new(&self.dockerfile).starts_with(folder)
    }

    fn entry(&self, tar: &mut tar::Builder<ChannelWriter>, path: &Path) -> io::Result<()> {
        let full = self.root.join(path);
        let metadata = std::fs::symlink_metadata(&full)?;
        let kind = metadata.file_type();
        if kind.is_socket() || kind.is_fifo() || kind.is_char_device() || kind.is_block_device() {
            return Ok(());
        }
        let mut header = tar::Header::new_gnu();
        header.set_metadata(&metadata);
        // Who owns the files here says nothing in an image.
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("")?;
        header.set_groupname("")?;
        if kind.is_symlink() {
            header.set_size(0);
            tar.append_link(&mut header, path, std::fs::read_link(&full)?)
        } else if kind.is_dir() {
            header.set_size(0);
            tar.append_data(&mut header, path, io::empty())
        } else {
            let size = metadata.size();
            header.set_size(size);
            tar.append_data(&mut header, path, Exactly { file: std::fs::File::open(&full)?, left: size })
        }
    }
}

/// The Dockerfile's name in the context, or its text when it lies elsewhere.
fn find_dockerfile(root: &Path, name: &str) -> Result<(String, Option<Vec<u8>>), String> {
    let path = root.join(name);
    if !path.is_file() {
        return Err(format!("there is no Dockerfile {}", path.display()));
    }
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    match real(&path).strip_prefix(real(root)) {
        Ok(inside) => Ok((inside.to_string_lossy().into_owned(), None)),
        Err(_) => {
            let text =
                std::fs::read(&path).map_err(|error| format!("can't read {}: {error}", path.display()))?;
            Ok((FOREIGN_DOCKERFILE.to_owned(), Some(text)))
        }
    }
}

fn named(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    move |error| match error.kind() {
        io::ErrorKind::BrokenPipe => error,
        kind => io::Error::new(kind, format!("{}: {error}", path.display())),
    }
}

/// Reads as much as its header promised: a file that grew is cut, one that shrank is an error.
struct Exactly {
    file: std::fs::File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read(&mut buffer[..wanted])?;
        if read == 0 && wanted > 0 {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

struct ChannelWriter {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: BytesMut,
    sent: Arc<AtomicU64>,
}

impl Write for ChannelWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = self.buffer.split().freeze();
        if chunk.is_empty() {
            return Ok(());
        }
        self.sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        self.sender.blocking_send(Ok(chunk)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    async fn packed(build: &Build) -> Vec<String> {
        let (_, stream) = Context::prepare(build).unwrap().send();
        let bytes: Vec<u8> = stream
            .map(|chunk| chunk.unwrap())
            .fold(Vec::new(), async |mut all, chunk| {
                all.extend_from_slice(&chunk);
                all
            })
            .await;
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().unwrap();
        entries
            .map(|entry| {
                let entry = entry.unwrap();
                let link =
                    entry.link_name().unwrap().map(|to| format!(" -> {}", to.display())).unwrap_or_default();
                format!("{}{link} {}", entry.path().unwrap().display(), entry.header().size().unwrap())
            })
            .collect()
    }

    #[tokio::test]
    async fn a_folder_is_packed_without_what_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let write = |path: &str, text: &str| {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), text).unwrap();
        };
        write("Dockerfile", "FROM scratch");
        write(".dockerignore", "*\n!src\nsrc/secret\n");
        write("src/main", &"x".repeat(200_000));
        write("src/secret", "no");
        write("other/file", "no");
        std::os::unix::fs::symlink("main", root.join("src/link")).unwrap();
        let build = Build { context: root.to_path_buf(), ..Build::default() };
        assert_eq!(
            packed(&build).await,
            [".dockerignore 18", "Dockerfile 12", "src 0", "src/link -> main 0", "src/main 200000"]
        );

        write("docker/Web", "FROM scratch");
        write("docker/Web.dockerignore", "**\n!other\n");
        let build = Build { dockerfile: Some("docker/Web".to_owned()), ..build };
        assert_eq!(packed(&build).await, [".dockerignore 18", "docker/Web 12", "other 0", "other/file 2"]);
    }

    #[tokio::test]
    async fn a_dockerfile_from_elsewhere_is_sent_along() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("context");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(dir.path().join("Dockerfile"), "FROM scratch").unwrap();
        let build = Build { context: root, dockerfile: Some("../Dockerfile".to_owned()), ..Build::default() };
        assert_eq!(packed(&build).await, [".dockerfile.vv 12"]);
        let build = Build { dockerfile: None, dockerfile_inline: Some("FROM x".to_owned()), ..build };
        assert_eq!(packed(&build).await, [".dockerfile.vv 6"]);
        let error = Context::prepare(&Build { dockerfile_inline: None, ..build }).unwrap_err();
        assert!(error.starts_with("there is no Dockerfile /"), "{error}");
    }
}
