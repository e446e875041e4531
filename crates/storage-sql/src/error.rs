//! The driver's errors as those of the ports.

use nixa_storage::{Cause, StorageError};
use sqlx::migrate::MigrateError;

/// Of a statement. What a database says of a row that it refused holds values of that row: of its own errors only
/// the code is told.
pub(crate) fn of_statement(error: sqlx::Error) -> StorageError {
    let sqlx::Error::Database(refused) = &error else { return of_connection(error) };
    let code = refused.code().unwrap_or_default();
    let cause = || Cause::new(format!("database error {code}"));
    match &*code {
        _ if refused.is_unique_violation() => StorageError::Exists,
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => StorageError::Conflict(cause()),
        _ => StorageError::Unavailable(cause()),
    }
}

/// Of connecting, where no row is in play: the whole text helps the operator.
pub(crate) fn of_connection(error: sqlx::Error) -> StorageError {
    StorageError::Unavailable(Cause::new(error))
}

/// Of a column that is missing or of another type.
pub(crate) fn of_column(error: sqlx::Error) -> StorageError {
    StorageError::Corrupt(Cause::new(error))
}

/// Of a migration, whose text is the program's own.
pub(crate) fn of_migration(error: MigrateError) -> StorageError {
    StorageError::Schema(Cause::new(error))
}
