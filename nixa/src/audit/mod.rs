//! The audit trail of a server: kept while it runs, verified and exported on command.
//!
//! What a record is, how chains are verified and what an event looks like are rules of `nixa_audit`; here they meet the
//! stores and the network.

mod export;
mod timestamping;
mod upkeep;
mod verify;

use std::path::{Path, PathBuf};
use std::{fs, io};

use nixa_storage::StorageError;
use thiserror::Error;

pub use export::export;
pub use timestamping::{TimestampAuthority, TimestampError};
pub use upkeep::{AuditUpkeep, UpkeepError};
pub use verify::{Report, verify};

/// How many records or checkpoints are read at once.
const BATCH: i64 = 1_000;

/// Why the audit trail could not be read or written out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The durable store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A file or standard output cannot be read or written.
    #[error("{file}: {source}")]
    Io {
        /// The path, or the name of the stream.
        file: String,
        /// The reason that the system gives.
        source: io::Error,
    },
    /// The state of an export cannot be read.
    #[error("{0}: is not the state of an export")]
    State(PathBuf),
    /// A checkpoint that was kept elsewhere is not one of this audit trail's.
    #[error("{0}: is not a checkpoint that this trail's key has signed")]
    ForeignCheckpoint(PathBuf),
}

fn read_file(file: &Path) -> Result<String, AuditError> {
    fs::read_to_string(file).map_err(|source| AuditError::Io { file: file.display().to_string(), source })
}
