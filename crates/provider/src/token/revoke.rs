//! The revocation endpoint (RFC 7009).

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use nixa_audit::{AuditEvent, RevocationReason};
use nixa_protocol::{ErrorCode, OAuthError, digest};
use nixa_storage::{Audit, Grants};

use crate::audit::grant_revoked;
use crate::client::authentication::{AuthenticatedClient, ClientAuthenticator};
use crate::http::json::JsonError;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::token::access_token::AccessTokens;

pub(crate) struct RevocationEndpoint {
    authenticator: ClientAuthenticator,
    grants: Arc<dyn Grants>,
    audit: Arc<dyn Audit>,
    access_tokens: AccessTokens,
}

impl RevocationEndpoint {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self {
            authenticator: ClientAuthenticator::new(provider),
            grants: provider.stores.grants.clone(),
            audit: provider.stores.audit.clone(),
            access_tokens: AccessTokens::new(provider),
        }
    }
}

impl FromRef<Arc<RevocationEndpoint>> for ClientAuthenticator {
    fn from_ref(endpoint: &Arc<RevocationEndpoint>) -> Self {
        endpoint.authenticator.clone()
    }
}

/// `POST /revoke`: 200 also for a token that is not known, since what the client wants is the case (§2.2).
pub(crate) async fn revoke(
    State(endpoint): State<Arc<RevocationEndpoint>>,
    AuthenticatedClient { client, form, now }: AuthenticatedClient,
) -> Result<StatusCode, JsonError> {
    // The hint could only save a lookup; a wrong one must not keep a token alive (§2.1).
    let token = form.required("token")?;
    let foreign = || OAuthError::new(ErrorCode::UnauthorizedClient, "the token is another client's");
    if let Some(grant) = endpoint.grants.grant_of_refresh(&digest(token)).await? {
        if grant.client_id != client.client_id {
            return Err(foreign().into());
        }
        // With the refresh token goes the grant, and with it its access tokens (§2.1).
        let reason = RevocationReason::RevokedByClient;
        let events = [grant_revoked(&grant.id, &grant.subject, &client.client_id, reason)];
        endpoint.grants.revoke_grant(&grant.id, &events, now).await?;
    } else if let Some(active) = endpoint.access_tokens.find(token, now).await? {
        if active.access.client_id != client.client_id {
            return Err(foreign().into());
        }
        let (client, reason) = (client.client_id.clone(), RevocationReason::AccessTokenRevokedByClient);
        let event = AuditEvent::GrantRevoked { person: None, client, grant: None, reason };
        endpoint.audit.append(&[event], now).await?;
        endpoint.access_tokens.revoke(token).await?;
    }
    Ok(StatusCode::OK)
}
