//! `POST /backchannel-logout`: the exchange tells that a session has ended (Back-Channel Logout
//! 1.0, sections 2.5 to 2.8).

use crate::ambient::now;
use crate::logout_token::{self, Expected, LogoutToken, LogoutTokenError, REPLAY_WINDOW_SECONDS};
use crate::portal::{Portal, lock};
use crate::provider::Provider;
use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

const PAUSE_BETWEEN_FETCHES_SECONDS: i64 = 5;

#[derive(Deserialize)]
pub(crate) struct LogoutNotice {
    logout_token: String,
}

/// Answers 200 when the token is valid, whether or not a session was there to end; else 400 with
/// no detail, for the caller may be anyone.
pub(crate) async fn backchannel_logout(
    State(portal): State<Arc<Portal>>,
    form: Result<Form<LogoutNotice>, FormRejection>,
) -> Response {
    let Ok(Form(notice)) = form else {
        return refusal();
    };
    let Some(token) = verified(&portal, &notice.logout_token).await else {
        return refusal();
    };
    if !first_use(&portal, &token) {
        tracing::warn!("a logout token was used twice");
        return refusal();
    }
    let ended = lock(&portal.sessions).end_elsewhere(&token.target, now());
    tracing::info!(ended, "sessions ended by the exchange");
    StatusCode::OK.into_response()
}

fn refusal() -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_request"}))).into_response()
}

async fn verified(portal: &Portal, token: &str) -> Option<LogoutToken> {
    let provider = portal.provider.get().await.ok()?;
    let mut verdict = verify(portal, &provider, token);
    if verdict == Err(LogoutTokenError::Signature) && may_fetch_keys(portal) {
        let newer = portal.provider.get_newer(&provider).await.ok()?;
        verdict = verify(portal, &newer, token);
    }
    verdict.inspect_err(|error| tracing::warn!(cause = %error, "a logout token was refused")).ok()
}

fn verify(portal: &Portal, provider: &Provider, token: &str) -> Result<LogoutToken, LogoutTokenError> {
    let expected = Expected {
        issuer: &portal.settings.issuer,
        client_id: &portal.settings.config.client_id,
        keys: &provider.keys,
        algorithms: &provider.algorithms,
    };
    logout_token::verify(token, &expected, now())
}

/// Anyone can send a token with an unknown key; without a pause, each would make the portal call
/// the exchange.
fn may_fetch_keys(portal: &Portal) -> bool {
    let mut last = lock(&portal.keys_fetched_for_stranger);
    let now = now();
    let pausing = (0..PAUSE_BETWEEN_FETCHES_SECONDS).contains(&(now - *last));
    if !pausing {
        *last = now;
    }
    !pausing
}

fn first_use(portal: &Portal, token: &LogoutToken) -> bool {
    let mut seen = lock(&portal.seen_logout_tokens);
    let now = now();
    if seen.get(&token.identifier, now).is_some() {
        return false;
    }
    let deadline = now + REPLAY_WINDOW_SECONDS;
    seen.insert(token.identifier.clone(), (), deadline, now);
    true
}
