//! Logout tokens that clients are to receive (OpenID Connect Back-Channel Logout 1.0).

use std::collections::BTreeMap;

use async_trait::async_trait;
use nixa_audit::{AuditEvent, DeliveryOutcome};
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Delivery, Id, Sso, Subject};

use crate::error::Result;

/// A logout token that a client has not yet received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its random identifier.
    pub id: Id<Delivery>,
    /// The client that is to receive it.
    pub client_id: String,
    /// The person who was logged in.
    pub subject: Id<Subject>,
    /// The session that ended.
    pub sid: Id<Sso>,
    /// How often it was tried.
    pub attempts: i64,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryState {
    /// What was to be delivered, and to which client.
    pub delivery: DeliveryRecord,
    /// When it was queued, where that was noted.
    pub queued_at: Option<Timestamp>,
    /// When it is tried next, unless it is done.
    pub next_at: Option<Timestamp>,
    /// When it was done with.
    pub done_at: Option<Timestamp>,
    /// The stored word for how it ended; instances of another version may have written one that this one lacks.
    pub outcome: Option<String>,
}

impl DeliveryState {
    /// Whether the client took it.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.outcome.as_deref().and_then(DeliveryOutcome::from_word) == Some(DeliveryOutcome::Delivered)
    }
}

/// How a client's logouts went of late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryHealth {
    /// How many are not done.
    pub waiting: i64,
    /// When the oldest of those was queued.
    pub oldest_waiting_at: Option<Timestamp>,
    /// How many the client took.
    pub delivered: i64,
    /// When the last one was delivered.
    pub last_delivered_at: Option<Timestamp>,
    /// How many were given up.
    pub given_up: i64,
}

/// Logout tokens on their way.
#[async_trait]
pub trait LogoutOutbox: Send + Sync {
    /// Queues deliveries, whose first try is due at once.
    async fn enqueue(&self, deliveries: &[DeliveryRecord], events: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// Ends a session for good, as far as it is durable: queues what its clients are told, revokes the grants that
    /// do not outlive it, and records it, in one step. With `only`, a client's part in it.
    async fn end_session(
        &self,
        sid: &Id<Sso>,
        only: Option<&str>,
        deliveries: &[DeliveryRecord],
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()>;
    /// Takes up to `limit` deliveries that are due and puts them off until `lease`, so that no other
    /// instance tries them at the same time and a crash loses none.
    async fn claim(&self, now: Timestamp, lease: Timestamp, limit: i64) -> Result<Vec<DeliveryRecord>>;
    /// The client has it, or will never have it.
    async fn done(
        &self,
        id: &Id<Delivery>,
        outcome: DeliveryOutcome,
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()>;
    /// What became of the deliveries of a session.
    async fn deliveries_of_session(&self, sid: &Id<Sso>) -> Result<Vec<DeliveryState>>;
    /// What became of a client's deliveries, the newest first.
    async fn deliveries_of_client(&self, client_id: &str, most: i64) -> Result<Vec<DeliveryState>>;
    /// How deliveries went since a time, by client; of one client alone with `only`.
    async fn delivery_health(&self, only: Option<&str>, since: Timestamp) -> Result<BTreeMap<String, DeliveryHealth>>;
    /// The client did not take it: try again.
    async fn put_off(&self, id: &Id<Delivery>, next: Timestamp, events: &[AuditEvent], now: Timestamp) -> Result<()>;
}
