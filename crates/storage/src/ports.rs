//! The ports, split by owner.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use nixa_audit::{AuditEvent, ClientChange, Record};
use nixa_protocol::id::{Delivery, Grant, Id, Sso, Subject};
use nixa_protocol::{Client, Digest, Timestamp};

use serde_json::{Map, Value};

use crate::StorageError;
use crate::records::{
    Account, AuditHead, Authenticator, ClientRecord, DecisionRecord, DeliveryHealth, DeliveryRecord, DeliveryState,
    GrantRecord, KeyRecord, Linked, NewRefresh, Person, Rotation, StoredCheckpoint, Upstream,
};

type Result<T> = std::result::Result<T, StorageError>;

/// The records of the audit trail that a rotation leaves, by its outcome; they are written with it.
pub type OfRotation<'a> = &'a (dyn Fn(Rotation) -> Vec<AuditEvent> + Sync);

/// The records of the audit trail that a login through an identity provider leaves, by who it is.
pub type OfLogin<'a> = &'a (dyn Fn(&Linked) -> Vec<AuditEvent> + Sync);

/// The record of the audit trail that a declared client leaves: its identifier, and what became of it.
pub type OfDeclaration<'a> = &'a (dyn Fn(&str, ClientChange) -> AuditEvent + Sync);

/// State that may be lost with the loss of open logins and sessions, and nothing else.
///
/// An entry ends at `expires`: at that second it is gone. Each method is atomic.
#[async_trait]
pub trait ShortLived: Send + Sync {
    /// Writes an entry, whatever was there.
    async fn put(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<()>;
    /// Writes an entry only if there is none; says whether it did.
    async fn put_new(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool>;
    /// Reads an entry.
    async fn get(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>>;
    /// Removes an entry and returns it: of many takers, one has it.
    async fn take(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>>;
    /// Replaces an entry only if it still is `old`; says whether it did.
    async fn replace(&self, key: &str, old: &[u8], new: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool>;
    /// Adds one to a counter and returns it. The key names the counter's window, which ends at `expires`: after
    /// that it is forgotten, at once or a little later. Counters are no entries: no other method knows them.
    async fn count(&self, key: &str, expires: Timestamp, now: Timestamp) -> Result<u64>;
    /// Removes an entry.
    async fn delete(&self, key: &str) -> Result<()>;
    /// Removes what has ended; backends that do so themselves do nothing.
    async fn sweep(&self, now: Timestamp) -> Result<()>;
    /// Whether the store answers.
    async fn ping(&self) -> Result<()>;
}

/// Grants and refresh tokens: the provider engine's durable state.
#[async_trait]
pub trait Grants: Send + Sync {
    /// Stores a grant with its first refresh token, if any. `false` when there is one with this identifier,
    /// revoked or not: its code was redeemed before, and nothing may be given.
    async fn insert_grant(
        &self,
        grant: &GrantRecord,
        refresh: Option<&NewRefresh>,
        audit: &[AuditEvent],
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
        audit: OfRotation<'_>,
        now: Timestamp,
    ) -> Result<Rotation>;
    /// Revokes a grant, also one that is not stored yet.
    async fn revoke_grant(&self, id: &Id<Grant>, audit: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// Revokes the grants of a session that do not outlive it.
    async fn revoke_session(&self, sid: &Id<Sso>, audit: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// Whether the store answers.
    async fn ping(&self) -> Result<()>;
}

/// The registered clients, those of the configuration among them.
#[async_trait]
pub trait ClientStore: Send + Sync {
    /// A client.
    async fn client(&self, client_id: &str) -> Result<Option<ClientRecord>>;
    /// Clients by identifier, those after the given one, `most` at most.
    async fn clients(&self, after: &str, most: i64) -> Result<Vec<ClientRecord>>;
    /// Makes the declared clients exactly these; `audit` records each that was declared, changed or withdrawn.
    /// [`StorageError::Exists`] when one has the identifier of a client that was registered.
    async fn declare_clients(&self, clients: &[Client], audit: OfDeclaration<'_>, now: Timestamp) -> Result<()>;
    /// Stores a new client and uses up the initial access token, in one step; `false` when that does not hold.
    async fn register_client(
        &self,
        client: &Client,
        token: &Digest,
        initial: &Digest,
        audit: &[AuditEvent],
        now: Timestamp,
    ) -> Result<bool>;
    /// Replaces a registration; `false` when there is none with this token.
    async fn update_client(
        &self,
        client: &Client,
        token: &Digest,
        audit: &[AuditEvent],
        now: Timestamp,
    ) -> Result<bool>;
    /// Removes a registered client and revokes its grants; `false` when there is none.
    async fn remove_client(&self, client_id: &str, audit: &[AuditEvent], now: Timestamp) -> Result<bool>;
    /// Whether an initial access token can still be used.
    async fn knows_registration_token(&self, token: &Digest, now: Timestamp) -> Result<bool>;
    /// Stores an initial access token.
    async fn add_registration_token(
        &self,
        token: &Digest,
        uses: i64,
        expires: Timestamp,
        audit: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()>;
}

/// Keys and secrets of the server, encrypted before they come here.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// A secret.
    async fn secret(&self, name: &str) -> Result<Option<String>>;
    /// Stores a secret unless there is one of this name: of instances that start at once, all use the first.
    async fn insert_secret(&self, name: &str, sealed: &str, audit: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// Every signing key, also those that are no longer published, in the order in which they begin to sign.
    async fn signing_keys(&self) -> Result<Vec<KeyRecord>>;
    /// Stores the first key of an algorithm, unless there is one.
    async fn insert_first_key(&self, key: &KeyRecord, audit: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// Stores a further key and says when the earlier ones of its algorithm are no longer published; unless one of
    /// them begins at or after the given time: `false` then. Of instances that do it at once, one does.
    async fn add_key(
        &self,
        key: &KeyRecord,
        retire_others_at: Timestamp,
        if_all_began_before: Timestamp,
        audit: &[AuditEvent],
        now: Timestamp,
    ) -> Result<bool>;
}

/// Logout tokens on their way.
#[async_trait]
pub trait LogoutOutbox: Send + Sync {
    /// Queues deliveries.
    async fn enqueue(&self, deliveries: &[DeliveryRecord], audit: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// Ends a session for good, as far as it is durable: queues what its clients are told, revokes the grants that
    /// do not outlive it, and records it, in one step. With `only`, a client's part in it.
    async fn end_session(
        &self,
        sid: &Id<Sso>,
        only: Option<&str>,
        deliveries: &[DeliveryRecord],
        audit: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()>;
    /// Takes up to `limit` deliveries that are due and puts them off until `lease`, so that no other
    /// instance tries them at the same time and a crash loses none.
    async fn claim(&self, now: Timestamp, lease: Timestamp, limit: i64) -> Result<Vec<DeliveryRecord>>;
    /// The client has it ([`DELIVERED`](crate::DELIVERED)), or will never have it.
    async fn done(&self, id: &Id<Delivery>, outcome: &str, audit: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// What became of the deliveries of a session.
    async fn deliveries_of_session(&self, sid: &Id<Sso>) -> Result<Vec<DeliveryState>>;
    /// What became of a client's deliveries, the newest first.
    async fn deliveries_of_client(&self, client_id: &str, most: i64) -> Result<Vec<DeliveryState>>;
    /// How deliveries went since a time, by client; of one client alone with `only`.
    async fn delivery_health(&self, only: Option<&str>, since: Timestamp) -> Result<BTreeMap<String, DeliveryHealth>>;
    /// The client did not take it: try again.
    async fn put_off(&self, id: &Id<Delivery>, next: Timestamp, audit: &[AuditEvent], now: Timestamp) -> Result<()>;
}

/// People, their links, decisions and consents: the broker's durable state.
#[async_trait]
pub trait People: Send + Sync {
    /// The person behind an upstream account: the linked one, else the one with the same pivot (and the
    /// account is linked now), else a new one with `new_id`. The attributes are brought up to date.
    async fn resolve(
        &self,
        upstream: &Upstream,
        new_id: &Id<Subject>,
        audit: OfLogin<'_>,
        now: Timestamp,
    ) -> Result<Linked>;
    /// A person.
    async fn person(&self, id: &Id<Subject>) -> Result<Option<Person>>;
    /// Stores a decision.
    async fn record_decision(&self, decision: &DecisionRecord, audit: &[AuditEvent]) -> Result<()>;
    /// How many decisions are stored that were made between these times, the first included.
    async fn count_decisions(&self, from: Timestamp, before: Timestamp) -> Result<i64>;
    /// A stored decision.
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
        audit: &[AuditEvent],
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
    async fn raise(&self, signal: &str, audit: &[AuditEvent], now: Timestamp) -> Result<bool>;
    /// Clears a signal; says whether it was raised.
    async fn clear(&self, signal: &str, audit: &[AuditEvent], now: Timestamp) -> Result<bool>;
}

/// The audit trail. What a port changes, it records in the same transaction; this one is for what changes
/// nothing else, for reading, and for the trail's own upkeep.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Adds records.
    async fn append(&self, events: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// The newest record of each chain.
    async fn heads(&self) -> Result<Vec<AuditHead>>;
    /// The last record of each chain that was removed after its retention.
    async fn anchors(&self) -> Result<Vec<AuditHead>>;
    /// Records of a chain in order, `most` at most.
    async fn records(&self, shard: i64, after: i64, most: i64) -> Result<Vec<Record>>;
    /// Checkpoints in order, `most` at most.
    async fn checkpoints(&self, after: i64, most: i64) -> Result<Vec<StoredCheckpoint>>;
    /// The newest checkpoint.
    async fn last_checkpoint(&self) -> Result<Option<StoredCheckpoint>>;
    /// Stores a checkpoint; `false` when another instance was first.
    async fn add_checkpoint(&self, checkpoint: &StoredCheckpoint) -> Result<bool>;
    /// Adds the time stamp of a checkpoint that has none yet.
    async fn stamp_checkpoint(&self, n: i64, token: &[u8]) -> Result<()>;
    /// The personal data of a record; none when it has none, or when it was erased.
    async fn personal(&self, record: &Record) -> Result<Option<Map<String, Value>>>;
    /// Erases the personal data of a person's records by destroying their key; whether there was one.
    async fn forget(&self, person: &str, audit: &[AuditEvent], now: Timestamp) -> Result<bool>;
    /// Removes records of months before this one (`YYYYMM`), some thousands of each chain at once, and keeps and
    /// records where each chain now begins.
    async fn remove_before(&self, month: i64, now: Timestamp) -> Result<u64>;
    /// The chains that have records.
    async fn shards(&self) -> Result<Vec<i64>>;
    /// Makes the place for a month's records (`YYYYMM`), where the database keeps them by the month.
    async fn make_partition(&self, month: i64) -> Result<()>;
}

/// Removing what has ended, so that a store is as large as its use and not as its age.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Removes refresh tokens and grants that ended a day ago, browsers whose mark has ended, and decisions of
    /// before the given time: batch by batch, some thousands of each at most. How many rows it removed.
    async fn remove_ended(&self, decisions_before: Option<Timestamp>, now: Timestamp) -> Result<u64>;
}

/// Accounts and their authenticators: the identity provider's durable state.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Stores an account with its authenticators.
    async fn create(
        &self,
        account: &Account,
        authenticators: &[Authenticator],
        audit: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()>;
    /// An account.
    async fn account(&self, id: &Id<Subject>) -> Result<Option<Account>>;
    /// The account with this login name (lower case).
    async fn by_username(&self, username: &str) -> Result<Option<Account>>;
    /// The account's authenticators.
    async fn authenticators(&self, id: &Id<Subject>) -> Result<Vec<Authenticator>>;
}
