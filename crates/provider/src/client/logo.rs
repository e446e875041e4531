//! Logos of clients, from here: a page that loaded them from elsewhere would tell who is logging in.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::interaction::Interaction;
use crate::provider::Provider;

/// Pictures without scripts in them.
const TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// `GET /logo/{client_id}`
pub(crate) async fn logo<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    Path(client_id): Path<String>,
) -> Response {
    let now = provider.now();
    let client = provider.clients.find(&client_id, now).await.ok().flatten();
    let Some(uri) = client.as_ref().and_then(|c| c.about.get("logo_uri")).and_then(Value::as_str) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let document = provider.clients.documents.get(uri, false, now).await;
    match document.filter(|document| TYPES.contains(&document.media_type.as_str())) {
        Some(document) => {
            let kind = document.media_type.clone();
            let headers = [(header::CONTENT_TYPE, kind.as_str()), (header::CACHE_CONTROL, "public, max-age=3600")];
            (headers, document.body.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
