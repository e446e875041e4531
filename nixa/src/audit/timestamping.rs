//! A time-stamping authority (RFC 3161), over HTTP (§3.4).

use std::sync::Arc;

use axum::http::StatusCode;
use nixa_audit::checkpoint_digest;
use nixa_audit::timestamp::{TimestampRefusal, TrustedTsa, request, verify_response};
use nixa_http_client::{HttpClient, HttpError, post};
use nixa_protocol::{Clock, Entropy};
use thiserror::Error;

/// How far the authority's clock may be from ours, in seconds.
const LEEWAY: i64 = 300;

/// Why there is no time stamp.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// The authority cannot be asked, or does not answer.
    #[error("the time-stamping authority does not answer: {0}")]
    Http(#[from] HttpError),
    /// It does not answer with a time stamp.
    #[error("the time-stamping authority answers with status {0}")]
    Status(StatusCode),
    /// What it answered is no time stamp of what was asked, or nobody who is trusted has signed it.
    #[error("the time stamp does not count: {0}")]
    Refused(#[from] TimestampRefusal),
    /// It names another time than the present.
    #[error("the time stamp names another time than the present")]
    Time,
}

/// The authority that stamps the checkpoints of the audit trail.
pub struct TimestampAuthority {
    /// The URL at which it answers.
    pub url: String,
    /// The certificates by which its signature is believed.
    pub trust: TrustedTsa,
    /// Sends the requests: the trusted client, since the operator has named the authority.
    pub http: Arc<dyn HttpClient>,
    /// For the nonce, which binds the answer to the request.
    pub entropy: Arc<dyn Entropy>,
    /// The present, against which a fresh stamp is held.
    pub clock: Arc<dyn Clock>,
}

impl TimestampAuthority {
    /// A time stamp of a checkpoint, verified.
    pub async fn stamp(&self, jws: &str) -> Result<Vec<u8>, TimestampError> {
        let digest = checkpoint_digest(jws);
        let mut nonce = [0; 8];
        self.entropy.fill(&mut nonce);
        let nonce = u64::from_be_bytes(nonce);
        let query = post(&self.url, "application/timestamp-query", request(&digest, nonce))?;
        let answer = self.http.send(query).await?;
        if answer.status() != StatusCode::OK {
            return Err(TimestampError::Status(answer.status()));
        }
        let stamp = verify_response(answer.body(), &digest, nonce, &self.trust)?;
        if (stamp.at - self.clock.now().0).abs() > LEEWAY {
            return Err(TimestampError::Time);
        }
        Ok(stamp.token)
    }
}
