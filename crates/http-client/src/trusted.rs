//! The client for addresses that the operator has configured.

use async_trait::async_trait;
use reqwest::redirect::Policy;

use crate::exchange::{Limits, exchange};
use crate::request::Wanted;
use crate::{HttpClient, HttpError, Request, Response, SetupError};

/// Asks any address, through the proxy of the environment where there is one. It follows no redirect: an endpoint
/// that redirects is not the one that was configured.
#[derive(Debug, Clone)]
pub struct TrustedClient {
    client: reqwest::Client,
    limits: Limits,
}

impl TrustedClient {
    /// A client over the network.
    pub fn new() -> Result<Self, SetupError> {
        Self::within(Limits::TRUSTED)
    }

    pub(crate) fn within(limits: Limits) -> Result<Self, SetupError> {
        let client = limits.client().redirect(Policy::none()).build().map_err(SetupError::Tls)?;
        Ok(Self { client, limits })
    }
}

#[async_trait]
impl HttpClient for TrustedClient {
    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let wanted = Wanted::of(&request);
        let request = reqwest::Request::try_from(request).map_err(|_| HttpError::InvalidUrl)?;
        exchange(&self.client, request, self.limits, wanted).await
    }
}
