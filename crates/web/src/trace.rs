//! One line per request, with an id and without anything that names a person.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use nixa_protocol::Entropy;
use tracing::Instrument;

/// Gives each request an id (also as `x-request-id` in the answer, so that a person can quote it) and
/// logs method, route, status and time. The route is the pattern, never the path: paths hold
/// identifiers, queries hold codes and hints. An id sent by the caller is not believed.
pub async fn trace_requests(State(entropy): State<Arc<dyn Entropy>>, request: Request, next: Next) -> Response {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    let id = u64::from_be_bytes(bytes);
    let id = format!("{id:016x}");
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id, method = %request.method(), route);
    let started = tokio::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| {
        let ms = started.elapsed().as_millis();
        tracing::info!(status = response.status().as_u16(), ms, "answered");
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}
