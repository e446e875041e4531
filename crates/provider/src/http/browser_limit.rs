//! The limit of requests around what people see.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use nixa_web::Text;

use crate::http::page_error::render;
use crate::interaction::Interaction;
use crate::provider::Provider;

/// Counts each request of an address; one too many is told so in both languages, since the session that knows the
/// person's own is not read yet.
pub(crate) async fn limit_browsers<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    request: Request,
    next: Next,
) -> Response {
    let address = provider.rate_limiter.counted_address(&request);
    match provider.rate_limiter.count_address(address).await {
        Ok(()) => next.run(request).await,
        Err(error) => render(&provider.branding, Text::default(), &error.into()),
    }
}
