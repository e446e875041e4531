//! Bringing a schema up to date.

use std::collections::BTreeMap;

use nixa_storage::StorageError;
use sqlx::migrate::{Migrate, MigrateError, Migration, Migrator};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::db::Pools;
use crate::error::{of_connection, of_migration};
use crate::sqlite;
use crate::store::{Role, SqlStore};

static PROVIDER: Migrator = sqlx::migrate!("../../migrations/provider");
static BROKER: Migrator = sqlx::migrate!("../../migrations/broker");
static IDP: Migrator = sqlx::migrate!("../../migrations/idp");
/// Migrations whose SQL the two databases do not have in common; the same numbers stand in both.
static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

/// A migration, and whether a database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number, which orders the migrations.
    pub version: i64,
    /// What it does, from its file's name; none for one that this program does not know.
    pub description: Option<String>,
    /// Whether the database has it.
    pub applied: bool,
}

impl SqlStore {
    fn known_migrations(&self) -> Vec<Migration> {
        let own = match self.role {
            Role::Broker => &BROKER,
            Role::Idp => &IDP,
        };
        let dialect = match &self.db.pools {
            Pools::Sqlite { .. } => &SQLITE,
            Pools::Postgres(_) => &POSTGRES,
        };
        let mut migrations: Vec<Migration> =
            [&PROVIDER, dialect, own].into_iter().flat_map(|m| m.iter().cloned()).collect();
        migrations.sort_by_key(|migration| migration.version);
        migrations
    }

    /// Applies the migrations that are missing. Instances that start at once wait for one another: on PostgreSQL by an
    /// advisory lock, on SQLite by one on the folder.
    ///
    /// # Errors
    /// [`StorageError::Schema`], also when the database has one that this program does not know: it was
    /// made by a newer program, whose data this one could misread.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        let migrator = Migrator::with_migrations(self.known_migrations());
        match &self.db.pools {
            Pools::Sqlite { write, .. } => {
                let _alone = sqlite::alone(write.connect_options().get_filename()).await?;
                migrator.run(write).await.map_err(of_migration)?;
            }
            Pools::Postgres(pool) => {
                // A connection of its own: a migration, or the wait for another instance's, may take longer than a login.
                let options = pool.connect_options().as_ref().clone().options([("statement_timeout", "0")]);
                let mut connection = options.connect().await.map_err(of_connection)?;
                migrator.run(&mut connection).await.map_err(of_migration)?;
                connection.close().await.map_err(of_connection)?;
            }
        }
        Ok(())
    }

    /// Every migration that the program or the database knows, in order.
    pub async fn migrations(&self) -> Result<Vec<MigrationStatus>, StorageError> {
        let applied = match &self.db.pools {
            Pools::Sqlite { write, .. } => applied(&mut *write.acquire().await.map_err(of_connection)?).await,
            Pools::Postgres(pool) => applied(&mut *pool.acquire().await.map_err(of_connection)?).await,
        };
        let applied = applied.map_err(of_migration)?;
        let known = self.known_migrations();
        let known = known.into_iter().map(|m| (m.version, (Some(m.description.into_owned()), false)));
        let mut migrations: BTreeMap<i64, (Option<String>, bool)> = known.collect();
        for version in applied {
            migrations.entry(version).or_insert((None, true)).1 = true;
        }
        let status = |(version, (description, applied))| MigrationStatus { version, description, applied };
        Ok(migrations.into_iter().map(status).collect())
    }
}

/// Where sqlx keeps what was applied.
const TABLE: &str = "_sqlx_migrations";

/// The numbers of the migrations that a database has.
async fn applied(connection: &mut impl Migrate) -> Result<Vec<i64>, MigrateError> {
    connection.ensure_migrations_table(TABLE).await?;
    Ok(connection.list_applied_migrations(TABLE).await?.into_iter().map(|migration| migration.version).collect())
}
