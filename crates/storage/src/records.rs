//! What is stored.

use std::collections::BTreeSet;

use nixa_protocol::id::{Decision, Delivery, Grant, Id, Sso, Subject};
use nixa_protocol::{Client, Digest, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What one authorization gave to one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRecord {
    /// Its identifier, chosen when the code was issued.
    pub id: Id<Grant>,
    /// The client.
    pub client_id: String,
    /// The person or account.
    pub subject: Id<Subject>,
    /// The single sign-on session.
    pub sid: Id<Sso>,
    /// What was granted.
    pub body: GrantBody,
    /// Whether it outlives the session (`offline_access`).
    pub offline: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// The granted things that are never searched for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantBody {
    /// The scopes.
    pub scopes: BTreeSet<String>,
    /// The service of the client's catalogue that the login was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The API that access tokens are for, when one was asked for (RFC 8707).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The level reached.
    pub acr: Option<String>,
    /// The methods used.
    pub amr: Vec<String>,
    /// When the person authenticated.
    pub auth_time: Timestamp,
    /// Claims for the ID token.
    pub id_token_claims: BTreeSet<String>,
    /// Claims for the userinfo endpoint.
    pub userinfo_claims: BTreeSet<String>,
}

/// A refresh token to be stored; only its digest is.
#[derive(Debug, Clone)]
pub struct NewRefresh {
    /// Of the token.
    pub digest: Digest,
    /// When it ends.
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

/// A client as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRecord {
    /// The registration.
    pub client: Client,
    /// The digest of the token that manages it, for one that was registered.
    pub token: Option<Digest>,
    /// When it was registered or declared.
    pub created_at: Timestamp,
}

/// A signing key as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its identifier.
    pub kid: String,
    /// The registered name of its algorithm.
    pub algorithm: String,
    /// The private key, encrypted.
    pub sealed: String,
    /// When it begins to sign; it is published from the start.
    pub active_at: Timestamp,
    /// When it is no longer published.
    pub retired_at: Option<Timestamp>,
}

impl std::fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRecord").field("kid", &self.kid).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The newest record of a chain of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// The chain.
    pub shard: i64,
    /// The record's place.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

/// A checkpoint of the audit trail as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Its number, from 1.
    pub n: i64,
    /// The signed heads.
    pub jws: String,
    /// The time stamp (RFC 3161) in base64url, once there is one.
    pub token: Option<String>,
}

/// A logout token that a client has not yet received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its identifier.
    pub id: Id<Delivery>,
    /// The client.
    pub client_id: String,
    /// The person.
    pub subject: Id<Subject>,
    /// The session that ended.
    pub sid: Id<Sso>,
    /// How often it was tried.
    pub attempts: i64,
}

/// The outcome of a delivery that the client took.
pub const DELIVERED: &str = nixa_audit::DeliveryOutcome::Delivered.as_str();

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryState {
    /// The delivery.
    pub delivery: DeliveryRecord,
    /// When it was queued, where that was noted.
    pub queued_at: Option<Timestamp>,
    /// When it is tried next, unless it is done.
    pub next_at: Option<Timestamp>,
    /// When it was done with.
    pub done_at: Option<Timestamp>,
    /// How: [`DELIVERED`], or why not.
    pub outcome: Option<String>,
}

/// How a client's logouts went of late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryHealth {
    /// How many wait.
    pub waiting: i64,
    /// Since when the oldest of them does.
    pub oldest_waiting_at: Option<Timestamp>,
    /// How many were delivered.
    pub delivered: i64,
    /// When the last one was.
    pub last_delivered_at: Option<Timestamp>,
    /// How many were given up.
    pub given_up: i64,
}

/// Who an identity provider says is there.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The identity provider.
    pub idp: String,
    /// Its `sub`.
    pub subject: String,
    /// The keyed digest of the personal number, when this provider may state it.
    pub pivot: Option<String>,
    /// The claims that it stated.
    pub attributes: Map<String, Value>,
    /// Whether its claims replace those that are known; those of others only fill gaps.
    pub authoritative: bool,
}

/// A person at the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Random; never shown outside.
    pub id: Id<Subject>,
    /// The claims last stated.
    pub attributes: Map<String, Value>,
}

/// The outcome of resolving a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linked {
    /// This person.
    Person(Id<Subject>),
    /// The account was linked to a person with another personal number: nothing was changed.
    Conflict,
}

/// A decision as stored: why a login had its level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRecord {
    /// Its identifier.
    pub id: Id<Decision>,
    /// When.
    pub at: Timestamp,
    /// For which client.
    pub client_id: String,
    /// For whom, when it was known.
    pub person: Option<Id<Subject>>,
    /// The policy's version.
    pub policy: String,
    /// Requirement, evidence, offers, outcome, sentence.
    pub record: Value,
}

/// An account at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its identifier.
    pub id: Id<Subject>,
    /// The login name, lower case.
    pub username: String,
    /// How well the person was proofed, 0-2.
    pub identity_level: u8,
    /// The claims that the account holds.
    pub attributes: Map<String, Value>,
}

/// A credential of an account. Its secret is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Authenticator {
    /// The method's name in the policy.
    pub method: String,
    /// The method's own form of the secret.
    pub secret: String,
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("method", &self.method).finish_non_exhaustive()
    }
}
