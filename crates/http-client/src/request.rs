//! Requests and answers, read whole.

use http::{HeaderValue, Method, header};
use url::Url;

use crate::HttpError;

/// A request with its body.
pub type Request = http::Request<Vec<u8>>;
/// An answer with its body.
pub type Response = http::Response<Vec<u8>>;

/// A `GET` of a URL.
pub fn get(url: &str) -> Result<Request, HttpError> {
    request(Method::GET, url, Vec::new())
}

/// A `POST` of a body to a URL.
pub fn post(url: &str, media_type: &'static str, body: impl Into<Vec<u8>>) -> Result<Request, HttpError> {
    let mut request = request(Method::POST, url, body.into())?;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(request)
}

/// What of an answer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    WithBody,
    StatusOnly,
}

impl Wanted {
    pub(crate) fn of(request: &Request) -> Self {
        request.extensions().get().copied().unwrap_or(Self::WithBody)
    }
}

/// The request, of whose answer the status alone counts: a body, however long or slow, changes nothing.
#[must_use]
pub fn status_only(mut request: Request) -> Request {
    request.extensions_mut().insert(Wanted::StatusOnly);
    request
}

/// URLs are read as browsers read them: hosts and paths need not be ASCII.
fn request(method: Method, url: &str, body: Vec<u8>) -> Result<Request, HttpError> {
    let url = Url::parse(url).map_err(|_| HttpError::InvalidUrl)?;
    let request = http::Request::builder().method(method).uri(url.as_str()).body(body);
    request.map_err(|_| HttpError::InvalidUrl)
}
