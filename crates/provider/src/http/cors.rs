//! Cross-origin reads where single-page portals need them.

use std::time::Duration;

use axum::http::{Method, header};
use tower_http::cors::{Any, CorsLayer};

/// Any origin may read: these endpoints never look at cookies, so a foreign page learns nothing that it
/// could not fetch from its own server. The authorization endpoint has none: a browser goes there, a
/// script does not (RFC 9700 §2.6).
pub(crate) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::WWW_AUTHENTICATE])
        .max_age(Duration::from_secs(3600))
}
