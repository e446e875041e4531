//! What the servers get from outside: time, randomness and the ways to other servers.

use std::sync::Arc;

use nixa_http_client::{HttpClients, SetupError};
use nixa_protocol::{Clock, Entropy};
use thiserror::Error;

use crate::ambient::{SystemClock, SystemEntropy};
use crate::config::OutboundSection;

/// Why the HTTP clients cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// A client cannot be built with these settings.
    #[error(transparent)]
    Client(SetupError),
    /// The file of further certificate authorities cannot be read.
    #[error("server.outbound.authorities: {0}")]
    AuthoritiesFile(#[from] std::io::Error),
    /// The file of further certificate authorities has none.
    #[error("server.outbound.authorities: has no PEM certificates that can be used")]
    Authorities,
}

/// What the servers get from outside; a test gives its own.
#[derive(Clone)]
pub struct Environment {
    /// Where the present comes from.
    pub clock: Arc<dyn Clock>,
    /// Where identifiers and secrets come from.
    pub entropy: Arc<dyn Entropy>,
    /// The ways out to the network.
    pub http: HttpClients,
}

impl Environment {
    /// The system's clock and randomness, and the network.
    pub fn of_system(outbound: &OutboundSection) -> Result<Self, EnvironmentError> {
        let authorities = outbound.authorities.as_ref().map(std::fs::read).transpose()?;
        let http = HttpClients::over_network(outbound.address_policy(), authorities.as_deref());
        let http = http.map_err(|error| match error {
            SetupError::Authorities(_) => EnvironmentError::Authorities,
            error => EnvironmentError::Client(error),
        })?;
        Ok(Self { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy), http })
    }
}
