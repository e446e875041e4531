//! The introspection endpoint (RFC 7662), which tells an API the level of a login (RFC 9470 §6.2).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use nixa_protocol::access_token::may_introspect;
use nixa_protocol::error::invalid_client;
use nixa_web::{no_store, read_form};
use serde_json::{Value, json};

use crate::client::authenticate_client;
use crate::error::{ProviderError, json_error};
use crate::host::Host;
use crate::state::Provider;

pub(crate) async fn introspect<H: Host>(
    State(provider): State<Arc<Provider<H>>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match answer(&provider, &headers, body).await {
        Ok(said) => {
            let mut response = Json(said).into_response();
            no_store(response.headers_mut());
            response
        }
        Err(error) => json_error(&error),
    }
}

async fn answer<H: Host>(
    provider: &Provider<H>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Value, ProviderError> {
    let form = read_form(headers, body)?;
    form.refuse_repeated()?;
    let now = provider.now();
    let caller = authenticate_client(provider, "introspect", headers, &form, now).await?;
    if !caller.authentication.is_confidential() {
        // Anybody can use a public client's name: an open endpoint would try out tokens for them (RFC 7662 §2.1).
        return Err(invalid_client("introspection needs client authentication").into());
    }
    let inactive = Ok(json!({ "active": false }));
    let Some(live) = provider.live_token(form.required("token")?, now).await? else { return inactive };
    if !may_introspect(&caller, &live.access.client_id, live.access.audience()) {
        return inactive;
    }
    let Some(holder) = provider.clients.find(&live.access.client_id, now).await? else { return inactive };
    let sub = provider.holder(&live, &holder);
    let mut said = serde_json::to_value(live.claims(&provider.identity.issuer, &sub, None))?;
    if let Some(members) = said.as_object_mut() {
        members.insert("active".to_owned(), json!(true));
        members.insert("token_type".to_owned(), json!("Bearer"));
    }
    Ok(said)
}
