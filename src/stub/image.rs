//! The stand-in's image: vv's own binary and nothing else, packed here and loaded: of the same binary the same image,
//! whoever makes it and however often.
//!
//! A static binary needs nothing else. A dynamically linked one brings its ELF interpreter and the libraries that
//! this very process has loaded, at the paths they have here.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use object::read::elf::{FileHeader, ProgramHeader};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Kind, Result};
use crate::plan::observed::EngineInfo;

/// The repository that stand-in images are tagged in.
pub const REPOSITORY: &str = "vv-stub";

/// Names a binary to put into the image instead of vv's own: for engines of another OS or architecture.
pub const BINARY_VARIABLE: &str = "VV_STUB_BINARY";

/// How images are packed: goes into their tags' hash.
const FORMAT: &str = "1";
/// Has no name in an image without /etc/passwd; any number will do that isn't root's.
const USER: &str = "65532:65532";
/// What stand-ins start.
const ENTRYPOINT: [&str; 2] = ["/vv", "stub"];

/// The image's tag: a hash of the binary in it, so that an image that is there is the right one.
pub fn tag() -> Result<String> {
    let binary = binary()?;
    let hash = hash_of(&binary).with_context(|| format!("could not read {}", binary.display()))?;
    Ok(format!("{REPOSITORY}:{hash}"))
}

/// The image for an engine, as `docker load` takes it. An error where the binary can't run there.
pub fn archive(engine: &EngineInfo) -> Result<Vec<u8>> {
    let path = binary()?;
    let content = fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
    let elf = Elf::parse(&content);
    let fits = elf.as_ref().is_some_and(|elf| engine.os == "linux" && elf.arch == engine.arch);
    if !fits {
        let is = elf.map_or("no Linux program".to_owned(), |elf| format!("a program for linux/{}", elf.arch));
        return Err(Failure::new(
            Kind::Failed,
            format!(
                "stand-ins run vv itself, and {} is {is}; the engine runs {}/{}",
                path.display(),
                engine.os,
                engine.arch
            ),
        )
        .hint(format!("{BINARY_VARIABLE}=/path/to/a/static/vv for {}/{}", engine.os, engine.arch)));
    }
    let mut files: Vec<(PathBuf, Vec<u8>)> = vec![(PathBuf::from("/vv"), content)];
    if let Some(interpreter) = elf.and_then(|elf| elf.interpreter) {
        if named().is_some() {
            return Err(Failure::new(Kind::Failed, format!("{} is not a static program", path.display()))
                .hint(
                    "the libraries that another program needs aren't known: build it with `make release`",
                ));
        }
        for library in libraries(&interpreter) {
            let content =
                fs::read(&library).with_context(|| format!("could not read {}", library.display()))?;
            files.push((library, content));
        }
    }
    Ok(pack(&files, engine, &tag()?).context("could not pack the stand-in's image")?)
}

/// The binary that stand-ins run.
fn binary() -> Result<PathBuf> {
    match named() {
        Some(path) => Ok(path),
        None => Ok(std::env::current_exe().context("could not find vv's own binary")?),
    }
}

/// The binary that the environment names. An empty variable names none.
fn named() -> Option<PathBuf> {
    std::env::var_os(BINARY_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// What matters of an ELF file.
struct Elf {
    arch: &'static str,
    interpreter: Option<PathBuf>,
}

impl Elf {
    fn parse(content: &[u8]) -> Option<Self> {
        let header = object::elf::FileHeader64::<object::Endianness>::parse(content).ok()?;
        let endian = header.endian().ok()?;
        let arch = match header.e_machine(endian) {
            object::elf::EM_X86_64 => "amd64",
            object::elf::EM_AARCH64 => "arm64",
            object::elf::EM_RISCV => "riscv64",
            object::elf::EM_S390 => "s390x",
            object::elf::EM_PPC64 => "ppc64le",
            _ => return None,
        };
        let segments = header.program_headers(endian, content).ok()?;
        let interpreter = segments.iter().find_map(|segment| segment.interpreter(endian, content).ok()?);
        Some(Self {
            arch,
            interpreter: interpreter.and_then(|path| Some(PathBuf::from(std::str::from_utf8(path).ok()?))),
        })
    }
}

/// The interpreter and every library that this process has mapped. glibc loads its name service modules only when
/// they are asked for (before 2.34 that includes DNS), so those beside it come along.
fn libraries(interpreter: &Path) -> BTreeSet<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mapped = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).map(PathBuf::from);
    let mut libraries: BTreeSet<PathBuf> = mapped.filter(|path| is_library(path)).collect();
    let folders: BTreeSet<PathBuf> =
        libraries.iter().filter_map(|path| path.parent()).map(Path::to_path_buf).collect();
    for folder in folders {
        let modules =
            ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"].map(|name| folder.join(name));
        libraries.extend(modules.into_iter().filter(|path| path.is_file()));
    }
    libraries.insert(interpreter.to_path_buf());
    libraries
}

fn is_library(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(".so"))
}

/// An image of one layer, in the format of `docker save`
/// (<https://github.com/moby/moby/blob/v20.10.24/image/spec/v1.2.md>, "Combined Image JSON + Filesystem Changeset Format").
/// Times are zero, so that the image's ID, a hash of its configuration, is that of the files.
fn pack(files: &[(PathBuf, Vec<u8>)], engine: &EngineInfo, tag: &str) -> io::Result<Vec<u8>> {
    let layer = layer(files)?;
    let config = json!({
        "architecture": engine.arch,
        "os": engine.os,
        "created": "1970-01-01T00:00:00Z",
        "config": {"User": USER, "Entrypoint": ENTRYPOINT},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(&Sha256::digest(&layer)))]},
    });
    let config = config.to_string();
    let config_name = format!("{}.json", hex(&Sha256::digest(&config)));
    let manifest = json!([{"Config": config_name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).to_string();
    let mut tar = tar::Builder::new(Vec::with_capacity(layer.len() + 16 * 1024));
    append(&mut tar, Path::new(&config_name), 0o644, config.as_bytes())?;
    append(&mut tar, Path::new("layer.tar"), 0o644, &layer)?;
    append(&mut tar, Path::new("manifest.json"), 0o644, manifest.as_bytes())?;
    tar.into_inner()
}

/// The files and the folders that they are in, which an engine would make for root alone.
fn layer(files: &[(PathBuf, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let inside = |path: &Path| path.strip_prefix("/").unwrap_or(path).to_path_buf();
    let paths = files.iter().map(|(path, _)| inside(path));
    let folders: BTreeSet<PathBuf> =
        paths.flat_map(|path| path.ancestors().skip(1).map(Path::to_path_buf).collect::<Vec<_>>()).collect();
    for folder in folders.iter().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut header = header(0o755, 0);
        header.set_entry_type(tar::EntryType::Directory);
        tar.append_data(&mut header, folder, io::empty())?;
    }
    for (path, content) in files {
        append(&mut tar, &inside(path), 0o755, content)?;
    }
    tar.into_inner()
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    tar.append_data(&mut header(mode, content.len() as u64), path, content)
}

fn header(mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first 12 hex digits of the binary's SHA-256. It is remembered by the file's size and time of change: hashing
/// a large binary at each start would be felt.
fn hash_of(binary: &Path) -> io::Result<String> {
    let metadata = fs::metadata(binary)?;
    let key =
        format!("{}:{}:{}:{}", metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
    let memory = crate::dirs::cache().join("stub-hash");
    if let Ok(text) = fs::read_to_string(&memory)
        && let Some((remembered, hash)) = text.trim().split_once(' ')
        && remembered == key
        && hash.len() == 12
    {
        return Ok(hash.to_owned());
    }
    let mut hasher = Sha256::new();
    hasher.update(FORMAT);
    let mut file = fs::File::open(binary)?;
    let mut buffer = vec![0; 1024 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    let hash = hex(&hasher.finalize()[..6]);
    // A cache that can't be written costs the next start a moment, nothing else.
    let _ = memory.parent().map(fs::create_dir_all);
    let _ = fs::write(&memory, format!("{key} {hash}\n"));
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn here() -> EngineInfo {
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        EngineInfo { os: "linux".into(), arch: arch.into(), ..EngineInfo::default() }
    }

    #[test]
    fn packs_this_program_with_what_it_needs() {
        let image = archive(&here()).unwrap();
        assert_eq!(image, archive(&here()).unwrap(), "the same image each time");
        assert_eq!(
            entries(&image).into_keys().filter(|name| !name.ends_with(".json")).collect::<Vec<_>>(),
            ["layer.tar"]
        );
        let layer = entries(&entries(&image)["layer.tar"]);
        assert!(layer.contains_key("vv"), "{:?}", layer.keys());
        let libc = layer.keys().find(|name| name.contains("libc.so")).expect("this test program is dynamic");
        let folder = libc.rsplit_once('/').unwrap().0;
        assert!(
            layer.contains_key(folder) || layer.contains_key(&format!("{folder}/")),
            "{:?}",
            layer.keys()
        );
    }

    fn entries(tar: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        });
        entries.collect()
    }

    #[test]
    fn another_architecture_is_refused_with_a_way_out() {
        let engine = EngineInfo { arch: "s390x".into(), ..here() };
        let failure = archive(&engine).unwrap_err();
        assert!(failure.hints[0].contains(BINARY_VARIABLE), "{failure:?}");
    }
}
