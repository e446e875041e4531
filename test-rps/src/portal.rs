//! The portal put together: its state, its routes, and the headers of every response.

use crate::api;
use crate::authorize;
use crate::backchannel;
use crate::callback;
use crate::config::{Api, PortalConfig, PortalError, Settings};
use crate::expiring::ExpiringMap;
use crate::home;
use crate::language::Language;
use crate::logout;
use crate::pages;
use crate::pending::PendingLogins;
use crate::provider::ProviderCache;
use crate::returns;
use crate::sessions::Sessions;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const BODY_LIMIT_BYTES: usize = 64 * 1024;
const LANGUAGE_KEPT_SECONDS: u32 = 365 * 24 * 60 * 60;
const SEEN_TOKENS: usize = 10_000;

/// What the handlers share. Each part guards its own rules.
pub(crate) struct Portal {
    pub(crate) settings: Settings,
    pub(crate) provider: ProviderCache,
    pub(crate) pending: Mutex<PendingLogins>,
    pub(crate) sessions: Mutex<Sessions>,
    /// Identifiers of logout tokens that were used (Back-Channel Logout 1.0, section 2.6, item 8).
    pub(crate) seen_logout_tokens: Mutex<ExpiringMap<()>>,
    /// When a logout token last made the portal fetch keys, in seconds since 1970.
    pub(crate) keys_fetched_for_stranger: Mutex<i64>,
}

/// The state behind a lock, also after a panic elsewhere: every change to it is one map operation,
/// so there is no half-made change to protect from.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One portal as a router, to be served at [`PortalConfig::public_url`].
///
/// The exchange is not called here: it is discovered when a request first needs it.
///
/// # Errors
/// [`PortalError`] when the configuration is unusable or the process has no rustls
/// `CryptoProvider`.
pub fn router(config: PortalConfig) -> Result<Router, PortalError> {
    let api = config.api.clone();
    let settings = Settings::new(config)?;
    let portal = Arc::new(Portal {
        provider: ProviderCache::new(&settings)?,
        settings,
        pending: Mutex::new(PendingLogins::new()),
        sessions: Mutex::new(Sessions::new()),
        seen_logout_tokens: Mutex::new(ExpiringMap::new(SEEN_TOKENS)),
        keys_fetched_for_stranger: Mutex::new(0),
    });
    Ok(Router::new()
        .route("/", get(home::home))
        .route("/login", get(authorize::login))
        .route("/callback", get(callback::callback))
        .route("/logout", post(logout::logout))
        .route("/logged-out", get(logout::logged_out))
        .route("/backchannel-logout", post(backchannel::backchannel_logout))
        .route("/problem/{slug}", get(pages::explain))
        .route("/style.css", get(pages::stylesheet))
        .route("/healthz", get(|| async { "ok" }))
        .merge(api.map(filing).unwrap_or_default())
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&portal), decorate))
        .with_state(portal))
}

/// The API and the page that calls it; a portal without an API has neither.
fn filing(api: Api) -> Router<Arc<Portal>> {
    Router::new()
        .route("/api/returns", post(api::file))
        .route("/returns", get(returns::resume).post(returns::file))
        .layer(Extension(Arc::new(api)))
}

/// Headers that no response may lack, and the cookie of a language that was asked for.
async fn decorate(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let asked = Language::asked(request.uri().query());
    let mut response = next.run(request).await;
    let names = &portal.settings.cookies;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, portal.settings.content_security_policy.clone());
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let cookie = asked.and_then(|language| names.set(&names.language, language.tag(), Some(LANGUAGE_KEPT_SECONDS)));
    if let Some(cookie) = cookie {
        headers.append(SET_COOKIE, cookie);
    }
    response
}
