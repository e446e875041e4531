//! What the servers get from outside: time, randomness and the ways to other servers.

use std::sync::Arc;

use nixa_broker::{HttpTransport, Transport, TransportError};
use nixa_protocol::{Clock, Entropy};
use nixa_provider::LogoutSender;
use nixa_provider::documents::Outbound;
use thiserror::Error;

use crate::ambient::{SystemClock, SystemEntropy};
use crate::config::OutboundSection;
use crate::outbound::Guard;

/// Why the HTTP clients cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// The client for identity providers.
    #[error(transparent)]
    Transport(#[from] TransportError),
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
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Sends requests to identity providers.
    pub transport: Arc<dyn Transport>,
    /// Sends logout tokens to portals.
    pub sender: Arc<dyn LogoutSender>,
    /// The guarded way to what clients publish.
    pub outbound: Arc<dyn Outbound>,
}

impl Environment {
    /// The system's clock and randomness, and the network.
    pub fn of_system(outbound: &OutboundSection) -> Result<Self, EnvironmentError> {
        let transport = Arc::new(HttpTransport::new()?);
        let authorities = outbound.authorities.as_ref().map(std::fs::read).transpose()?;
        let outbound =
            Guard::new(outbound.reach(), authorities.as_deref()).map_err(|_| EnvironmentError::Authorities)?;
        Ok(Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            transport: transport.clone(),
            sender: transport,
            outbound: Arc::new(outbound),
        })
    }
}
