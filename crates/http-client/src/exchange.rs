//! One request and its answer, within limits.

use std::mem;
use std::time::Duration;

use reqwest::ClientBuilder;

use crate::request::Wanted;
use crate::{HttpError, Response};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// What an answer may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long it may take in all, redirects and body too.
    pub(crate) time: Duration,
    /// How much of a body is read, in octets.
    pub(crate) body: usize,
}

impl Limits {
    /// Of whom the operator has named: an identity provider may be slow.
    pub(crate) const TRUSTED: Self = Self { time: Duration::from_secs(10), body: 512 * 1024 };
    /// Of whom a client has named.
    pub(crate) const GUARDED: Self = Self { time: Duration::from_secs(5), body: 256 * 1024 };

    /// A client that keeps to the limits of time; [`exchange`] keeps to that of size.
    pub(crate) fn client(self) -> ClientBuilder {
        reqwest::Client::builder().connect_timeout(CONNECT).timeout(self.time)
    }
}

/// Sends a request and reads its answer.
pub(crate) async fn exchange(
    client: &reqwest::Client,
    request: reqwest::Request,
    limits: Limits,
    wanted: Wanted,
) -> Result<Response, HttpError> {
    let mut answer = client.execute(request).await?;
    let mut body = Vec::new();
    while wanted == Wanted::WithBody
        && let Some(chunk) = answer.chunk().await?
    {
        if body.len() + chunk.len() > limits.body {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body);
    *response.status_mut() = answer.status();
    *response.headers_mut() = mem::take(answer.headers_mut());
    Ok(response)
}
