//! Who asks for a page: the browser, as far as it is known, and the language.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use nixa_web::{BrowserSession, Problem, Text};
use tower_sessions::Session;

use crate::error::ProviderError;
use crate::http::language::{ChosenLanguage, PageLanguage, language_for};
use crate::http::page_error::PageError;
use crate::interaction::Interaction;
use crate::provider::Provider;

/// Whoever asks for a page.
pub struct Visitor {
    /// The browser, if it has a session here. Only a request that begins something makes one: a cross-site post
    /// comes without the cookie, and an answer that set a new one would replace the session that the browser has.
    pub browser: Option<BrowserSession>,
    /// The language that the request chooses.
    pub(crate) chosen: ChosenLanguage,
    /// The language of the page: what the request chooses, else what the person chose before, else Vietnamese.
    pub text: Text,
    /// The language of this request's error page.
    pub(crate) page: PageLanguage,
    session: Session,
}

impl Visitor {
    /// Remembers the language that the request chooses.
    pub async fn remember_language(&mut self) -> Result<(), PageError> {
        if let (Some(browser), Some(lang)) = (&mut self.browser, self.chosen.0) {
            browser.choose_lang(lang).await.map_err(ProviderError::from)?;
        }
        Ok(())
    }

    /// The browser, given a session if it has none: for a request that begins something.
    pub async fn into_browser<I: Interaction>(self, provider: &Provider<I>) -> Result<BrowserSession, PageError> {
        match self.browser {
            Some(browser) => Ok(browser),
            None => {
                Ok(BrowserSession::load(&self.session, &provider.runtime.entropy).await.map_err(ProviderError::from)?)
            }
        }
    }
}

impl<I: Interaction> FromRequestParts<Arc<Provider<I>>> for Visitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, provider: &Arc<Provider<I>>) -> Result<Self, PageError> {
        // There is none only where a route was put outside the session layer.
        let session = Session::from_request_parts(parts, provider).await;
        let session = session.map_err(|(status, _)| PageError::refused(status, Problem::TryLater))?;
        let Ok(chosen) = ChosenLanguage::from_request_parts(parts, provider).await;
        let Ok(page) = PageLanguage::from_request_parts(parts, provider).await;
        // Before the store is asked: when it is away, the error page need not ask it again.
        page.note(language_for(None, chosen, &[]));
        let browser = BrowserSession::existing(&session).await.map_err(ProviderError::from)?;
        let text = language_for(browser.as_ref(), chosen, &[]);
        page.note(text);
        Ok(Self { browser, chosen, text, page, session })
    }
}
