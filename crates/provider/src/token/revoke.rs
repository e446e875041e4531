//! The revocation endpoint (RFC 7009).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use nixa_audit::{AuditEvent, RevocationReason};
use nixa_protocol::{ErrorCode, OAuthError, digest};

use crate::audit::grant_revoked;
use crate::client::authentication::{Call, called};
use crate::error::{ProviderError, json_error};
use crate::interaction::Interaction;
use crate::provider::Provider;

/// `POST /revoke`: 200 also for a token that is not known, since the client's wish is fulfilled (§2.2).
pub(crate) async fn revoke<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match answer(&provider, &headers, body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => json_error(&error),
    }
}

async fn answer<I: Interaction>(
    provider: &Provider<I>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(), ProviderError> {
    let Call { form, client, now } = called(provider, "revoke", headers, body).await?;
    // The hint could only save a lookup; a wrong one must not keep a token alive (§2.1).
    let token = form.required("token")?;
    let foreign = || OAuthError::new(ErrorCode::UnauthorizedClient, "the token is another client's");
    if let Some(grant) = provider.stores.grants.grant_of_refresh(&digest(token)).await? {
        if grant.client_id != client.client_id {
            return Err(foreign().into());
        }
        // With the refresh token goes the grant, and with it its access tokens (§2.1).
        let reason = RevocationReason::RevokedByClient;
        let audit = [grant_revoked(&grant.id, &grant.subject, &client.client_id, reason)];
        return Ok(provider.stores.grants.revoke_grant(&grant.id, &audit, now).await?);
    }
    if let Some(live) = provider.live_token(token, now).await? {
        if live.access.client_id != client.client_id {
            return Err(foreign().into());
        }
        let (client, reason) = (client.client_id.clone(), RevocationReason::AccessTokenRevokedByClient);
        provider.record(AuditEvent::GrantRevoked { person: None, client, grant: None, reason }, now).await?;
        provider.forget_access(token).await?;
    }
    Ok(())
}
