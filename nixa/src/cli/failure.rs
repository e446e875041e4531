//! Why a command fails: the text is all that is made of it.

use nixa_storage::StorageError;

/// A failed command; a [`clap::Error`] in it is a wrong use of the command line.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A storage error with its own cause: which step, which statement.
pub(crate) fn with_cause(error: StorageError) -> Failure {
    match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}").into(),
        None => error.into(),
    }
}
