//! Grants and refresh tokens.

use std::collections::BTreeSet;

use async_trait::async_trait;
use nixa_audit::AuditEvent;
use nixa_protocol::id::{Grant, Id, Sso, Subject};
use nixa_protocol::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// What one authorization gave to one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRecord {
    /// Chosen when the code was issued, so that a second redemption of the code meets it.
    pub id: Id<Grant>,
    /// The client that the authorization was given to.
    pub client_id: String,
    /// The person (broker) or account (identity provider); never shown to a client.
    pub subject: Id<Subject>,
    /// The single sign-on session in which it was given.
    pub sid: Id<Sso>,
    /// What was granted, of which nothing is searched for.
    pub body: GrantBody,
    /// Whether it outlives the session (`offline_access`).
    pub offline: bool,
    /// When its code was redeemed.
    pub created_at: Timestamp,
    /// When it was revoked; a revoked grant gives nothing any more.
    pub revoked_at: Option<Timestamp>,
}

/// What a grant allows, as JSON in one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantBody {
    /// The scopes that were granted (RFC 6749 §3.3).
    pub scopes: BTreeSet<String>,
    /// The service of the client's catalogue that the login was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The API that access tokens are for, when one was asked for (RFC 8707).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The level of assurance that the login reached.
    pub acr: Option<String>,
    /// The methods that the person used (RFC 8176).
    pub amr: Vec<String>,
    /// When the person authenticated, for the `auth_time` claim.
    pub auth_time: Timestamp,
    /// The names of the claims that go into the ID token.
    pub id_token_claims: BTreeSet<String>,
    /// The names of the claims that the userinfo endpoint gives.
    pub userinfo_claims: BTreeSet<String>,
}

/// A refresh token to be stored; only its digest is.
#[derive(Debug, Clone)]
pub struct NewRefresh {
    /// The digest by which the token is found.
    pub digest: Digest,
    /// The second from which on it is refused.
    pub expires_at: Timestamp,
}

/// The outcome of using a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was good and has been replaced.
    Rotated,
    /// It was used a moment ago: the answer to its use may have been lost, and nothing is revoked.
    Recent,
    /// It had been used before: the grant is now revoked (RFC 9700 §4.14.2).
    Reused,
    /// It is unknown, expired, of another client, or its grant is revoked.
    Refused,
}

/// The audit records of a rotation, by its outcome; they are written in its transaction.
pub type RotationEvents<'a> = &'a (dyn Fn(Rotation) -> Vec<AuditEvent> + Sync);

/// Grants and refresh tokens: the provider engine's durable state.
#[async_trait]
pub trait Grants: Send + Sync {
    /// Stores a grant with its first refresh token, if any. `false` when there is one with this identifier,
    /// revoked or not: its code was redeemed before, and nothing may be given.
    async fn insert_grant(
        &self,
        grant: &GrantRecord,
        refresh: Option<&NewRefresh>,
        events: &[AuditEvent],
    ) -> Result<bool>;
    /// The grant, if it is there and not revoked.
    async fn live_grant(&self, id: &Id<Grant>) -> Result<Option<GrantRecord>>;
    /// The grant of a refresh token, revoked or not, for the checks that come before its use.
    async fn grant_of_refresh(&self, token: &Digest) -> Result<Option<GrantRecord>>;
    /// Uses a refresh token and stores its successor, in one step. One that was used up to `grace` seconds ago
    /// is [`Rotation::Recent`].
    async fn rotate(
        &self,
        token: &Digest,
        next: &NewRefresh,
        grace: i64,
        events: RotationEvents<'_>,
        now: Timestamp,
    ) -> Result<Rotation>;
    /// Revokes a grant, also one that is not stored yet.
    async fn revoke_grant(&self, id: &Id<Grant>, events: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// Revokes the grants of a session that do not outlive it.
    async fn revoke_session(&self, sid: &Id<Sso>, events: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// Fails when the store does not answer, for the readiness check.
    async fn ping(&self) -> Result<()>;
}
