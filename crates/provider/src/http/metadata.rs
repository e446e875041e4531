//! Metadata and key set.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use nixa_protocol::discovery;

use crate::interaction::Interaction;
use crate::provider::Provider;

/// Keys are rotated so that a client may keep the set for a day; a few minutes let a rotation in an emergency
/// reach everybody.
const CACHED: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "public, max-age=300")];

pub(crate) async fn configuration<I: Interaction>(State(provider): State<Arc<Provider<I>>>) -> Response {
    let identity = &provider.settings;
    let registers = identity.registration.is_some();
    (CACHED, Json(discovery::metadata(&identity.issuer, &identity.acr_values, &identity.scopes, registers)))
        .into_response()
}

pub(crate) async fn jwks<I: Interaction>(State(provider): State<Arc<Provider<I>>>) -> Response {
    (CACHED, Json(provider.keys.current().jwks(provider.now()))).into_response()
}
