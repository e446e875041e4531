//! The durable store on SQLite (embedded) and PostgreSQL, and the short-lived one on SQLite.
//!
//! A statement's text stands once and runs on both databases. Nothing of the driver is public: an error becomes a
//! [`StorageError`](nixa_storage::StorageError) in one place, which keeps back what a database says of a row.

mod accounts;
mod audit;
mod audit_encryption;
mod clients;
mod copy;
mod db;
mod error;
mod grants;
mod keys;
mod migrate;
mod outbox;
mod people;
mod short_lived;
mod signals;
mod sqlite;
mod store;
mod upkeep;

pub use copy::CopiedTable;
pub use migrate::MigrationStatus;
pub use short_lived::SqliteShortLived;
pub use store::{Location, PoolSettings, Role, SqlStore};
