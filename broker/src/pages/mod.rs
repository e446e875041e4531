//! The pages of the broker.

mod accept;
mod callback;
mod cancel;
mod choose;
mod confirm;
mod home;
mod login;
mod redirect;
mod unmet;
mod wording;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use login::BrokerProvider;

/// The routes of the pages.
pub fn routes() -> Router<Arc<BrokerProvider>> {
    Router::new()
        .route("/", get(home::show))
        .route("/callback/{idp}", get(callback::receive))
        .route("/login/{login}/choose", get(choose::show).post(choose::submit))
        .route("/login/{login}/go/{idp}", get(redirect::redirect))
        .route("/login/{login}/confirm", get(confirm::show).post(confirm::submit))
        .route("/login/{login}/unmet", get(unmet::show).post(unmet::submit))
        .route("/login/{login}/cancel", post(cancel::cancel).get(cancel::show))
        .route("/login/{login}/switch", post(cancel::switch).get(cancel::show))
}
