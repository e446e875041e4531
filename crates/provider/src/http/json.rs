//! Answers and errors of the endpoints that speak JSON.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_protocol::ErrorCode;
use nixa_web::no_store;
use serde::Serialize;
use serde_json::json;

use crate::error::ProviderError;

/// When a client may try again that the server could not serve, in seconds.
const TRY_AGAIN_AFTER: i64 = 5;

/// A body that nobody may store (RFC 6749 §5.1).
pub(crate) struct NoStoreJson<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for NoStoreJson<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.0).into_response();
        no_store(response.headers_mut());
        response
    }
}

/// An error as RFC 6749 §5.2 renders it. Its cause is logged, never sent.
#[derive(Debug)]
pub(crate) struct JsonError(pub(crate) ProviderError);

impl<E: Into<ProviderError>> From<E> for JsonError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for JsonError {
    fn into_response(self) -> Response {
        self.0.log();
        let public = self.0.public();
        let status = match self.0 {
            // RFC 6585 §4; OAuth has no code of its own for it.
            ProviderError::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::from_u16(public.code.status()).unwrap_or(StatusCode::BAD_REQUEST),
        };
        let body = json!({ "error": public.code.as_str(), "error_description": public.description });
        let mut response = (status, NoStoreJson(body)).into_response();
        if public.code == ErrorCode::InvalidClient {
            let challenge = HeaderValue::from_static("Basic realm=\"token\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        match self.0 {
            ProviderError::RateLimited { retry_after } => set_retry_after(&mut response, retry_after),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => set_retry_after(&mut response, TRY_AGAIN_AFTER),
            _ => {}
        }
        response
    }
}

/// Says when the same request may be sent again, in seconds.
pub(crate) fn set_retry_after(response: &mut Response, seconds: i64) {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}
