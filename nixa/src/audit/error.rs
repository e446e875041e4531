//! Why the audit trail could not be verified or exported, and the reading of a file with that error.

use std::path::{Path, PathBuf};
use std::{fs, io};

use nixa_storage::StorageError;
use thiserror::Error;

/// Why the trail could not be read or written out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A file or standard output cannot be read or written.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// The state of an export cannot be read.
    #[error("{0}: is not the state of an export")]
    State(PathBuf),
    /// A checkpoint that was kept elsewhere is not one of this trail's.
    #[error("{0}: is not a checkpoint that this trail's key has signed")]
    ForeignCheckpoint(PathBuf),
}

pub(super) fn read_file(file: &Path) -> Result<String, AuditError> {
    fs::read_to_string(file).map_err(|source| AuditError::Io { file: file.display().to_string(), source })
}
