//! Why there is no answer. No text here has an address: a client's may have a secret in its query.

use std::error::Error;
use std::io;

use thiserror::Error;

/// The failure beneath an error, for who reads the log.
type Cause = Box<dyn Error + Send + Sync>;

/// Why a request has no answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// What should be asked is no URL.
    #[error("the address is not a URL")]
    InvalidUrl,
    /// The policy does not allow the address, or that of a redirect.
    #[error("the address is not allowed")]
    AddressRefused,
    /// A redirect led to a redirect, more often than is followed.
    #[error("there are too many redirects")]
    TooManyRedirects,
    /// The time for a connection or for the whole answer is over.
    #[error("there is no answer in time")]
    TimedOut,
    /// The body is longer than is read.
    #[error("the answer is too long")]
    TooLarge,
    /// TLS could not be set up: most often the certificate is not trusted.
    #[error("TLS cannot be set up")]
    Tls(#[source] Cause),
    /// The host has no address, or nobody listens there.
    #[error("there is no connection")]
    Connect(#[source] Cause),
    /// The connection ended before the answer did, or what came is not HTTP.
    #[error("the answer broke off")]
    Broken(#[source] Cause),
}

/// Why a client cannot be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The certificate authorities cannot be used.
    #[error("the certificate authorities cannot be used")]
    Authorities(#[source] reqwest::Error),
    /// TLS cannot be used on this machine.
    #[error("the HTTP client cannot be set up")]
    Tls(#[source] reqwest::Error),
}

/// What the resolver and the rules of redirects say no with; found again beneath the error of the request.
#[derive(Debug, Clone, Copy, Error)]
pub(crate) enum Refusal {
    #[error("the address is not allowed")]
    Address,
    #[error("there are too many redirects")]
    Redirects,
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        match find::<Refusal>(&error) {
            Some(Refusal::Address) => Self::AddressRefused,
            Some(Refusal::Redirects) => Self::TooManyRedirects,
            None if error.is_timeout() => Self::TimedOut,
            None if find::<rustls::Error>(&error).is_some() => Self::Tls(error.into()),
            None if error.is_connect() => Self::Connect(error.into()),
            None => Self::Broken(error.into()),
        }
    }
}

/// The first error of a type among the causes of another one.
fn find<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // The source of an I/O error is that of the error inside it, which it thereby passes over.
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}
