//! The introspection endpoint (RFC 7662), which tells an API the level of a login (RFC 9470 §6.2).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use nixa_protocol::access_token::may_introspect;
use nixa_protocol::error::invalid_client;
use serde_json::{Value, json};

use crate::client::authentication::{Call, called};
use crate::error::ProviderError;
use crate::http::json::json_answer;
use crate::interaction::Interaction;
use crate::provider::Provider;

pub(crate) async fn introspect<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    json_answer(StatusCode::OK, answer(&provider, &headers, body).await)
}

async fn answer<I: Interaction>(
    provider: &Provider<I>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Value, ProviderError> {
    let Call { form, client: caller, now } = called(provider, "introspect", headers, body).await?;
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
    let mut said = serde_json::to_value(live.claims(&provider.settings.issuer, &sub, None))?;
    if let Some(members) = said.as_object_mut() {
        members.insert("active".to_owned(), json!(true));
        members.insert("token_type".to_owned(), json!("Bearer"));
    }
    Ok(said)
}
