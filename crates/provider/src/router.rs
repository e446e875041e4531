//! The routes of the engine, and the layers around engine and host.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use nixa_web::{Browser, Text, security_headers, session_layer, stylesheet, trace_requests};
use tower_http::catch_panic::CatchPanicLayer;
use tower_sessions::Session;

use crate::authorize;
use crate::cors::cors;
use crate::dispatch::continue_login;
use crate::end_session;
use crate::health::{healthz, readyz};
use crate::host::Host;
use crate::metadata::{configuration, jwks};
use crate::session_store::ShortLivedSessions;
use crate::state::Provider;
use crate::step::Chosen;
use crate::token::token;
use crate::userinfo::userinfo;

/// The longest body that is read, in octets: forms are a few hundred.
const LONGEST_BODY: usize = 64 * 1024;

/// The whole server: the engine's endpoints, the host's pages, and the layers around both.
pub fn router<H: Host>(provider: Arc<Provider<H>>, pages: Router<Arc<Provider<H>>>, cookie_name: &str) -> Router {
    let secure = provider.identity.issuer.starts_with("https://");
    let for_scripts = Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/jwks", get(jwks))
        .route("/token", post(token))
        .route("/userinfo", get(userinfo).post(userinfo))
        .layer(cors());
    let for_browsers = Router::new()
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route("/continue/{login}", get(continue_login))
        .route("/logout", get(end_session::get).post(end_session::post))
        .fallback(not_found)
        .merge(pages)
        .layer(session_layer(
            ShortLivedSessions::new(provider.stores.short.clone(), provider.clock.clone()),
            cookie_name,
            secure,
        ));
    Router::new()
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .merge(for_scripts)
        .merge(for_browsers)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(secure, security_headers))
        .layer(from_fn_with_state(provider.entropy.clone(), trace_requests))
        .with_state(provider)
}

async fn style<H: Host>(State(provider): State<Arc<Provider<H>>>) -> Response {
    stylesheet(&provider.look)
}

async fn icon() -> Response {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, nixa_web::ICON).into_response()
}

async fn not_found<H: Host>(State(provider): State<Arc<Provider<H>>>, session: Session, chosen: Chosen) -> Response {
    let known = Browser::existing(&session).await.ok().flatten().and_then(|b| b.lang());
    let text = Text(chosen.0.or(known).unwrap_or_default());
    provider.problem(text, StatusCode::NOT_FOUND, "not-found").into_response()
}
