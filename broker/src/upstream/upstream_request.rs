//! What is remembered of an authorization request until its answer comes.

use nixa_protocol::Timestamp;
use nixa_protocol::id::{self, Id, Sso};
use nixa_storage::{Entry, Prefix};
use serde::{Deserialize, Serialize};

/// How long an answer is waited for, in seconds.
const PATIENCE: i64 = 3_600;

/// An authorization request to an identity provider, stored under the digest of its `state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UpstreamRequest {
    /// The authorization transaction that it serves.
    pub(crate) transaction: Id<id::Transaction>,
    /// The browser that it was sent with.
    pub(crate) browser: Id<id::Browser>,
    /// The identity provider that may answer it (RFC 9700 §4.4).
    pub(crate) idp: String,
    /// The level of our policy that it was to reach.
    pub(crate) level: String,
    /// The session that it adds to, if any.
    pub(crate) sid: Option<Id<Sso>>,
    /// Binds the ID token to it.
    pub(crate) nonce: String,
    /// Proves at the token endpoint that the code is ours (RFC 7636 §4.1).
    pub(crate) code_verifier: String,
    /// When it was sent: an authentication before it is one that the provider remembered.
    pub(crate) sent_at: Timestamp,
    /// Whether the person had to authenticate again, whatever the provider remembered.
    pub(crate) reauthenticate: bool,
    /// Whether its answer has come: no code is exchanged for a second one.
    pub(crate) used: bool,
}

impl Entry for UpstreamRequest {
    const PREFIX: Prefix = Prefix::UpstreamRequest;

    fn expires(&self, now: Timestamp) -> Timestamp {
        now + PATIENCE
    }
}
