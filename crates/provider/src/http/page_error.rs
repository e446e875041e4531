//! What goes wrong on a page, and the one layer that renders it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use nixa_web::{BrowserSession, ErrorPage, NextLink, Problem, Text};
use tower_sessions::Session;

use crate::error::ProviderError;
use crate::http::visitor::ChosenLanguage;
use crate::interaction::Interaction;
use crate::provider::Provider;

/// Why a person sees an error page.
#[derive(Debug)]
pub enum PageError {
    /// A fault of ours: the cause goes to the log, and the person is asked to try later.
    Failed(ProviderError),
    /// What the person asked for cannot be done.
    Refused {
        /// The status to answer with.
        status: StatusCode,
        /// What the page says.
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

/// The mark of an error on its way to [`render_page_errors`].
#[derive(Clone)]
struct Unrendered(Arc<PageError>);

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Unrendered(Arc::new(self)));
        response
    }
}

/// The language of a request's error page, which extractors and handlers find out on their way.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageLanguage(Arc<Mutex<Option<Text>>>);

impl PageLanguage {
    /// Remembers the language; what is found out later is known better.
    pub(crate) fn note(&self, text: Text) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    fn get(&self) -> Option<Text> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Sync> FromRequestParts<S> for PageLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Renders the errors of handlers in the person's language, in one place.
pub(crate) async fn render_page_errors<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let language = PageLanguage::default();
    request.extensions_mut().insert(language.clone());
    let session = request.extensions().get::<Session>().cloned();
    let (mut parts, body) = request.into_parts();
    let Ok(chosen) = ChosenLanguage::from_request_parts(&mut parts, &()).await;
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let Some(Unrendered(error)) = response.extensions_mut().remove() else { return response };
    let text = match (language.get(), session) {
        (Some(text), _) => text,
        (None, Some(session)) => {
            let browser = BrowserSession::existing(&session).await.ok().flatten();
            provider.text_for(browser.as_ref(), chosen, &[])
        }
        (None, None) => provider.text_for(None, chosen, &[]),
    };
    render(&provider, text, &error)
}

fn render<I: Interaction>(provider: &Provider<I>, text: Text, error: &PageError) -> Response {
    match error {
        PageError::Failed(error) => {
            error.log();
            // The same address again: what was asked is not lost, and the first page needs the store too.
            let again = NextLink { href: String::new(), label: text.try_again() };
            let page = ErrorPage::new(&provider.branding, text, StatusCode::SERVICE_UNAVAILABLE, Problem::TryLater);
            let mut response = page.next_link(again).in_both_languages().into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
        PageError::Refused { status, problem, link } => {
            let page = ErrorPage::new(&provider.branding, text, *status, *problem);
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
