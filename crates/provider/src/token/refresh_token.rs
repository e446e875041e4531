//! The refresh token grant (RFC 6749 §6): each use replaces the token (RFC 9700 §4.14.2).

use std::sync::Arc;

use nixa_protocol::error::invalid_grant;
use nixa_protocol::grant::{RefreshTokenRequest, restrict_audience, restrict_scope};
use nixa_protocol::{Client, ErrorCode, OAuthError, Timestamp, digest, random_token};
use nixa_storage::{Grants, NewRefresh, Rotation};

use crate::audit::refresh_token_used;
use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::runtime::Runtime;
use crate::settings::Settings;
use crate::token::refresh_retry::{RETRY_WINDOW, RefreshRetries};
use crate::token::response::{GrantedTokens, TokenIssuer, TokenResponse};

/// Answers requests with this grant type.
pub(crate) struct RefreshTokenGrant {
    settings: Arc<Settings>,
    runtime: Runtime,
    grants: Arc<dyn Grants>,
    retries: RefreshRetries,
    issuer: Arc<TokenIssuer>,
}

/// A refresh token that is not stored yet.
pub(crate) struct NewRefreshToken {
    pub(crate) token: String,
    pub(crate) record: NewRefresh,
}

impl NewRefreshToken {
    pub(crate) fn random(settings: &Settings, runtime: &Runtime, now: Timestamp) -> Self {
        let token = random_token(&*runtime.entropy);
        let record = NewRefresh { digest: digest(&token), expires_at: now + settings.lifetimes.refresh_token };
        Self { token, record }
    }
}

fn unusable() -> OAuthError {
    invalid_grant("refresh_token is not valid")
}

impl RefreshTokenGrant {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>, issuer: Arc<TokenIssuer>) -> Self {
        Self {
            settings: provider.settings.clone(),
            runtime: provider.runtime.clone(),
            grants: provider.stores.grants.clone(),
            retries: RefreshRetries::new(provider),
            issuer,
        }
    }

    /// Replaces a refresh token and issues new tokens with it.
    pub(crate) async fn refresh(
        &self,
        client: &Client,
        request: &RefreshTokenRequest,
        now: Timestamp,
    ) -> Result<TokenResponse, ProviderError> {
        if !client.refresh_tokens {
            let description = "the client may not use refresh tokens";
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, description).into());
        }
        let presented = &request.refresh_token;
        let grant = self.grants.grant_of_refresh(&digest(presented)).await?.ok_or_else(unusable)?;
        if grant.client_id != client.client_id {
            return Err(unusable().into());
        }
        let scopes = restrict_scope(&grant.body.scopes, request.scope.as_ref())?;
        let granted = grant.body.resource.as_deref();
        let audience = restrict_audience(client, granted, &request.resources, &self.settings.issuer)?;
        let next = NewRefreshToken::random(&self.settings, &self.runtime, now);
        let tokens = GrantedTokens { scopes: &scopes, audience, nonce: None, refresh_token: Some(next.token) };
        // Made and kept before the old token is used up: a short-lived store that is away must not cost the portal
        // its grant. Nobody sees any of it unless the rotation holds.
        let response = self.issuer.issue_for_grant(client, &grant, tokens, now).await?;
        let kept = self.retries.keep(presented, &response, now).await?;
        let events = |outcome| refresh_token_used(&grant, outcome);
        match self.grants.rotate(&digest(presented), &next.record, RETRY_WINDOW, &events, now).await? {
            Rotation::Rotated => {
                // In place of what another request has kept there, at the same moment or before it failed.
                if let Err(error) = self.retries.replace(presented, &kept, now).await {
                    error.log();
                }
                Ok(response)
            }
            Rotation::Recent => Ok(self.retries.find(presented, now).await?.ok_or_else(unusable)?),
            Rotation::Reused => {
                tracing::warn!(client = client.client_id, "a refresh token was reused: its grant is revoked");
                Err(unusable().into())
            }
            Rotation::Refused => Err(unusable().into()),
        }
    }
}
