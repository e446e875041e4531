//! Files and folders for their owner only.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A private file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be read or written.
    #[error("{}: {source}", file.display())]
    Io {
        /// The path of the file.
        file: PathBuf,
        /// The reason that the system gives.
        source: io::Error,
    },
    /// Others may read it, so what it holds must be taken for known.
    #[error("{}: may be read by others (mode {mode:o}); set it to 0600 and replace what it holds", file.display())]
    Exposed {
        /// The path of the file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Makes a folder for its owner only.
pub fn create_private_folder(folder: &Path) -> Result<(), FileError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| FileError::Io { file: folder.to_owned(), source })
}

/// Reads a file that only its owner may read, and refuses any other.
pub fn read_private(file: &Path) -> Result<Vec<u8>, FileError> {
    let io = |source| FileError::Io { file: file.to_owned(), source };
    let mode = fs::metadata(file).map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(FileError::Exposed { file: file.to_owned(), mode });
    }
    fs::read(file).map_err(io)
}

/// Reads a private file; one that is not there is made first.
pub fn read_or_create(file: &Path, make: impl FnOnce() -> Result<Vec<u8>, FileError>) -> Result<Vec<u8>, FileError> {
    if !file.exists() {
        let made = make()?;
        create_if_absent(file, &made).map_err(|source| FileError::Io { file: file.to_owned(), source })?;
    }
    read_private(file)
}

/// Writes a key file unless there is one: of two servers that start for the first time at once, both use
/// the key of the one that came first.
fn create_if_absent(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let half = file.with_extension(format!("{}.new", std::process::id()));
    write_private(&half, bytes)?;
    let linked = fs::hard_link(&half, file);
    fs::remove_file(&half)?;
    match linked {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

/// Writes a file for its owner only, whole or not at all: a crash leaves no half key behind.
pub fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let half = file.with_extension("new");
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(half, file)
}
