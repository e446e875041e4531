//! The short-lived store in an SQLite file.

use std::path::Path;

use async_trait::async_trait;
use nixa_protocol::Timestamp;
use nixa_storage::{ShortLived, StorageError};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqlitePool, SqliteSynchronous};

use crate::error::{of_migration, of_statement};
use crate::sqlite::{alone, pools};

static SCHEMA: Migrator = sqlx::migrate!("../../migrations/short_lived");

/// The embedded short-lived store, in a file of its own: authorization transactions survive a restart, and several
/// processes of one machine may share it.
#[derive(Debug, Clone)]
pub struct SqliteShortLived {
    write: SqlitePool,
    read: SqlitePool,
}

impl SqliteShortLived {
    /// Opens or makes the file.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`], [`StorageError::Schema`].
    pub async fn open(path: &Path) -> std::result::Result<Self, StorageError> {
        let (write, read) = pools(path, SqliteSynchronous::Normal).await?;
        let _alone = alone(path).await?;
        SCHEMA.run(&write).await.map_err(of_migration)?;
        Ok(Self { write, read })
    }
}

const PUT: &str = "INSERT INTO entries (key, value, expires_at) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";
const PUT_NEW: &str = "INSERT INTO entries (key, value, expires_at) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at
    WHERE entries.expires_at <= $4";
const GET: &str = "SELECT value FROM entries WHERE key = $1 AND expires_at > $2";
const TAKE: &str = "DELETE FROM entries WHERE key = $1 AND expires_at > $2 RETURNING value";
const REPLACE: &str = "UPDATE entries SET value = $3, expires_at = $4
    WHERE key = $1 AND value = $2 AND expires_at > $5";
/// A number where an entry has octets; no key of an entry begins so.
const COUNT: &str = "INSERT INTO entries (key, value, expires_at) VALUES ('#' || $1, 1, $2)
    ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value";
const DELETE: &str = "DELETE FROM entries WHERE key = $1";
const SWEEP: &str = "DELETE FROM entries WHERE expires_at <= $1";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl ShortLived for SqliteShortLived {
    async fn put(&self, key: &str, value: &[u8], expires: Timestamp, _now: Timestamp) -> Result<()> {
        sqlx::query(PUT).bind(key).bind(value).bind(expires.0).execute(&self.write).await.map_err(of_statement)?;
        Ok(())
    }

    async fn put_new(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool> {
        let query = sqlx::query(PUT_NEW).bind(key).bind(value).bind(expires.0).bind(now.0);
        Ok(query.execute(&self.write).await.map_err(of_statement)?.rows_affected() == 1)
    }

    async fn get(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>> {
        Ok(sqlx::query_scalar(GET).bind(key).bind(now.0).fetch_optional(&self.read).await.map_err(of_statement)?)
    }

    async fn take(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>> {
        Ok(sqlx::query_scalar(TAKE).bind(key).bind(now.0).fetch_optional(&self.write).await.map_err(of_statement)?)
    }

    async fn replace(&self, key: &str, old: &[u8], new: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool> {
        let query = sqlx::query(REPLACE).bind(key).bind(old).bind(new).bind(expires.0).bind(now.0);
        Ok(query.execute(&self.write).await.map_err(of_statement)?.rows_affected() == 1)
    }

    async fn count(&self, key: &str, expires: Timestamp, _now: Timestamp) -> Result<u64> {
        let count: i64 =
            sqlx::query_scalar(COUNT).bind(key).bind(expires.0).fetch_one(&self.write).await.map_err(of_statement)?;
        Ok(count.unsigned_abs())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        sqlx::query(DELETE).bind(key).execute(&self.write).await.map_err(of_statement)?;
        Ok(())
    }

    async fn sweep(&self, now: Timestamp) -> Result<()> {
        sqlx::query(SWEEP).bind(now.0).execute(&self.write).await.map_err(of_statement)?;
        Ok(())
    }

    async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.read).await.map_err(of_statement)?;
        Ok(())
    }
}
