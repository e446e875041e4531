//! Client authentication at the endpoints that clients call themselves.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, header};
use nixa_protocol::error::invalid_client;
use nixa_protocol::{Client, Params, Timestamp, client_auth, digest};
use nixa_web::read_form;

use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;

/// What a client asks at an endpoint of its own, having authenticated.
pub(crate) struct Call {
    pub(crate) form: Params,
    pub(crate) client: Arc<Client>,
    pub(crate) now: Timestamp,
}

/// Reads a form and authenticates the client that sent it.
pub(crate) async fn called<I: Interaction>(
    provider: &Provider<I>,
    endpoint: &str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Call, ProviderError> {
    let form = read_form(headers, body)?;
    form.refuse_repeated()?;
    let now = provider.now();
    let client = authenticate_client(provider, endpoint, headers, &form, now).await?;
    Ok(Call { form, client, now })
}

/// Authenticates the client and uses up its assertion, before anything else is looked at.
pub(crate) async fn authenticate_client<I: Interaction>(
    provider: &Provider<I>,
    endpoint: &str,
    headers: &HeaderMap,
    form: &Params,
    now: Timestamp,
) -> Result<Arc<Client>, ProviderError> {
    let authorization = match headers.get(header::AUTHORIZATION) {
        Some(value) => Some(value.to_str().map_err(|_| invalid_client("Authorization is malformed"))?),
        None => None,
    };
    let presented = client_auth::present(authorization, form)?;
    let unknown = || invalid_client("client authentication failed");
    let client = provider.clients.find(&presented.client_id, now).await?.ok_or_else(unknown)?;
    let client = provider.clients.with_keys(client, form.get("client_assertion"), now).await;
    let issuer = &provider.settings.issuer;
    let endpoint = format!("{issuer}/{endpoint}");
    // The token endpoint counts everywhere (RFC 9126 §2).
    let token = format!("{issuer}/token");
    if let Some(assertion) = client_auth::authenticate(&client, &presented, &[issuer, &token, &endpoint], now)? {
        let key = format!("jti:{}:{}", client.client_id, digest(&assertion.jti).as_str());
        if !provider.stores.short.put_new(&key, b"", assertion.expires, now).await? {
            return Err(invalid_client("client_assertion was used before").into());
        }
    }
    provider.rate_limiter.count_client(&client, now).await?;
    Ok(client)
}
