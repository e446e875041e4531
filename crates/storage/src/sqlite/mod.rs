//! The embedded backend: SQLite in WAL mode.
//!
//! One connection writes, so that writers queue in the process instead of failing as busy; several read.
//! A durable database syncs at each commit; the short-lived one only at checkpoints: a power failure loses
//! its last moments, a crash of the process nothing.

mod accounts;
mod grants;
mod outbox;
mod people;
mod short_lived;
mod signals;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::StorageError;

pub use short_lived::SqliteShortLived;

static PROVIDER: Migrator = sqlx::migrate!("../../migrations/sqlite/provider");
static BROKER: Migrator = sqlx::migrate!("../../migrations/sqlite/broker");
static IDP: Migrator = sqlx::migrate!("../../migrations/sqlite/idp");
static SHORT_LIVED: Migrator = sqlx::migrate!("../../migrations/sqlite/short_lived");

/// Whose tables a durable database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Grants, people, decisions.
    Broker,
    /// Grants, accounts.
    Idp,
}

/// The durable store.
#[derive(Debug, Clone)]
pub struct SqlStore {
    write: SqlitePool,
    read: SqlitePool,
}

impl SqlStore {
    /// Opens or makes the database file and brings its schema up to date.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`], [`StorageError::Schema`].
    pub async fn open(path: &Path, role: Role) -> Result<Self, StorageError> {
        let own = match role {
            Role::Broker => &BROKER,
            Role::Idp => &IDP,
        };
        let (write, read) = open(path, SqliteSynchronous::Full, &[&PROVIDER, own]).await?;
        Ok(Self { write, read })
    }
}

async fn open(
    path: &Path,
    synchronous: SqliteSynchronous,
    migrators: &[&Migrator],
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
    let steps: Vec<Migration> = migrators.iter().flat_map(|m| m.iter().cloned()).collect();
    Migrator::with_migrations(steps).run(&write).await?;
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
