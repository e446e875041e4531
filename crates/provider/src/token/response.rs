//! The token response (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).

use std::collections::BTreeSet;
use std::sync::Arc;

use nixa_protocol::{Client, Timestamp};
use nixa_storage::GrantRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::settings::Settings;
use crate::token::access_token::{AccessTokenScope, AccessTokens, authorization_details};
use crate::token::id_token::IdTokens;

/// A successful token response (RFC 6749 §5.1).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TokenResponse {
    access_token: String,
    token_type: String,
    expires_in: i64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<String>,
    /// What was granted (RFC 9396 §7).
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<Value>,
}

/// What the response to a person's grant holds beside the grant.
pub(crate) struct GrantedTokens<'a> {
    /// The granted scopes, or the part of them that was requested.
    pub(crate) scopes: &'a BTreeSet<String>,
    /// The API that the access token is for.
    pub(crate) audience: &'a str,
    /// The nonce of the authorization request.
    pub(crate) nonce: Option<&'a str>,
    pub(crate) refresh_token: Option<String>,
}

/// Issues the tokens of a response.
pub(crate) struct TokenIssuer {
    settings: Arc<Settings>,
    access_tokens: AccessTokens,
    id_tokens: IdTokens,
}

impl TokenIssuer {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self {
            settings: provider.settings.clone(),
            access_tokens: AccessTokens::new(provider),
            id_tokens: IdTokens::new(provider),
        }
    }

    /// Tokens for a client that acts for the person of a grant.
    pub(crate) async fn issue_for_grant(
        &self,
        client: &Client,
        grant: &GrantRecord,
        tokens: GrantedTokens<'_>,
        now: Timestamp,
    ) -> Result<TokenResponse, ProviderError> {
        let GrantedTokens { scopes, audience, nonce, refresh_token } = tokens;
        let scope = AccessTokenScope { grant: Some(grant), scopes, audience };
        let access_token = self.access_tokens.issue(client, &scope, now).await?;
        let id_token = self.id_tokens.issue(client, grant, &access_token, nonce, now).await?;
        Ok(TokenResponse {
            id_token: Some(id_token),
            refresh_token,
            authorization_details: authorization_details(grant),
            ..self.bearer(access_token, scopes)
        })
    }

    /// An access token for a client that acts for itself.
    pub(crate) async fn issue_for_client(
        &self,
        client: &Client,
        scopes: &BTreeSet<String>,
        audience: &str,
        now: Timestamp,
    ) -> Result<TokenResponse, ProviderError> {
        let scope = AccessTokenScope { grant: None, scopes, audience };
        let access_token = self.access_tokens.issue(client, &scope, now).await?;
        Ok(self.bearer(access_token, scopes))
    }

    fn bearer(&self, access_token: String, scopes: &BTreeSet<String>) -> TokenResponse {
        TokenResponse {
            access_token,
            token_type: "Bearer".to_owned(),
            expires_in: self.settings.lifetimes.access_token,
            scope: scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
            id_token: None,
            refresh_token: None,
            authorization_details: None,
        }
    }
}
