//! Files on their way into a container: a tar of them, unpacked at its root.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};

use bollard::body_full;
use bollard::query_parameters::UploadToContainerOptionsBuilder;

use super::client::Client;
use crate::engine::EngineError;
use crate::plan::spec::CopiedFile;

/// Copies files into a container, folders on the way included. One call.
pub async fn copy(client: &Client, container: &str, files: &[CopiedFile]) -> Result<(), EngineError> {
    let attempt = format!("copy files into {container}");
    let tar = pack(files)
        .map_err(|error| EngineError::Refused { attempt: attempt.clone(), message: error.to_string() })?;
    // A folder where a file is to go, or the reverse, is an error and not a silent loss.
    let options = UploadToContainerOptionsBuilder::new().path("/").no_overwrite_dir_non_dir("true").build();
    let request = client.docker().upload_to_container(container, Some(options), body_full(tar.into()));
    client.call(&attempt, request).await
}

/// Folders come before what is in them. An entry for a folder that is there already would change its owner and
/// mode, so none is written: the engine makes those that are missing.
fn pack(files: &[CopiedFile]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut seen = BTreeSet::new();
    for file in files {
        let path = relative(&file.target)?;
        if !seen.insert(path.clone()) {
            continue;
        }
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(file.content.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(file.uid);
        header.set_gid(file.gid);
        header.set_mtime(0);
        tar.append_data(&mut header, &path, file.content.as_slice())?;
    }
    tar.into_inner()
}

/// The path below the root.
fn relative(target: &str) -> io::Result<PathBuf> {
    let mut path = PathBuf::new();
    for component in Path::new(target).components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => path.push(name),
            Component::ParentDir | Component::Prefix(_) => {
                return Err(io::Error::other(format!("'{target}' is no plain absolute path")));
            }
        }
    }
    if path.as_os_str().is_empty() {
        return Err(io::Error::other(format!("'{target}' names no file")));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn file(target: &str, content: &str) -> CopiedFile {
        CopiedFile { target: target.to_owned(), content: content.into(), uid: 5, gid: 6, mode: 0o440 }
    }

    #[test]
    fn files_are_packed_below_the_root_with_owner_and_mode() {
        let deep = format!("/{}/x", "d".repeat(120));
        let tar =
            pack(&[file("/etc/kong/kong.yml", "a: 1"), file("/secret", ""), file(&deep, "long")]).unwrap();
        let mut archive = tar::Archive::new(tar.as_slice());
        let entries: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = String::new();
                entry.read_to_string(&mut content).unwrap();
                let path = entry.path().unwrap().display().to_string().replace(&"d".repeat(120), "ddd");
                let header = entry.header();
                let (uid, gid) = (header.uid().unwrap(), header.gid().unwrap());
                format!("{path} {uid}:{gid} {:o} {content:?}", header.mode().unwrap())
            })
            .collect();
        insta::assert_debug_snapshot!(entries, @r#"
        [
            "etc/kong/kong.yml 5:6 440 \"a: 1\"",
            "secret 5:6 440 \"\"",
            "ddd/x 5:6 440 \"long\"",
        ]
        "#);
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        assert!(pack(&[file("/a/../../etc/passwd", "")]).is_err());
        assert!(pack(&[file("/", "")]).is_err());
    }
}
