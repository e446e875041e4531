//! The response to a refresh, kept for a client that has not received it.

use std::sync::Arc;
use std::time::Duration;

use nixa_protocol::encryption::EncryptionKey;
use nixa_protocol::entropy::keyed_bytes;
use nixa_protocol::{Entropy, Timestamp, digest};
use nixa_storage::{Entries, Entry, Grants, Prefix};
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::token::response::TokenResponse;

/// How long after its use a refresh token still brings the response that its first use brought, in seconds: the
/// response may have been lost on its way. Whoever has stolen the token gains no more than they would by being
/// first.
pub(crate) const RETRY_WINDOW: i64 = 10;

/// What keeps the response apart from other things that are encrypted.
const PURPOSE: &str = "retry";

/// How often, and after which waits, a response is looked for that another request is making at this moment.
const LOOKUPS: usize = 20;
const WAIT: Duration = Duration::from_millis(50);

/// A response that only the refresh token opens that it answers.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct KeptResponse {
    encrypted: String,
}

impl Entry for KeptResponse {
    const PREFIX: Prefix = Prefix::RefreshRetry;

    fn expires(&self, now: Timestamp) -> Timestamp {
        now + RETRY_WINDOW
    }
}

/// The responses that are kept, encrypted under a key that comes from the refresh token.
pub(crate) struct RefreshRetries {
    entropy: Arc<dyn Entropy>,
    entries: Entries<KeptResponse>,
    grants: Arc<dyn Grants>,
}

impl RefreshRetries {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self {
            entropy: provider.runtime.entropy.clone(),
            entries: Entries::new(provider.stores.short.clone()),
            grants: provider.stores.grants.clone(),
        }
    }

    /// Keeps the response to a refresh token, unless another request has kept one.
    pub(crate) async fn keep(
        &self,
        token: &str,
        response: &TokenResponse,
        now: Timestamp,
    ) -> Result<KeptResponse, ProviderError> {
        let plain = serde_json::to_vec(response)?;
        let kept = KeptResponse { encrypted: key(token)?.encrypt(&*self.entropy, PURPOSE, &plain)? };
        self.entries.put_new(digest(token).as_str(), &kept, now).await?;
        Ok(kept)
    }

    /// Keeps the response in place of any other.
    pub(crate) async fn replace(&self, token: &str, kept: &KeptResponse, now: Timestamp) -> Result<(), ProviderError> {
        Ok(self.entries.put(digest(token).as_str(), kept, now).await?)
    }

    /// The response to the first use of a refresh token; waits a little for one that is being made.
    pub(crate) async fn find(&self, token: &str, now: Timestamp) -> Result<Option<TokenResponse>, ProviderError> {
        for _ in 0..LOOKUPS {
            if let Some(kept) = self.entries.get(digest(token).as_str(), now).await? {
                let Ok(plain) = key(token)?.decrypt(PURPOSE, &kept.encrypted) else { return Ok(None) };
                let response: TokenResponse = serde_json::from_slice(&plain)?;
                // What a request that lost has kept names a refresh token that was never stored.
                let next = digest(response.refresh_token.as_deref().unwrap_or_default());
                if self.grants.grant_of_refresh(&next).await?.is_some() {
                    return Ok(Some(response));
                }
            }
            tokio::time::sleep(WAIT).await;
        }
        Ok(None)
    }
}

/// A key that only the refresh token gives: the store alone opens what it keeps for nobody.
fn key(token: &str) -> Result<EncryptionKey, ProviderError> {
    Ok(EncryptionKey::new(&keyed_bytes(token.as_bytes(), &[PURPOSE]))?)
}
