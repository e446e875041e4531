//! The language of a page.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use nixa_protocol::Params;
use nixa_web::{BrowserSession, Lang, Text};

/// The language that a request chooses by `?lang=`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ChosenLanguage(pub(crate) Option<Lang>);

impl<S: Sync> FromRequestParts<S> for ChosenLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let params = Params::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
        Ok(Self(params.get("lang").and_then(Lang::parse)))
    }
}

/// The language for a person: what a request chooses, else what they chose before, else what the client
/// prefers (`ui_locales`), else Vietnamese.
pub(crate) fn language_for(browser: Option<&BrowserSession>, chosen: ChosenLanguage, ui_locales: &[String]) -> Text {
    let preferred = || ui_locales.iter().find_map(|tag| Lang::parse(tag));
    Text(chosen.0.or_else(|| browser.and_then(BrowserSession::lang)).or_else(preferred).unwrap_or_default())
}

/// The language of a request's error page, which extractors and handlers find out on their way.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageLanguage(Arc<Mutex<Option<Text>>>);

impl PageLanguage {
    /// Remembers the language; what is found out later is known better.
    pub(crate) fn note(&self, text: Text) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    pub(crate) fn get(&self) -> Option<Text> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Sync> FromRequestParts<S> for PageLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
