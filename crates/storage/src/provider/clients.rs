//! Clients, and the tokens with which they register (RFC 7591, RFC 7592).

use async_trait::async_trait;
use nixa_audit::{AuditEvent, ClientChange};
use nixa_protocol::{Client, Digest, Timestamp};

use crate::error::Result;

/// A client as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRecord {
    /// Its metadata, as validated.
    pub client: Client,
    /// The digest of its registration access token; none for a declared client.
    pub token: Option<Digest>,
    /// When it was registered or declared.
    pub created_at: Timestamp,
}

/// The audit record of a declared client, by its identifier and what became of it.
pub type DeclarationEvent<'a> = &'a (dyn Fn(&str, ClientChange) -> AuditEvent + Sync);

/// The registered clients, those of the configuration among them.
#[async_trait]
pub trait ClientStore: Send + Sync {
    /// The client with this identifier.
    async fn client(&self, client_id: &str) -> Result<Option<ClientRecord>>;
    /// Clients by identifier, those after the given one, `most` at most.
    async fn clients(&self, after: &str, most: i64) -> Result<Vec<ClientRecord>>;
    /// Makes the declared clients exactly these; `event` records each that was declared, changed or withdrawn.
    /// [`StorageError::Exists`](crate::StorageError::Exists) when one has the identifier of a client that was registered.
    async fn declare_clients(&self, clients: &[Client], event: DeclarationEvent<'_>, now: Timestamp) -> Result<()>;
    /// Stores a new client and uses up the initial access token, in one step; `false` when that does not hold.
    async fn register_client(
        &self,
        client: &Client,
        token: &Digest,
        initial: &Digest,
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<bool>;
    /// Replaces a registration; `false` when there is none with this token.
    async fn update_client(
        &self,
        client: &Client,
        token: &Digest,
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<bool>;
    /// Removes a registered client and revokes its grants; `false` when there is none.
    async fn remove_client(&self, client_id: &str, events: &[AuditEvent], now: Timestamp) -> Result<bool>;
    /// Whether an initial access token can still be used.
    async fn knows_registration_token(&self, token: &Digest, now: Timestamp) -> Result<bool>;
    /// Stores an initial access token.
    async fn add_registration_token(
        &self,
        token: &Digest,
        uses: i64,
        expires: Timestamp,
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()>;
}
