//! Sample public-service portals: relying parties of the login exchange.
//!
//! A portal here knows the exchange only through public standards and the `openidconnect` crate. It must not import any
//! other crate of this workspace: if both sides shared a type, they would share its mistakes, and a login that works
//! here would prove nothing.
//!
//! Where a portal developer finds what:
//!
//! | module | what it does | standard |
//! |---|---|---|
//! | `exchange` | discovery, keys, HTTP | OpenID Connect Discovery 1.0 |
//! | `login` | `/login` and `/callback` | OpenID Connect Core 1.0, RFC 7636, RFC 9207 |
//! | `assurance` | how good a login must be | OpenID Connect Core 1.0, section 5.5.1.1 |
//! | `session` | what is remembered of a browser | |
//! | `logout` | `/logout` and `/logged-out` | RP-Initiated Logout 1.0 |
//! | `backchannel_logout` | `/backchannel-logout` | Back-Channel Logout 1.0 |
//! | `api` | a resource server that may ask for a step-up | RFC 6750, RFC 7662, RFC 9470 |
//! | `step_up`, `returns` | a client of that API, which then steps up | RFC 9470 |
//! | `pages`, `problem` | what people read | |
//!
//! Sessions and open logins live in memory: a portal that restarts asks people to log in again, which single sign-on
//! makes cheap. Nothing personal goes to a log or a URL; the one exception is `id_token_hint` at logout, which
//! RP-Initiated Logout 1.0, section 2, asks for.

mod api;
mod assurance;
mod backchannel_logout;
mod claims;
mod config;
mod exchange;
mod login;
mod logout;
mod pages;
mod portal;
mod problem;
mod returns;
mod session;
mod step_up;

pub use config::{
    Api, PortalConfig, PortalError, Registration, Service, national_public_service, social_insurance, tax,
};

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use axum::{Extension, Router};
use portal::Portal;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

const BODY_LIMIT_BYTES: usize = 64 * 1024;

/// One portal as a router, to be served at [`Registration::public_url`]. The process must have installed a rustls
/// `CryptoProvider` before. The exchange is not called here: it is discovered when a request first needs it.
///
/// # Errors
/// [`PortalError`] when the configuration is unusable or the process has no `CryptoProvider`.
pub fn router(config: PortalConfig) -> Result<Router, PortalError> {
    let portal = Arc::new(Portal::new(config)?);
    let sessions = SessionManagerLayer::new(portal.sessions.clone())
        .with_name(portal.cookie_name(""))
        .with_secure(portal.config.is_secure())
        // The exchange sends the browser back by a cross-site navigation, which must bring the session along.
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnSessionEnd);
    let api = portal.config.api.clone().map_or_else(Router::new, |api| {
        Router::new()
            .route("/api/returns", post(api::file))
            .route("/returns", get(returns::resume).post(returns::file))
            .layer(Extension(api))
    });
    Ok(Router::new()
        .route("/", get(pages::home))
        .route("/login", get(login::login))
        .route("/callback", get(login::callback))
        .route("/logout", post(logout::logout))
        .route("/logged-out", get(logout::logged_out))
        .route("/backchannel-logout", post(backchannel_logout::backchannel_logout))
        .route("/problem/{code}", get(pages::explain))
        .route("/style.css", get(pages::stylesheet))
        .route("/healthz", get(|| async { "ok" }))
        .merge(api)
        .fallback(|| async { problem::NOT_FOUND })
        .method_not_allowed_fallback(|| async { problem::WRONG_METHOD })
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&portal), pages::render_problems_and_add_headers))
        .layer(sessions)
        .with_state(portal))
}
