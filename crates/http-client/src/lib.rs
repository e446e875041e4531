//! The one way out to the network.
//!
//! It owns how requests leave this server: which addresses they may go to, how long an answer may take and how much
//! of it is read. It must not know what is asked, nor what an answer means.

mod address_policy;
mod error;
mod exchange;
mod guarded;
mod request;
mod trusted;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;

pub use address_policy::AddressPolicy;
pub use error::{HttpError, SetupError};
pub use guarded::GuardedClient;
pub use request::{Request, Response, get, post, status_only};
pub use trusted::TrustedClient;

/// Sends requests; tests answer them in the same process.
#[async_trait]
pub trait HttpClient: Send + Sync {
    /// Sends a request and reads the answer, whatever its status.
    async fn send(&self, request: Request) -> Result<Response, HttpError>;
}

/// The clients of a server: who has named an address decides which of them asks it.
#[derive(Clone)]
pub struct HttpClients {
    /// For addresses that the operator has configured: identity providers, the time-stamping authority, declared
    /// clients. In a state network they are private ones.
    pub trusted: Arc<dyn HttpClient>,
    /// For addresses that clients have named: key sets, sectors, logos, logout endpoints. A client must not make
    /// this server speak with what only this server can reach (OWASP: server-side request forgery).
    pub guarded: Arc<dyn HttpClient>,
}

impl HttpClients {
    /// Clients over the network. The guarded one also trusts these certificate authorities (PEM). A default
    /// provider of cryptography for rustls must have been installed.
    pub fn over_network(policy: AddressPolicy, authorities: Option<&[u8]>) -> Result<Self, SetupError> {
        let trusted = Arc::new(TrustedClient::new()?);
        Ok(Self { trusted, guarded: Arc::new(GuardedClient::new(policy, authorities)?) })
    }
}
