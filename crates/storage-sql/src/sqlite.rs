//! The embedded backend: SQLite in WAL mode.
//!
//! One connection writes, so that writers queue in the process instead of failing as busy; several read.
//! A durable database syncs at each commit; the short-lived one only at checkpoints: a power failure loses
//! its last moments, a crash of the process nothing.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use nixa_storage::{Cause, StorageError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::error::of_connection;

/// A pool of one connection that writes and a pool that reads.
pub(crate) async fn pools(
    path: &Path,
    synchronous: SqliteSynchronous,
) -> Result<(SqlitePool, SqlitePool), StorageError> {
    make_private(path).map_err(of_file)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    let pool = |most| SqlitePoolOptions::new().max_connections(most).acquire_timeout(Duration::from_secs(5));
    // The switch of a new file to WAL fails as busy at once, without waiting, while another process opens it.
    let _alone = alone(path).await?;
    let write = pool(1).connect_with(options.clone()).await.map_err(of_connection)?;
    let read = pool(4).connect_with(options.read_only(true)).await.map_err(of_connection)?;
    Ok((write, read))
}

/// Holds every other process of this machine that prepares a database of the same folder until it is dropped:
/// SQLite's own locks keep statements apart, not the steps of a schema. It is the folder that is locked: to
/// open and close the database's file again would take away the locks that SQLite has on it.
pub(crate) async fn alone(path: &Path) -> Result<File, StorageError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.to_owned();
    let locked = tokio::task::spawn_blocking(move || {
        let folder = File::open(folder)?;
        folder.lock()?;
        Ok(folder)
    });
    locked.await.map_err(io::Error::other).flatten().map_err(of_file)
}

fn of_file(error: io::Error) -> StorageError {
    StorageError::Unavailable(Cause::new(error))
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
