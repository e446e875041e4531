//! The authorization code grant (RFC 6749 §4.1.3).

use std::sync::Arc;

use nixa_audit::{GrantType, RevocationReason};
use nixa_protocol::error::invalid_grant;
use nixa_protocol::grant::{AuthorizationCodeRequest, check_redemption, restrict_audience};
use nixa_protocol::{Client, OAuthError, Timestamp};
use nixa_storage::{GrantRecord, Grants, Stored};

use crate::audit::{grant_revoked, tokens_issued};
use crate::authorize::code::{CodeRecord, Codes};
use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::runtime::Runtime;
use crate::session::membership::SessionMembership;
use crate::settings::Settings;
use crate::token::refresh_token::NewRefreshToken;
use crate::token::response::{GrantedTokens, TokenIssuer, TokenResponse};

/// How long two redemptions of one code count as one request that was sent twice, in seconds.
const SENT_TWICE: i64 = 2;

/// Answers requests with this grant type.
pub(crate) struct AuthorizationCodeGrant {
    settings: Arc<Settings>,
    runtime: Runtime,
    codes: Codes,
    sessions: Arc<dyn SessionMembership>,
    grants: Arc<dyn Grants>,
    issuer: Arc<TokenIssuer>,
}

fn unusable() -> OAuthError {
    invalid_grant("code is not valid")
}

impl AuthorizationCodeGrant {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>, issuer: Arc<TokenIssuer>) -> Self {
        Self {
            settings: provider.settings.clone(),
            runtime: provider.runtime.clone(),
            codes: Codes::new(provider.stores.short.clone()),
            sessions: provider.sessions.clone(),
            grants: provider.stores.grants.clone(),
            issuer,
        }
    }

    /// Exchanges a code for tokens (RFC 6749 §4.1.3).
    pub(crate) async fn redeem(
        &self,
        client: &Client,
        request: &AuthorizationCodeRequest,
        now: Timestamp,
    ) -> Result<TokenResponse, ProviderError> {
        let code = self.codes.get(&request.code, now).await?.ok_or_else(unusable)?;
        check_redemption(code.binding(), client, request)?;
        // Before the code is used up: a mistake here must not cost the person a login.
        let granted = code.body.resource.clone();
        let audience = restrict_audience(client, granted.as_deref(), &request.resources, &self.settings.issuer)?;
        self.use_up(&request.code, &code, now).await?;
        // A session that ended after the code was issued takes the code with it; so does leaving the service alone.
        if now >= code.expires || !self.sessions.is_member(&code.sid, &client.client_id, now).await? {
            return Err(unusable().into());
        }
        let CodeRecord { grant: id, client_id, subject, sid, body, nonce, .. } = code.into_value();
        let offline = body.scopes.contains("offline_access");
        let grant = GrantRecord { id, client_id, subject, sid, body, offline, created_at: now, revoked_at: None };
        let refresh = offline.then(|| NewRefreshToken::random(&self.settings, &self.runtime, now));
        let tokens = GrantedTokens {
            scopes: &grant.body.scopes,
            audience,
            nonce: nonce.as_deref(),
            refresh_token: refresh.as_ref().map(|refresh| refresh.token.clone()),
        };
        // Made before the grant is stored, without which it is worth nothing: a store that is away then leaves
        // nothing half done.
        let response = self.issuer.issue_for_grant(client, &grant, tokens, now).await?;
        self.store(&grant, refresh, now).await?;
        Ok(response)
    }

    /// Marks a code as used, of several requests by one; a replay revokes what the first redemption was given.
    async fn use_up(&self, text: &str, code: &Stored<CodeRecord>, now: Timestamp) -> Result<(), ProviderError> {
        match code.used {
            None if self.codes.redeem(text, code, now).await? => Ok(()),
            // The same request twice at one moment, by whoever has all that the client has: one is answered.
            None => Err(unusable().into()),
            Some(at) if now < at + SENT_TWICE => Err(unusable().into()),
            Some(_) => {
                // A second redemption means that the code leaked (RFC 6749 §4.1.2).
                tracing::warn!(client = code.client_id, "an authorization code was replayed");
                let reason = RevocationReason::CodeReplayed;
                let events = [grant_revoked(&code.grant, &code.subject, &code.client_id, reason)];
                self.grants.revoke_grant(&code.grant, &events, now).await?;
                Err(unusable().into())
            }
        }
    }

    /// Stores a grant, unless its session has ended meanwhile.
    async fn store(
        &self,
        grant: &GrantRecord,
        refresh: Option<NewRefreshToken>,
        now: Timestamp,
    ) -> Result<(), ProviderError> {
        let refresh = refresh.map(|refresh| refresh.record);
        let events = [tokens_issued(grant, GrantType::AuthorizationCode)];
        if !self.grants.insert_grant(grant, refresh.as_ref(), &events).await? {
            return Err(unusable().into());
        }
        if !self.sessions.is_member(&grant.sid, &grant.client_id, now).await? {
            // The session ended between the first look and the insert, so that its end did not see the grant.
            let events = [grant_revoked(&grant.id, &grant.subject, &grant.client_id, RevocationReason::SessionEnded)];
            self.grants.revoke_grant(&grant.id, &events, now).await?;
            return Err(unusable().into());
        }
        Ok(())
    }
}
