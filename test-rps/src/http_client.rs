//! HTTP to the exchange, for the `openidconnect` crate, and to the portal's own API.

use crate::config::PortalError;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const TOTAL_LIMIT: Duration = Duration::from_secs(10);
const RESPONSE_LIMIT_BYTES: usize = 1024 * 1024;

/// A call that did not give a usable answer. The texts name no URL and no body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("no answer")]
    Transport(#[source] reqwest::Error),
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer cannot be represented")]
    Malformed(#[source] http::Error),
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        Self::Transport(error.without_url())
    }
}

/// A client that follows no redirect: one could carry the client secret or a bearer token to
/// another host, or make the portal fetch an address inside its own network.
#[derive(Clone)]
pub(crate) struct HttpClient(reqwest::Client);

impl HttpClient {
    /// # Errors
    /// [`PortalError::NoCryptoProvider`], [`PortalError::HttpClient`].
    pub(crate) fn new() -> Result<Self, PortalError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(PortalError::NoCryptoProvider);
        }
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TOTAL_LIMIT)
            .no_proxy()
            .build()
            .map(Self)
            .map_err(PortalError::HttpClient)
    }

    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        let request = reqwest::Request::try_from(request)?;
        let mut answer = self.0.execute(request).await?;
        let mut response = http::Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > RESPONSE_LIMIT_BYTES {
                return Err(CallError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        response.body(body).map_err(CallError::Malformed)
    }
}

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
