//! ID tokens (OpenID Connect Core §2).

use std::sync::Arc;

use nixa_protocol::id_token::{IdToken, at_hash};
use nixa_protocol::{Client, Timestamp};
use nixa_storage::GrantRecord;
use serde_json::Map;

use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::runtime::SigningKeys;
use crate::settings::Settings;
use crate::token::claim_source::ClaimSource;

pub(crate) struct IdTokens {
    settings: Arc<Settings>,
    keys: Arc<SigningKeys>,
    claims: Arc<dyn ClaimSource>,
}

impl IdTokens {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self { settings: provider.settings.clone(), keys: provider.keys.clone(), claims: provider.interaction.clone() }
    }

    /// Issues the ID token that goes with an access token, signed and, where the client asks for it, encrypted.
    pub(crate) async fn issue(
        &self,
        client: &Client,
        grant: &GrantRecord,
        access_token: &str,
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        let granted = &grant.body;
        let requested = if granted.id_token_claims.is_empty() {
            Map::new()
        } else {
            self.claims.select_claims(&grant.subject, &granted.id_token_claims).await?
        };
        let id_token = IdToken {
            iss: &self.settings.issuer,
            sub: &self.settings.subject_for(client, &grant.subject),
            aud: &client.client_id,
            exp: now + self.settings.lifetimes.id_token,
            iat: now,
            auth_time: granted.auth_time,
            nonce,
            acr: granted.acr.as_deref(),
            amr: &granted.amr,
            sid: Some(grant.sid.as_str()),
            at_hash: Some(at_hash(client.id_token_alg, access_token)),
            requested,
        };
        let signed = self.keys.current().signing(client.id_token_alg, now)?.sign("JWT", &id_token)?;
        Ok(match client.encrypter(client.id_token_encryption)? {
            Some(encrypter) => encrypter.encrypt(&signed, true)?,
            None => signed,
        })
    }
}
