//! Accounts and their authenticators: the identity provider's port and records.
//!
//! They are a crate of their own, on which the broker does not depend: it cannot name what reads a credential.

use async_trait::async_trait;
use nixa_audit::AuditEvent;
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Subject};
use nixa_storage::StorageError;
use serde_json::{Map, Value};

type Result<T> = std::result::Result<T, StorageError>;

/// An account at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Random; clients get a pairwise one in its place.
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

/// Accounts and their authenticators: the identity provider's durable state.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Stores an account with its authenticators.
    async fn create(
        &self,
        account: &Account,
        authenticators: &[Authenticator],
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()>;
    /// The account with this identifier.
    async fn account(&self, id: &Id<Subject>) -> Result<Option<Account>>;
    /// The account with this login name (lower case).
    async fn by_username(&self, username: &str) -> Result<Option<Account>>;
    /// The account's authenticators.
    async fn authenticators(&self, id: &Id<Subject>) -> Result<Vec<Authenticator>>;
}
