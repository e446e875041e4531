//! The userinfo endpoint (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use nixa_audit::AuditEvent;
use nixa_protocol::subject::subject_for;
use nixa_protocol::{Client, ErrorCode, OAuthError, Timestamp, claims};
use nixa_web::{no_store, read_form};
use serde_json::{Map, Value};

use crate::error::{ProviderError, json_error};
use crate::http::bearer::{bearer, challenge};
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::token::access_token::LiveToken;

pub(crate) async fn userinfo<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let token = read_form(&headers, body).map_err(ProviderError::from);
    let token = token.and_then(|form| Ok(bearer(&headers, &form)?));
    let result = match token {
        Ok(None) => return challenge(None),
        Ok(Some(token)) => answer(&provider, &token).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(answer) => {
            let mut response = answer;
            no_store(response.headers_mut());
            response
        }
        Err(ProviderError::OAuth(error)) => challenge(Some(&error)),
        Err(error) => json_error(&error),
    }
}

async fn answer<I: Interaction>(provider: &Provider<I>, token: &str) -> Result<Response, ProviderError> {
    let invalid = || OAuthError::new(ErrorCode::InvalidToken, "the access token is not valid");
    let now = provider.now();
    let LiveToken { access, grant } = provider.live_token(token, now).await?.ok_or_else(invalid)?;
    // A token of the client itself speaks for no person.
    let grant = grant.ok_or_else(invalid)?;
    let client = provider.clients.find(&grant.client_id, now).await?.ok_or_else(invalid)?;
    let client = provider.clients.with_keys(client, None, now).await;
    provider.limit_client(&client, now).await?;
    // A token for another API is that API's to read, not to bring here for more (RFC 8707 §3).
    let ours = [Some(provider.identity.issuer.as_str()), client.resource.as_deref()];
    if !ours.contains(&Some(access.audience())) {
        return Err(invalid().into());
    }
    // A narrowed token brings the claims of its own scopes; claims by name belong to the grant.
    let by_scope = claims::released(&client, &grant.body.scopes, [].iter());
    let narrowed = claims::released(&client, &access.scopes, [].iter());
    let names = grant.body.userinfo_claims.iter().filter(|n| narrowed.contains(*n) || !by_scope.contains(*n));
    let names = names.cloned().collect();
    let mut claims = claims::select(&provider.interaction.claims(&grant.subject, &names).await?, &names);
    let sub = subject_for(&client, grant.subject.as_str(), &provider.identity.pairwise_key);
    // Kept before anything leaves.
    let released = AuditEvent::ClaimsReleased {
        person: grant.subject.clone(),
        client: client.client_id.clone(),
        claims: claims.keys().cloned().collect(),
    };
    provider.record(released, now).await?;
    claims.insert("sub".to_owned(), sub.into());
    said(provider, &client, claims, now)
}

/// The claims in the form that the client is registered with (§5.3.2): JSON, a signed JWT, or either encrypted.
fn said<I: Interaction>(
    provider: &Provider<I>,
    client: &Client,
    mut claims: Map<String, Value>,
    now: Timestamp,
) -> Result<Response, ProviderError> {
    let content = match (client.userinfo_alg, client.encrypter(client.userinfo_encryption)?) {
        (None, None) => return Ok(Json(claims).into_response()),
        (None, Some(encrypter)) => encrypter.encrypt(&serde_json::to_string(&claims)?, false)?,
        (Some(algorithm), encrypter) => {
            claims.insert("iss".to_owned(), provider.identity.issuer.clone().into());
            claims.insert("aud".to_owned(), client.client_id.clone().into());
            let signed = provider.keys().signing(algorithm, now)?.sign("JWT", &claims)?;
            match encrypter {
                Some(encrypter) => encrypter.encrypt(&signed, true)?,
                None => signed,
            }
        }
    };
    Ok(([(header::CONTENT_TYPE, "application/jwt")], content).into_response())
}
