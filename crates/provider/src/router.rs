//! The routes of the engine, and the layers around them and the pages of the interaction.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use nixa_web::{Problem, security_headers, session_layer, stylesheet, trace_requests};
use percent_encoding::percent_decode_str;
use tower::Layer;
use tower_http::catch_panic::CatchPanicLayer;

use crate::authorize::endpoint as authorize;
use crate::authorize::par::push;
use crate::authorize::response::script;
use crate::authorize::resume::resume;
use crate::client::logo;
use crate::client::registration as register;
use crate::http::browser_limit::limit_browsers;
use crate::http::cors::cors;
use crate::http::error_layer::render_page_errors;
use crate::http::health::{healthz, readyz};
use crate::http::metadata::{configuration, jwks};
use crate::http::page_error::PageError;
use crate::http::rate_limit::limit_programs;
use crate::interaction::Interaction;
use crate::logout::deliveries::{DeliveriesEndpoint, deliveries};
use crate::logout::end_session;
use crate::logout::outcome;
use crate::provider::Provider;
use crate::session::browser_store::ShortLivedSessions;
use crate::token::endpoint::{TokenEndpoint, token};
use crate::token::introspect::{IntrospectionEndpoint, introspect};
use crate::token::revoke::{RevocationEndpoint, revoke};
use crate::token::userinfo::{UserinfoEndpoint, userinfo};

/// The longest body that is read, in octets: forms are a few hundred.
const LONGEST_BODY: usize = 64 * 1024;

/// The whole server: the engine's endpoints, the interaction's pages, and the layers around both.
pub fn router<I: Interaction>(
    provider: Arc<Provider<I>>,
    pages: Router<Arc<Provider<I>>>,
    cookie_name: &str,
) -> Router {
    let secure = provider.settings.is_secure();
    let registration = match provider.settings.registration {
        Some(_) => Router::new()
            .route("/register", post(register::register))
            .route("/register/{client_id}", get(register::show).put(register::update).delete(register::remove)),
        None => Router::new(),
    };
    let metadata = Router::new()
        .route("/.well-known/openid-configuration", get(configuration))
        .route("/.well-known/oauth-authorization-server", get(configuration))
        .route("/jwks", get(jwks));
    let for_programs = Router::new()
        .route("/par", post(push))
        .route("/token", post(token).with_state(Arc::new(TokenEndpoint::new(&provider))))
        .route("/introspect", post(introspect).with_state(Arc::new(IntrospectionEndpoint::new(&provider))))
        .route("/revoke", post(revoke).with_state(Arc::new(RevocationEndpoint::new(&provider))))
        .route("/userinfo", get(userinfo).post(userinfo).with_state(Arc::new(UserinfoEndpoint::new(&provider))))
        .route("/logout/deliveries", post(deliveries).with_state(Arc::new(DeliveriesEndpoint::new(&provider))))
        .merge(registration)
        .layer(from_fn_with_state(provider.rate_limiter.clone(), limit_programs))
        .merge(metadata)
        .layer(cors());
    let for_browsers = Router::new()
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route("/continue/{login}", get(resume))
        .route("/logout", get(end_session::get).post(end_session::post))
        .route("/logout/{reference}", get(outcome::show))
        .merge(pages)
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(provider.clone(), render_page_errors))
        .layer(session_layer(
            ShortLivedSessions::new(provider.stores.short.clone(), provider.runtime.clock.clone()),
            cookie_name,
            secure,
        ))
        .layer(from_fn_with_state(provider.clone(), limit_browsers));
    let all = Router::new()
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
        .route("/form-post.js", get(script))
        .route("/logo/{client_id}", get(logo::logo))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .merge(for_programs)
        .merge(for_browsers)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(secure, security_headers))
        .layer(from_fn_with_state(provider.runtime.entropy.clone(), trace_requests))
        .with_state(provider);
    // Around the routes, so that it comes before the choice of one.
    Router::new().fallback_service(from_fn(readable_path).layer(all))
}

async fn style<I: Interaction>(State(provider): State<Arc<Provider<I>>>) -> Response {
    stylesheet(&provider.branding)
}

async fn icon() -> Response {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, nixa_web::ICON).into_response()
}

async fn not_found() -> PageError {
    PageError::refused(StatusCode::NOT_FOUND, Problem::NotFound)
}

async fn wrong_method() -> PageError {
    PageError::refused(StatusCode::METHOD_NOT_ALLOWED, Problem::NotFound)
}

/// A path that is not UTF-8 is no path of ours; its route's own refusal would be bare English text.
async fn readable_path(mut request: Request, next: Next) -> Response {
    if percent_decode_str(request.uri().path()).decode_utf8().is_err() {
        *request.uri_mut() = Uri::from_static("/not-found");
    }
    next.run(request).await
}
