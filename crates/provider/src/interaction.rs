//! The seam between the engine and what is built on it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use axum::http::HeaderMap;
use nixa_protocol::id::{Id, Sso, Subject};
use nixa_protocol::{ErrorCode, OAuthError, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::authorize::transaction::Transaction;
use crate::error::ProviderError;
use crate::session::sso::SsoSession;

/// What an open login needs next.
#[derive(Debug)]
pub enum Next {
    /// Nothing: issue a code.
    Issue(Authenticated),
    /// A step that the person takes on a page of the host.
    Prompt {
        /// The page's path at this server.
        path: String,
        /// What a client reads that forbade pages (`prompt=none`).
        silent: ErrorCode,
    },
    /// It cannot go on; the client is told.
    Deny(OAuthError),
}

/// A login that satisfies its request.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// The person or account.
    pub subject: Id<Subject>,
    /// The single sign-on session.
    pub sid: Id<Sso>,
    /// The level reached.
    pub acr: Option<String>,
    /// The methods used (RFC 8176).
    pub amr: Vec<String>,
    /// When the person authenticated.
    pub auth_time: Timestamp,
}

/// What is built on the engine: an identity provider or a broker.
#[async_trait]
pub trait Interaction: Send + Sync + Sized + 'static {
    /// What a host remembers of one open login.
    type TransactionData: Serialize + DeserializeOwned + Default + Clone + Send + Sync;
    /// What a host remembers of a single sign-on session.
    type SessionData: Serialize + DeserializeOwned + Clone + Send + Sync;

    /// Decides what an open login needs, from stored state alone. Every step returns to this decision.
    async fn next(
        &self,
        transaction: &Transaction<Self::TransactionData>,
        sso: Option<&SsoSession<Self::SessionData>>,
        now: Timestamp,
    ) -> Result<Next, ProviderError>;

    /// Notes in what is remembered of a login what a request's headers say; whether it noted anything new.
    fn observe(&self, _headers: &HeaderMap, _step: &mut Self::TransactionData) -> bool {
        false
    }

    /// What is known of a subject under these names, at least; the engine releases no others.
    async fn claims(
        &self,
        subject: &Id<Subject>,
        names: &BTreeSet<String>,
    ) -> Result<Map<String, Value>, ProviderError>;
}
