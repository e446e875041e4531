//! The durable store, on SQLite (embedded) or PostgreSQL, whichever its location names.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nixa_protocol::Entropy;
use nixa_protocol::encryption::EncryptionKey;
use nixa_storage::StorageError;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::SqliteSynchronous;

use crate::audit_encryption::AuditEncryption;
use crate::db::{Db, Pools};
use crate::error::of_connection;
use crate::sqlite;

/// Whose tables a durable database has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Grants, people, decisions.
    Broker,
    /// Grants, accounts.
    Idp,
}

/// Where a durable database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file, made when it is not there.
    File(PathBuf),
    /// A PostgreSQL server: `postgres://user@host:port/database`, with `sslmode=verify-full` and
    /// `sslrootcert=FILE` for TLS. Without a password in it, the environment's `PGPASSWORD` or a `.pgpass` file
    /// has it.
    Postgres(String),
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres"),
        }
    }
}

/// How a server uses its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// The most connections to PostgreSQL. SQLite has one that writes and four that read.
    pub connections: u32,
    /// How long an answer, or a free connection, is waited for.
    pub timeout: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { connections: 10, timeout: Duration::from_secs(3) }
    }
}

/// The durable store: one database, SQLite or PostgreSQL, with the tables of its role.
#[derive(Debug, Clone)]
pub struct SqlStore {
    pub(crate) db: Db,
    pub(crate) role: Role,
    pub(crate) audit_encryption: Option<Arc<AuditEncryption>>,
}

impl SqlStore {
    /// Connects and brings the schema up to date; see [`Self::migrate`].
    pub async fn open(location: &Location, settings: PoolSettings, role: Role) -> Result<Self, StorageError> {
        let store = Self::connect(location, settings, role).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// How many statements this store has run, BEGIN and COMMIT among them: what sizing is counted with.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.db.statements.load(Ordering::Relaxed)
    }

    /// Encrypts the personal data of the audit trail under this master key. Without one, a record that has
    /// personal data is refused.
    #[must_use]
    pub fn with_audit_key(self, master: EncryptionKey, entropy: Arc<dyn Entropy>) -> Self {
        Self { audit_encryption: Some(Arc::new(AuditEncryption { master, entropy })), ..self }
    }

    /// Connects, whatever the schema is.
    pub async fn connect(location: &Location, settings: PoolSettings, role: Role) -> Result<Self, StorageError> {
        let pools = match location {
            Location::File(path) => {
                let (write, read) = sqlite::pools(path, SqliteSynchronous::Full).await?;
                Pools::Sqlite { write, read }
            }
            Location::Postgres(url) => {
                let options = PgConnectOptions::from_str(url)
                    .map_err(of_connection)?
                    .application_name("nixa")
                    // The server gives up when nobody waits any more: neither a slow statement nor an instance that
                    // froze or was cut off in a transaction may hold locks that others wait for.
                    .options(timeouts(settings.timeout))
                    .disable_statement_logging();
                let pool = PgPoolOptions::new()
                    .max_connections(settings.connections)
                    .acquire_timeout(settings.timeout)
                    .connect_with(options)
                    .await
                    .map_err(of_connection)?;
                Pools::Postgres(pool)
            }
        };
        Ok(Self {
            db: Db { pools, timeout: settings.timeout, statements: Arc::default() },
            role,
            audit_encryption: None,
        })
    }
}

fn timeouts(timeout: Duration) -> [(&'static str, String); 6] {
    let milliseconds = timeout.as_millis();
    [
        ("statement_timeout", milliseconds.to_string()),
        ("idle_in_transaction_session_timeout", milliseconds.to_string()),
        ("tcp_user_timeout", (2 * milliseconds).to_string()),
        ("tcp_keepalives_idle", "10".to_owned()),
        ("tcp_keepalives_interval", "5".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
    ]
}
