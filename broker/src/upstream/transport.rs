//! Sending requests: the one place where the broker speaks HTTP.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use http::{Request, Response, StatusCode};
use nixa_provider::LogoutSender;
use thiserror::Error;

/// The longest answer that is read, in octets: metadata and key sets are a few thousand.
const LONGEST_ANSWER: usize = 512 * 1024;

/// A request could not be sent or its answer not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the request failed")]
pub struct TransportError;

/// Sends one request; tests send them to routers in the same process.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends a request. Redirects are not followed: an endpoint that redirects is not the one that the
    /// metadata named.
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError>;
}

/// Requests over the network.
#[derive(Debug, Clone)]
pub struct HttpTransport(reqwest::Client);

impl HttpTransport {
    /// A client with limits on time; needs rustls' default provider to be installed.
    ///
    /// # Errors
    /// [`TransportError`] when TLS cannot be set up.
    pub fn new() -> Result<Self, TransportError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(|_| TransportError)?;
        Ok(Self(client))
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(|_| TransportError)?;
        let answer = self.0.execute(request).await.map_err(|_| TransportError)?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let mut body = Vec::new();
        let mut stream = answer.bytes_stream();
        while let Some(chunk) = stream.next().await {
            body.extend_from_slice(&chunk.map_err(|_| TransportError)?);
            if body.len() > LONGEST_ANSWER {
                return Err(TransportError);
            }
        }
        response.body(body).map_err(|_| TransportError)
    }
}

#[async_trait]
impl LogoutSender for HttpTransport {
    /// The client answers 200, or 204 as many do (Back-Channel Logout 1.0 §2.8).
    async fn send(&self, uri: &str, logout_token: &str) -> bool {
        // A logout token is base64url with dots: nothing in it needs encoding.
        let request = Request::post(uri)
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("logout_token={logout_token}").into_bytes());
        let Ok(request) = request else { return false };
        let answer = Transport::send(self, request).await;
        answer.is_ok_and(|a| matches!(a.status(), StatusCode::OK | StatusCode::NO_CONTENT))
    }
}
