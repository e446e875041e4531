//! The pages of the identity provider.

mod cancel;
mod home;
mod login;
mod password;
mod totp;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use login::IdpProvider;

/// The routes of the pages.
pub fn routes() -> Router<Arc<IdpProvider>> {
    Router::new()
        .route("/", get(home::show))
        .route("/login/{login}/password", get(password::show).post(password::submit))
        .route("/login/{login}/totp", get(totp::show).post(totp::submit))
        .route("/login/{login}/cancel", post(cancel::cancel).get(cancel::show))
        .route("/login/{login}/switch", post(cancel::switch).get(cancel::show))
}
