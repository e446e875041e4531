//! The client credentials grant (RFC 6749 §4.4): a token for the client itself, no person and no refresh token.

use std::sync::Arc;

use nixa_audit::{AuditEvent, GrantType};
use nixa_protocol::grant::{ClientCredentialsRequest, client_credentials_scope};
use nixa_protocol::{Client, Timestamp};
use nixa_storage::Audit;

use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::settings::Settings;
use crate::token::response::{TokenIssuer, TokenResponse};

/// Answers requests with this grant type.
pub(crate) struct ClientCredentialsGrant {
    settings: Arc<Settings>,
    audit: Arc<dyn Audit>,
    issuer: Arc<TokenIssuer>,
}

impl ClientCredentialsGrant {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>, issuer: Arc<TokenIssuer>) -> Self {
        Self { settings: provider.settings.clone(), audit: provider.stores.audit.clone(), issuer }
    }

    pub(crate) async fn issue(
        &self,
        client: &Client,
        request: &ClientCredentialsRequest,
        now: Timestamp,
    ) -> Result<TokenResponse, ProviderError> {
        let scopes = client_credentials_scope(client, request.scope.as_ref())?;
        let audience = client.audience(&request.resources, &self.settings.issuer)?;
        let event = AuditEvent::TokensIssued {
            client: client.client_id.clone(),
            by: GrantType::ClientCredentials,
            scopes: scopes.clone(),
            grant: None,
        };
        // What cannot be recorded must not be done.
        self.audit.append(&[event], now).await?;
        self.issuer.issue_for_client(client, &scopes, audience, now).await
    }
}
