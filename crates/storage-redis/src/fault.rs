//! Why Redis did not do it, without what it was asked to do.

use std::error::Error;
use std::io;
use std::sync::Arc;

use nixa_storage::{Cause, StorageError};
use redis::{ErrorKind, RedisError};
use thiserror::Error;

/// What may be logged of a failed command.
///
/// The client library's own errors may not be: Redis answers an unknown command with its arguments, a
/// refused greeting with the password, and a value of another type than expected is printed whole.
#[derive(Debug, Clone, Error)]
pub(crate) enum Fault {
    /// No answer in time. The command may have been executed, or may still be.
    #[error("Redis did not answer in time")]
    Late,
    /// A value that this store did not write.
    #[error("Redis holds a value that is not an entry")]
    Foreign,
    /// It cannot be reached, or refused.
    #[error("{0}")]
    Failed(String),
}

impl From<Fault> for StorageError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Late => Self::TooSlow,
            Fault::Foreign => Self::Corrupt(Cause::new(fault)),
            Fault::Failed(_) => Self::Unavailable(Cause::new(fault)),
        }
    }
}

impl From<RedisError> for Fault {
    fn from(error: RedisError) -> Self {
        let detail = match error.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension => error.code().map(str::to_owned),
            // The system's or rustls' words: an address at most, and why a certificate is not trusted.
            _ => error.source().and_then(io_error).map(ToString::to_string),
        };
        let category = error.category();
        Self::Failed(match detail {
            Some(detail) => format!("Redis: {category}: {detail}"),
            None => format!("Redis: {category}"),
        })
    }
}

/// The library shares its sources.
fn io_error<'a>(source: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    source.downcast_ref::<Arc<dyn Error + Send + Sync>>()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use redis::{from_redis_value, parse_redis_value};

    use super::*;

    fn answer(bytes: &[u8]) -> RedisError {
        parse_redis_value(bytes).unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn a_fault_tells_the_cause_and_nothing_that_was_sent() {
        let told = [
            answer(b"-ERR unknown command 'GETDEL', with args beginning with: 'secret' \r\n"),
            answer(b"-OOM command not allowed when used memory > 'maxmemory'. secret\r\n"),
            answer(b"-NOAUTH secret\r\n"),
            from_redis_value::<i64>(parse_redis_value(b"$6\r\nsecret\r\n").unwrap()).unwrap_err().into(),
            RedisError::from((ErrorKind::AuthenticationFailed, "x", "secret".to_owned())),
            io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused").into(),
        ]
        .map(|error| Fault::from(error).to_string());
        assert_eq!(
            told,
            [
                "Redis: response error: ERR",
                "Redis: extension error: OOM",
                "Redis: extension error: NOAUTH",
                "Redis: parse error",
                "Redis: authentication failed",
                "Redis: I/O error: connection refused",
            ]
        );
    }
}
