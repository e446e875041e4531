//! The limit of requests around what people see.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use nixa_web::{Problem, Text};

use crate::error::ProviderError;
use crate::http::json::set_retry_after;
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
        Err(ProviderError::RateLimited { retry_after }) => {
            let page = provider.problem(Text::default(), StatusCode::TOO_MANY_REQUESTS, Problem::TooManyRequests);
            let mut response = page.in_both_languages().into_response();
            set_retry_after(&mut response, retry_after);
            response
        }
        Err(error) => provider.failed(&error, Text::default()),
    }
}
