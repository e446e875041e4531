//! The one layer that renders the errors of pages.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use nixa_web::BrowserSession;
use tower_sessions::Session;

use crate::http::language::{ChosenLanguage, PageLanguage, language_for};
use crate::http::page_error::{Unrendered, render};
use crate::interaction::Interaction;
use crate::provider::Provider;

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
    let cookies: Vec<HeaderValue> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
    let text = match (language.get(), session) {
        (Some(text), _) => text,
        (None, Some(session)) => {
            let browser = BrowserSession::existing(&session).await.ok().flatten();
            language_for(browser.as_ref(), chosen, &[])
        }
        (None, None) => language_for(None, chosen, &[]),
    };
    let mut page = render(&provider.branding, text, &error);
    for cookie in cookies {
        page.headers_mut().append(header::SET_COOKIE, cookie);
    }
    page
}
