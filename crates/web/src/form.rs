//! Reading a form body strictly.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use nixa_protocol::Params;

/// Why a body is not a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormError {
    /// Longer than the limit.
    TooLarge,
    /// Another content type: a form post is the only thing a browser sends across sites without asking.
    WrongType,
    /// Not UTF-8, too many parameters, or cut off.
    Malformed,
}

impl FormError {
    /// The status to answer with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::WrongType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed => StatusCode::BAD_REQUEST,
        }
    }

    /// What a developer reads.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::TooLarge => "the body is too large",
            Self::WrongType => "the body must be application/x-www-form-urlencoded",
            Self::Malformed => "the body is malformed",
        }
    }
}

/// Reads an `application/x-www-form-urlencoded` body.
pub fn read_form(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Params, FormError> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => FormError::TooLarge,
        _ => FormError::Malformed,
    })?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") && !body.is_empty() {
        return Err(FormError::WrongType);
    }
    Params::parse(&body).map_err(|_| FormError::Malformed)
}
