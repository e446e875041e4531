//! Which clients take part in a session, for those who need not know what else it holds.

use async_trait::async_trait;
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Sso};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ProviderError;
use crate::session::sso::Sessions;

/// Knows which clients take part in which sessions.
#[async_trait]
pub(crate) trait SessionMembership: Send + Sync {
    /// Whether a session lives and a client takes part in it.
    async fn is_member(&self, sid: &Id<Sso>, client_id: &str, now: Timestamp) -> Result<bool, ProviderError>;
}

#[async_trait]
impl<D: Serialize + DeserializeOwned + Clone + Send + Sync> SessionMembership for Sessions<D> {
    async fn is_member(&self, sid: &Id<Sso>, client_id: &str, now: Timestamp) -> Result<bool, ProviderError> {
        let session = self.load(Some(sid), now).await?;
        Ok(session.is_some_and(|session| session.clients.contains(client_id)))
    }
}
