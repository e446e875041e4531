//! What the pages that have no transaction share.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_web::{BrowserSession, ErrorPage, Lang, NextLink, Problem, Text};
use tower_sessions::Session;

use crate::error::ProviderError;
use crate::http::visitor::ChosenLanguage;
use crate::interaction::Interaction;
use crate::provider::Provider;

impl<I: Interaction> Provider<I> {
    /// The browser of a session that has one already. Only a request that begins something makes one: a
    /// cross-site post comes without the cookie, and an answer that set a new one would replace the
    /// session that the browser has.
    ///
    /// # Errors
    /// The page that says to try later.
    pub async fn known_browser(&self, session: &Session) -> Result<Option<BrowserSession>, Response> {
        BrowserSession::existing(session).await.map_err(|e| self.failed(&e.into(), Text::default()))
    }

    /// The language for a request: what it chooses, else what the person chose before, else what the client
    /// wishes, else Vietnamese.
    #[must_use]
    pub fn text_for(&self, browser: Option<&BrowserSession>, chosen: ChosenLanguage, ui_locales: &[String]) -> Text {
        let wished = || ui_locales.iter().find_map(|tag| Lang::parse(tag));
        Text(chosen.0.or_else(|| browser.and_then(BrowserSession::lang)).or_else(wished).unwrap_or_default())
    }

    /// The browser of a session, made where there is none.
    ///
    /// # Errors
    /// The page that says to try later.
    pub async fn browser(&self, session: &Session) -> Result<BrowserSession, Response> {
        BrowserSession::load(session, &self.runtime.entropy).await.map_err(|e| self.failed(&e.into(), Text::default()))
    }

    /// The language for a browser: what the person chose, else what the client wishes, else Vietnamese.
    #[must_use]
    pub fn text(&self, browser: &BrowserSession, ui_locales: &[String]) -> Text {
        self.text_for(Some(browser), ChosenLanguage::default(), ui_locales)
    }

    /// A page for what went wrong.
    #[must_use]
    pub fn problem(&self, text: Text, status: StatusCode, problem: Problem) -> ErrorPage {
        ErrorPage::new(&self.branding, text, status, problem)
    }

    /// The page for a failure inside: the cause goes to the log, the person is asked to try later.
    pub fn failed(&self, error: &ProviderError, text: Text) -> Response {
        error.log();
        // The same address again: what was asked is not lost, and the first page needs the store too.
        let again = NextLink { href: String::new(), label: text.try_again() };
        let problem = self.problem(text, StatusCode::SERVICE_UNAVAILABLE, Problem::TryLater).next_link(again);
        let mut response = problem.in_both_languages().into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        response
    }
}
