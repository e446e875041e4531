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

/// What an authorization transaction needs next.
#[derive(Debug)]
pub enum Next<R> {
    /// Nothing: a code is issued, once `record` is stored.
    Issue {
        /// Who authenticated, and how.
        authenticated: Authenticated,
        /// Why it may be issued.
        record: R,
    },
    /// A page of the interaction, on which the person does something.
    Prompt {
        /// The page's path at this server.
        path: String,
        /// What a client reads that forbade pages (`prompt=none`).
        silent: ErrorCode,
    },
    /// It cannot go on; the client is told.
    Deny {
        /// The error that the client is answered with.
        error: OAuthError,
        /// Why, where that is to be recorded.
        record: Option<R>,
    },
}

/// An authentication that satisfies its request.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// The person (broker) or account (identity provider), by its internal identifier.
    pub subject: Id<Subject>,
    /// The single sign-on session that it belongs to.
    pub sid: Id<Sso>,
    /// The level reached, for the `acr` claim.
    pub acr: Option<String>,
    /// The methods used (RFC 8176).
    pub amr: Vec<String>,
    /// When the person authenticated, for the `auth_time` claim.
    pub auth_time: Timestamp,
}

/// What is built on the engine: an identity provider or a broker.
#[async_trait]
pub trait Interaction: Send + Sync + Sized + 'static {
    /// What it remembers of one transaction.
    type TransactionData: Serialize + DeserializeOwned + Default + Clone + Send + Sync;
    /// What it remembers of a single sign-on session.
    type SessionData: Serialize + DeserializeOwned + Clone + Send + Sync;
    /// What is to be recorded of a decision.
    type Record: Send;

    /// Decides what a transaction needs. It reads and writes nothing down: of two requests at once both are
    /// judged, and one of them answers.
    async fn next(
        &self,
        transaction: &Transaction<Self::TransactionData>,
        session: Option<&SsoSession<Self::SessionData>>,
        now: Timestamp,
    ) -> Result<Next<Self::Record>, ProviderError>;

    /// Stores what was decided. The engine calls it for the one request that answers, when nothing but the code is
    /// missing: without a record no code is made.
    async fn record(&self, record: Self::Record, now: Timestamp) -> Result<(), ProviderError>;

    /// The data with what a request's headers add to it; `None` when they add nothing.
    fn observe(&self, _headers: &HeaderMap, _data: &Self::TransactionData) -> Option<Self::TransactionData> {
        None
    }

    /// What is known of a subject under these names, at least; the engine releases no others.
    async fn claims(
        &self,
        subject: &Id<Subject>,
        names: &BTreeSet<String>,
    ) -> Result<Map<String, Value>, ProviderError>;
}
