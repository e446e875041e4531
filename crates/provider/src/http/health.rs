//! Liveness and readiness.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::interaction::Interaction;
use crate::provider::Provider;

/// Liveness: asks no store, since a restart would not bring a store back.
pub(crate) async fn healthz() -> &'static str {
    "ok"
}

/// The stores answer too: only then should requests be sent here.
pub(crate) async fn readyz<I: Interaction>(State(provider): State<Arc<Provider<I>>>) -> (StatusCode, &'static str) {
    let (short, grants) = (provider.stores.short.ping().await, provider.stores.grants.ping().await);
    if short.is_ok() && grants.is_ok() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "a store does not answer")
    }
}
