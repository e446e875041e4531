//! The embedded backend: SQLite in WAL mode.
//!
//! One connection writes, so that writers queue in the process instead of failing as busy; several read.
//! A durable database syncs at each commit; the short-lived one only at checkpoints: a power failure loses
//! its last moments, a crash of the process nothing.

mod short_lived;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::StorageError;

pub use short_lived::SqliteShortLived;

/// A pool of one connection that writes and a pool that reads.
pub(crate) async fn pools(
    path: &Path,
    synchronous: SqliteSynchronous,
) -> Result<(SqlitePool, SqlitePool), StorageError> {
    make_private(path).map_err(sqlx::Error::Io)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    let pool = |most| SqlitePoolOptions::new().max_connections(most).acquire_timeout(Duration::from_secs(5));
    let write = pool(1).connect_with(options.clone()).await?;
    let read = pool(4).connect_with(options.read_only(true)).await?;
    Ok((write, read))
}

/// Makes the file, if there is none, readable by its owner alone: it holds secrets and personal data, and
/// the mode that SQLite would choose lets every account of the machine read it. SQLite gives the `-wal`
/// and `-shm` files the mode of this one. A file that is there keeps the mode its operator gave it.
fn make_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
