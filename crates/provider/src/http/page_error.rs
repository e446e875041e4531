//! What goes wrong on a page.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_web::{Branding, ErrorPage, NextLink, Problem, Text};

use crate::error::ProviderError;
use crate::http::json::set_retry_after;

/// After how many seconds a fault of ours is worth another try.
const RETRY_AFTER: i64 = 5;

/// Why a person sees an error page.
#[derive(Debug)]
pub enum PageError {
    /// A fault of ours: the cause goes to the log, and the person is asked to try later.
    Failed(ProviderError),
    /// What the person asked for cannot be done.
    Refused {
        /// The status to answer with.
        status: StatusCode,
        /// The kind of problem, which has its text in both languages.
        problem: Problem,
        /// Another link than the one to the first page.
        link: Option<NextLink>,
    },
}

impl PageError {
    /// A refusal that leads to the first page.
    #[must_use]
    pub fn refused(status: StatusCode, problem: Problem) -> Self {
        Self::Refused { status, problem, link: None }
    }

    /// A refusal that leads elsewhere.
    #[must_use]
    pub fn leading_to(status: StatusCode, problem: Problem, link: NextLink) -> Self {
        Self::Refused { status, problem, link: Some(link) }
    }
}

impl<E: Into<ProviderError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// An error on its way to the layer that renders it.
#[derive(Clone)]
pub(crate) struct Unrendered(pub(crate) Arc<PageError>);

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Unrendered(Arc::new(self)));
        response
    }
}

/// The page of an error.
pub(crate) fn render(branding: &Branding, text: Text, error: &PageError) -> Response {
    match error {
        PageError::Failed(ProviderError::RateLimited { retry_after }) => {
            let page = ErrorPage::new(branding, text, StatusCode::TOO_MANY_REQUESTS, Problem::TooManyRequests);
            let mut response = page.in_both_languages().into_response();
            set_retry_after(&mut response, *retry_after);
            response
        }
        PageError::Failed(error) => {
            error.log();
            // The same address again: what was asked is not lost, and the first page needs the store too.
            let again = NextLink { href: String::new(), label: text.try_again() };
            let page = ErrorPage::new(branding, text, StatusCode::SERVICE_UNAVAILABLE, Problem::TryLater);
            let mut response = page.next_link(again).in_both_languages().into_response();
            set_retry_after(&mut response, RETRY_AFTER);
            response
        }
        PageError::Refused { status, problem, link } => {
            let page = ErrorPage::new(branding, text, *status, *problem);
            match link {
                Some(link) => page.next_link(link.clone()).into_response(),
                None => page.into_response(),
            }
        }
    }
}

/// Sends the browser on with a GET, whatever the method was: a 307 would send a password on
/// (RFC 9700 §4.12).
#[must_use]
pub fn see_other(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(value) => (StatusCode::SEE_OTHER, [(header::LOCATION, value)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}
