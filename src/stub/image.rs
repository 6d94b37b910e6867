//! The stand-in's image: vv's own binary, FROM scratch.
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
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Kind, Result};
use crate::plan::observed::EngineInfo;

/// The repository that stand-in images are tagged in.
pub const REPOSITORY: &str = "vv-stub";

/// Names a binary to put into the image instead of vv's own: for engines of another OS or architecture.
pub const BINARY_VARIABLE: &str = "VV_STUB_BINARY";

/// What is built. The user has no name in an image without /etc/passwd; any number will do that isn't root's.
const DOCKERFILE: &str = "FROM scratch\nCOPY rootfs /\nUSER 65532:65532\nENTRYPOINT [\"/vv\", \"stub\"]\n";

/// The image's tag: a hash of the binary in it, so that an image that is there is the right one.
pub fn tag() -> Result<String> {
    let binary = binary()?;
    let hash = hash_of(&binary).with_context(|| format!("could not read {}", binary.display()))?;
    Ok(format!("{REPOSITORY}:{hash}"))
}

/// The build context for an engine, as a tar. An error where the binary can't run there.
pub fn context(engine: &EngineInfo) -> Result<Vec<u8>> {
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
    Ok(tar(&files).context("could not pack the stand-in's image")?)
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

fn tar(files: &[(PathBuf, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut append = |path: &Path, mode: u32, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        tar.append_data(&mut header, path, content)
    };
    append(Path::new("Dockerfile"), 0o644, DOCKERFILE.as_bytes())?;
    for (path, content) in files {
        append(&Path::new("rootfs").join(path.strip_prefix("/").unwrap_or(path)), 0o755, content)?;
    }
    tar.into_inner()
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
    hasher.update(DOCKERFILE);
    let mut file = fs::File::open(binary)?;
    let mut buffer = vec![0; 1024 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    let digest = hasher.finalize();
    let hash: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    // A cache that can't be written costs the next start a moment, nothing else.
    let _ = memory.parent().map(fs::create_dir_all);
    let _ = fs::write(&memory, format!("{key} {hash}\n"));
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> EngineInfo {
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        EngineInfo { os: "linux".into(), arch: arch.into(), ..EngineInfo::default() }
    }

    #[test]
    fn packs_this_program_with_what_it_needs() {
        let tar = context(&here()).unwrap();
        let mut archive = tar::Archive::new(tar.as_slice());
        let names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert!(
            names.contains(&"Dockerfile".to_owned()) && names.contains(&"rootfs/vv".to_owned()),
            "{names:?}"
        );
        assert!(names.iter().any(|name| name.contains("libc.so")), "this test program is dynamic: {names:?}");
    }

    #[test]
    fn another_architecture_is_refused_with_a_way_out() {
        let engine = EngineInfo { arch: "s390x".into(), ..here() };
        let failure = context(&engine).unwrap_err();
        assert!(failure.hints[0].contains(BINARY_VARIABLE), "{failure:?}");
    }
}
