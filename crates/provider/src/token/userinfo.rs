//! The userinfo endpoint (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use nixa_audit::AuditEvent;
use nixa_protocol::{Client, ErrorCode, OAuthError, Timestamp, claims};
use nixa_storage::Audit;
use nixa_web::no_store;
use serde_json::{Map, Value};

use crate::client::registry::Clients;
use crate::error::ProviderError;
use crate::http::bearer::{BearerError, BearerToken};
use crate::http::rate_limit::RateLimiter;
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::runtime::{Runtime, SigningKeys};
use crate::settings::Settings;
use crate::token::access_token::{AccessTokens, ActiveToken};
use crate::token::claim_source::ClaimSource;

pub(crate) struct UserinfoEndpoint {
    settings: Arc<Settings>,
    runtime: Runtime,
    keys: Arc<SigningKeys>,
    clients: Arc<Clients>,
    audit: Arc<dyn Audit>,
    access_tokens: AccessTokens,
    claims: Arc<dyn ClaimSource>,
    rate_limiter: RateLimiter,
}

/// `GET /userinfo`, `POST /userinfo`
pub(crate) async fn userinfo(
    State(endpoint): State<Arc<UserinfoEndpoint>>,
    BearerToken(token): BearerToken,
) -> Result<Response, BearerError> {
    let invalid = || OAuthError::new(ErrorCode::InvalidToken, "the access token is not valid");
    let now = endpoint.runtime.now();
    let ActiveToken { access, grant } = endpoint.access_tokens.find(&token, now).await?.ok_or_else(invalid)?;
    // A token of the client itself speaks for no person.
    let grant = grant.ok_or_else(invalid)?;
    let client = endpoint.clients.find(&grant.client_id, now).await?.ok_or_else(invalid)?;
    let client = endpoint.clients.with_keys(client, None, now).await;
    endpoint.rate_limiter.count_client(&client, now).await?;
    // A token for another API is that API's to read, not to bring here for more (RFC 8707 §3).
    let here = [Some(endpoint.settings.issuer.as_str()), client.resource.as_deref()];
    if !here.contains(&Some(access.audience.as_str())) {
        return Err(invalid().into());
    }
    // A token with a part of the scopes brings the claims of that part; claims by name belong to the grant.
    let of_grant = claims::released(&client, &grant.body.scopes, [].iter());
    let of_token = claims::released(&client, &access.scopes, [].iter());
    let names = grant.body.userinfo_claims.iter().filter(|n| of_token.contains(*n) || !of_grant.contains(*n));
    let names = names.cloned().collect();
    let mut claims = endpoint.claims.select_claims(&grant.subject, &names).await?;
    let event = AuditEvent::ClaimsReleased {
        person: grant.subject.clone(),
        client: client.client_id.clone(),
        claims: claims.keys().cloned().collect(),
    };
    // Recorded before anything leaves.
    endpoint.audit.append(&[event], now).await?;
    claims.insert("sub".to_owned(), endpoint.settings.subject_for(&client, &grant.subject).into());
    let mut response = endpoint.render(&client, claims, now)?;
    no_store(response.headers_mut());
    Ok(response)
}

impl UserinfoEndpoint {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self {
            settings: provider.settings.clone(),
            runtime: provider.runtime.clone(),
            keys: provider.keys.clone(),
            clients: provider.clients.clone(),
            audit: provider.stores.audit.clone(),
            access_tokens: AccessTokens::new(provider),
            claims: provider.interaction.clone(),
            rate_limiter: provider.rate_limiter.clone(),
        }
    }

    /// The claims in the form that the client is registered with (§5.3.2): JSON, a signed JWT, or either encrypted.
    fn render(
        &self,
        client: &Client,
        mut claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Response, ProviderError> {
        let content = match (client.userinfo_alg, client.encrypter(client.userinfo_encryption)?) {
            (None, None) => return Ok(Json(claims).into_response()),
            (None, Some(encrypter)) => encrypter.encrypt(&serde_json::to_string(&claims)?, false)?,
            (Some(algorithm), encrypter) => {
                claims.insert("iss".to_owned(), self.settings.issuer.clone().into());
                claims.insert("aud".to_owned(), client.client_id.clone().into());
                let signed = self.keys.current().signing(algorithm, now)?.sign("JWT", &claims)?;
                match encrypter {
                    Some(encrypter) => encrypter.encrypt(&signed, true)?,
                    None => signed,
                }
            }
        };
        Ok(([(header::CONTENT_TYPE, "application/jwt")], content).into_response())
    }
}
