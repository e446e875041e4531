//! The broker's ports: people and what is known of them, and what raises the level of a login.

use std::collections::BTreeSet;

use async_trait::async_trait;
use nixa_audit::AuditEvent;
use nixa_protocol::id::{Decision, Id, Subject};
use nixa_protocol::{Digest, Timestamp};
use serde_json::{Map, Value};

use crate::error::Result;

/// An account at an identity provider, as that one stated it at a login.
#[derive(Debug, Clone)]
pub struct UpstreamAccount {
    /// The identity provider, by its name in the configuration.
    pub idp: String,
    /// The `sub` that it gave.
    pub subject: String,
    /// The person match key: the keyed digest of the personal number, when this provider may state one. By it the
    /// accounts of one person are found to be theirs.
    pub match_key: Option<String>,
    /// The claims that it stated.
    pub attributes: Map<String, Value>,
    /// Whether its claims replace those that are known; those of others only fill gaps.
    pub authoritative: bool,
}

/// A person at the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Random; clients get a pairwise one in its place.
    pub id: Id<Subject>,
    /// The claims that identity providers have stated; those of an authoritative one stand.
    pub attributes: Map<String, Value>,
}

/// The outcome of resolving a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The account is this person's.
    Person(Id<Subject>),
    /// The account was linked to a person with another personal number: nothing was changed.
    Conflict,
}

/// A decision as stored: why a login had its level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRecord {
    /// Random; a page of the person and an operator's command name it.
    pub id: Id<Decision>,
    /// When it was made, from which its retention counts.
    pub at: Timestamp,
    /// The client that asked for the login.
    pub client_id: String,
    /// The person, when it was known who it is.
    pub person: Option<Id<Subject>>,
    /// The version of the policy that judged.
    pub policy: String,
    /// Requirement, evidence, offers, outcome and sentence, as the policy's crate states them.
    pub record: Value,
}

/// The audit records of a login through an identity provider, by who it is; they are written in its transaction.
pub type ResolutionEvents<'a> = &'a (dyn Fn(&Resolution) -> Vec<AuditEvent> + Sync);

/// People, their links, decisions and consents: the broker's durable state.
#[async_trait]
pub trait People: Send + Sync {
    /// The person behind an upstream account: the linked one, else the one with the same match key (and the
    /// account is linked now), else a new one with `new_id`. The attributes are brought up to date.
    async fn resolve(
        &self,
        account: &UpstreamAccount,
        new_id: &Id<Subject>,
        events: ResolutionEvents<'_>,
        now: Timestamp,
    ) -> Result<Resolution>;
    /// The person with this identifier.
    async fn person(&self, id: &Id<Subject>) -> Result<Option<Person>>;
    /// Stores a decision together with its audit records.
    async fn record_decision(&self, decision: &DecisionRecord, events: &[AuditEvent]) -> Result<()>;
    /// How many decisions are stored that were made between these times, the first included.
    async fn count_decisions(&self, from: Timestamp, before: Timestamp) -> Result<i64>;
    /// The decision with this identifier.
    async fn decision(&self, id: &str) -> Result<Option<DecisionRecord>>;
    /// A person's newest decisions, the newest first.
    async fn decisions_of(&self, person: &Id<Subject>, most: i64) -> Result<Vec<DecisionRecord>>;
    /// The claims whose release a person agreed to.
    async fn consent(&self, person: &Id<Subject>, client_id: &str) -> Result<Option<Vec<String>>>;
    /// Stores a consent in place of an earlier one.
    async fn record_consent(
        &self,
        person: &Id<Subject>,
        client_id: &str,
        claims: &[String],
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()>;
}

/// What may raise the level of a login: a browser in which the person has not logged in before, and the
/// signals that the operator raised.
#[async_trait]
pub trait Signals: Send + Sync {
    /// Whether a person has logged in before in the browser with this mark.
    async fn knows_device(&self, person: &Id<Subject>, device: &Digest) -> Result<bool>;
    /// Remembers a browser of a person; once is enough.
    async fn remember_device(&self, person: &Id<Subject>, device: &Digest, now: Timestamp) -> Result<()>;
    /// The signals that the operator raised.
    async fn raised(&self) -> Result<BTreeSet<String>>;
    /// Raises a signal; says whether it was not raised before.
    async fn raise(&self, signal: &str, events: &[AuditEvent], now: Timestamp) -> Result<bool>;
    /// Clears a signal; says whether it was raised.
    async fn clear(&self, signal: &str, events: &[AuditEvent], now: Timestamp) -> Result<bool>;
}
