//! One way to run a statement on SQLite and on PostgreSQL: its text stands once, its values and rows are of
//! the few types that both have.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nixa_protocol::id::Id;
use nixa_protocol::{Digest, Timestamp};
use nixa_storage::StorageError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{Decode, Postgres, Row as _, Sqlite, Transaction};

use crate::error::{of_column, of_statement};

type Result<T> = std::result::Result<T, StorageError>;

/// A value in a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arg<'a> {
    Text(&'a str),
    MaybeText(Option<&'a str>),
    Int(i64),
    MaybeInt(Option<i64>),
    Flag(bool),
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::MaybeText(text)
    }
}

impl<'a, T> From<&'a Id<T>> for Arg<'a> {
    fn from(id: &'a Id<T>) -> Self {
        Self::Text(id.as_str())
    }
}

impl<'a> From<&'a Digest> for Arg<'a> {
    fn from(digest: &'a Digest) -> Self {
        Self::Text(digest.as_str())
    }
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<Timestamp> for Arg<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Int(time.0)
    }
}

impl From<bool> for Arg<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// The values of a statement.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::db::Arg::from($value)),*] };
}
pub(crate) use args;

/// PostgreSQL has no NUL in a text and SQLite's tools stop at one: neither stores it, so that a value never
/// comes back as another.
fn check(args: &[Arg<'_>]) -> Result<()> {
    let has_nul = |text: &str| text.contains('\0');
    let bad = args.iter().any(|arg| match arg {
        Arg::Text(text) => has_nul(text),
        Arg::MaybeText(text) => text.is_some_and(has_nul),
        Arg::Int(_) | Arg::MaybeInt(_) | Arg::Flag(_) => false,
    });
    if bad { Err(StorageError::NotText) } else { Ok(()) }
}

fn for_sqlite<'q>(sql: &'static str, args: &'q [Arg<'q>]) -> Query<'q, Sqlite, SqliteArguments> {
    args.iter().fold(sqlx::query(sql), |query, arg| match *arg {
        Arg::Text(text) => query.bind(text),
        Arg::MaybeText(text) => query.bind(text),
        Arg::Int(number) => query.bind(number),
        Arg::MaybeInt(number) => query.bind(number),
        Arg::Flag(flag) => query.bind(flag),
    })
}

fn for_postgres<'q>(sql: &'static str, args: &'q [Arg<'q>]) -> Query<'q, Postgres, PgArguments> {
    args.iter().fold(sqlx::query(sql), |query, arg| match *arg {
        Arg::Text(text) => query.bind(text),
        Arg::MaybeText(text) => query.bind(text),
        Arg::Int(number) => query.bind(number),
        Arg::MaybeInt(number) => query.bind(number),
        Arg::Flag(flag) => query.bind(flag),
    })
}

/// A row of an answer.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(crate) fn text(&self, column: &'static str) -> Result<String> {
        self.value(column)
    }

    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>> {
        self.value(column)
    }

    pub(crate) fn int(&self, column: &'static str) -> Result<i64> {
        self.value(column)
    }

    pub(crate) fn maybe_int(&self, column: &'static str) -> Result<Option<i64>> {
        self.value(column)
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool> {
        self.value(column)
    }

    fn value<T>(&self, column: &'static str) -> Result<T>
    where
        T: for<'r> Decode<'r, Sqlite> + sqlx::Type<Sqlite> + for<'r> Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(of_column)
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Pools {
    /// One connection writes, so that writers queue in the process instead of failing as busy.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
    },
    Postgres(PgPool),
}

/// A durable database, whichever it is.
#[derive(Debug, Clone)]
pub(crate) struct Db {
    pub(crate) pools: Pools,
    /// How long an answer is waited for.
    pub(crate) timeout: Duration,
    /// How many statements were run, BEGIN and COMMIT among them.
    pub(crate) statements: Arc<AtomicU64>,
}

impl Db {
    /// The text of a statement that the two databases do not have in common.
    pub(crate) fn text(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match &self.pools {
            Pools::Sqlite { .. } => sqlite,
            Pools::Postgres(_) => postgres,
        }
    }

    /// Runs a statement that changes rows and returns how many.
    pub(crate) async fn execute(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64> {
        check(args)?;
        match &self.pools {
            Pools::Sqlite { write, .. } => Ok(self.within(for_sqlite(sql, args).execute(write)).await?.rows_affected()),
            Pools::Postgres(pool) => Ok(self.within(for_postgres(sql, args).execute(pool)).await?.rows_affected()),
        }
    }

    /// The rows of a statement that changes nothing.
    pub(crate) async fn all(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>> {
        check(args)?;
        match &self.pools {
            Pools::Sqlite { read, .. } => {
                let rows = self.within(for_sqlite(sql, args).fetch_all(read)).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Pools::Postgres(pool) => {
                let rows = self.within(for_postgres(sql, args).fetch_all(pool)).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row of a statement that changes nothing.
    pub(crate) async fn one(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<Option<Row>> {
        check(args)?;
        match &self.pools {
            Pools::Sqlite { read, .. } => {
                Ok(self.within(for_sqlite(sql, args).fetch_optional(read)).await?.map(Row::Sqlite))
            }
            Pools::Postgres(pool) => {
                Ok(self.within(for_postgres(sql, args).fetch_optional(pool)).await?.map(Row::Postgres))
            }
        }
    }

    /// Begins a transaction. On SQLite it is the only one that writes from its first statement on; on
    /// PostgreSQL it is READ COMMITTED, so that a rule must rest on one statement or on a locked row.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        let kind = match &self.pools {
            Pools::Sqlite { write, .. } => {
                let connection = within(self.timeout, write.acquire()).await?;
                let mut tx = OnSqlite { connection, ended_well: false };
                self.within(sqlx::query("BEGIN IMMEDIATE").execute(&mut *tx.connection)).await?;
                Kind::Sqlite(tx)
            }
            Pools::Postgres(pool) => Kind::Postgres(self.within(pool.begin()).await?),
        };
        Ok(Tx { kind, timeout: self.timeout, statements: self.statements.clone() })
    }

    async fn within<T>(&self, work: impl Future<Output = std::result::Result<T, sqlx::Error>>) -> Result<T> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        within(self.timeout, work).await
    }
}

/// A database that is paused or cut off must not hold a login for ever.
async fn within<T>(timeout: Duration, work: impl Future<Output = std::result::Result<T, sqlx::Error>>) -> Result<T> {
    match tokio::time::timeout(timeout, work).await {
        Ok(done) => done.map_err(of_statement),
        Err(_elapsed) => Err(StorageError::TooSlow),
    }
}

/// The connection of a transaction that this module begins and ends by itself: when a COMMIT fails, SQLite has
/// already rolled back (a full disk), and sqlx would go on counting a transaction that is no more and refuse
/// every later one. So a connection is closed after its transaction, unless that ended well.
struct OnSqlite {
    connection: PoolConnection<Sqlite>,
    ended_well: bool,
}

impl OnSqlite {
    async fn end(mut self, how: &'static str, timeout: Duration) -> Result<()> {
        within(timeout, sqlx::query(how).execute(&mut *self.connection)).await?;
        self.ended_well = true;
        Ok(())
    }
}

impl Drop for OnSqlite {
    fn drop(&mut self) {
        if !self.ended_well {
            self.connection.close_on_drop();
        }
    }
}

enum Kind {
    Sqlite(OnSqlite),
    Postgres(Transaction<'static, Postgres>),
}

/// A transaction; dropped without a commit it changes nothing.
pub(crate) struct Tx {
    kind: Kind,
    timeout: Duration,
    statements: Arc<AtomicU64>,
}

impl Tx {
    pub(crate) async fn execute(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64> {
        check(args)?;
        self.statements.fetch_add(1, Ordering::Relaxed);
        match &mut self.kind {
            Kind::Sqlite(tx) => {
                Ok(within(self.timeout, for_sqlite(sql, args).execute(&mut *tx.connection)).await?.rows_affected())
            }
            Kind::Postgres(tx) => {
                Ok(within(self.timeout, for_postgres(sql, args).execute(&mut **tx)).await?.rows_affected())
            }
        }
    }

    pub(crate) async fn one(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<Option<Row>> {
        check(args)?;
        self.statements.fetch_add(1, Ordering::Relaxed);
        match &mut self.kind {
            Kind::Sqlite(tx) => {
                let row = within(self.timeout, for_sqlite(sql, args).fetch_optional(&mut *tx.connection)).await?;
                Ok(row.map(Row::Sqlite))
            }
            Kind::Postgres(tx) => {
                let row = within(self.timeout, for_postgres(sql, args).fetch_optional(&mut **tx)).await?;
                Ok(row.map(Row::Postgres))
            }
        }
    }

    pub(crate) async fn all(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>> {
        check(args)?;
        self.statements.fetch_add(1, Ordering::Relaxed);
        match &mut self.kind {
            Kind::Sqlite(tx) => {
                let rows = within(self.timeout, for_sqlite(sql, args).fetch_all(&mut *tx.connection)).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Kind::Postgres(tx) => {
                let rows = within(self.timeout, for_postgres(sql, args).fetch_all(&mut **tx)).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Makes it last. When this fails it is not known whether it lasts: the caller must not confirm it, and
    /// what it did must not be usable twice.
    pub(crate) async fn commit(self) -> Result<()> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        match self.kind {
            Kind::Sqlite(tx) => tx.end("COMMIT", self.timeout).await,
            Kind::Postgres(tx) => within(self.timeout, tx.commit()).await,
        }
    }

    /// Takes it back, where that is no failure; a transaction that is dropped costs SQLite its connection.
    pub(crate) async fn rollback(self) -> Result<()> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        match self.kind {
            Kind::Sqlite(tx) => tx.end("ROLLBACK", self.timeout).await,
            Kind::Postgres(tx) => within(self.timeout, tx.rollback()).await,
        }
    }
}
