//! Bearer tokens in requests (RFC 6750).

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_protocol::{ErrorCode, OAuthError, Params};
use nixa_web::read_form;

use crate::error::ProviderError;
use crate::http::json::JsonError;

/// The access token of a request to a protected resource.
pub(crate) struct BearerToken(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for BearerToken {
    type Rejection = BearerError;

    async fn from_request(request: Request, state: &S) -> Result<Self, BearerError> {
        let headers = request.headers().clone();
        let form = read_form(&headers, Bytes::from_request(request, state).await)?;
        bearer(&headers, &form)?.map(Self).ok_or(BearerError::Missing)
    }
}

/// The access token of a request: in the header or in the form, not in both (RFC 6750 §2) and never in
/// the query, where it would end in logs. `None` when there is none.
///
/// # Errors
/// `invalid_request`.
pub(crate) fn bearer(headers: &HeaderMap, form: &Params) -> Result<Option<String>, OAuthError> {
    let malformed = || OAuthError::new(ErrorCode::InvalidRequest, "the access token is malformed");
    let header = match headers.get(header::AUTHORIZATION) {
        None => None,
        Some(value) => {
            let text = value.to_str().map_err(|_| malformed())?;
            let (scheme, token) = text.split_once(' ').ok_or_else(malformed)?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        }
    };
    match (header, form.get("access_token")) {
        (Some(_), Some(_)) => Err(OAuthError::new(ErrorCode::InvalidRequest, "the access token came twice")),
        (header, form) => Ok(header.or(form).map(str::to_owned)),
    }
}

/// Why a protected resource does not answer (RFC 6750 §3).
#[derive(Debug)]
pub(crate) enum BearerError {
    /// There was no token: then no error code is told.
    Missing,
    /// The token or the request is refused, or the server failed.
    Failed(ProviderError),
}

impl<E: Into<ProviderError>> From<E> for BearerError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for BearerError {
    fn into_response(self) -> Response {
        match self {
            Self::Missing => challenge(StatusCode::UNAUTHORIZED, "Bearer realm=\"userinfo\""),
            Self::Failed(error @ (ProviderError::OAuth(_) | ProviderError::Form(_))) => {
                let error = error.public();
                let (code, description) = (error.code.as_str(), &error.description);
                let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::UNAUTHORIZED);
                let realm = "Bearer realm=\"userinfo\"";
                challenge(status, &format!("{realm}, error=\"{code}\", error_description=\"{description}\""))
            }
            Self::Failed(error) => JsonError(error).into_response(),
        }
    }
}

fn challenge(status: StatusCode, value: &str) -> Response {
    let mut response = status.into_response();
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
