//! The answer on its way: a redirect, or a form that the browser posts.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_protocol::Client;
use nixa_protocol::authorize::{AuthorizationResponse, ResponseMode};
use nixa_web::{Page, Text, html};

use crate::authorize::open_transaction::origin;
use crate::http::page_error::see_other;
use crate::interaction::Interaction;
use crate::provider::Provider;

#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPostPage {
    page: Page,
    action: String,
    parameters: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "to_app.html")]
struct ToAppPage {
    page: Page,
    href: String,
}

/// Presses the button of the page, where scripts run.
const SCRIPT: &str = "document.forms[0].submit();\n";

/// `GET /form-post.js`
pub(crate) async fn script() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/javascript"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, SCRIPT).into_response()
}

impl<I: Interaction> Provider<I> {
    /// Sends the browser to an app. A redirect to a scheme of its own, or to loopback, would be one that began with
    /// a form of ours, which browsers hold to the `form-action` of its page; a refresh is not.
    fn to_app(&self, text: Text, location: &str) -> Response {
        let page = Page::new(&self.branding, text, text.to_app_title());
        let page = ToAppPage { page, href: location.to_owned() };
        let mut response = html(&page.page, &page, StatusCode::OK);
        if let Ok(value) = HeaderValue::from_str(&format!("0; url={location}")) {
            response.headers_mut().insert(header::REFRESH, value);
        }
        response
    }

    /// Sends an answer to the client.
    pub(crate) fn send(&self, text: Text, client: &Client, answer: AuthorizationResponse) -> Response {
        match answer.mode {
            ResponseMode::Query => {
                let location = answer.location();
                if client.native && !location.starts_with("https:") {
                    return self.to_app(text, &location);
                }
                see_other(&location)
            }
            ResponseMode::FormPost => {
                let target = origin(&answer.redirect_uri);
                // The one page with a script: from here, and nothing else of it.
                let page = Page::new(&self.branding, text, text.form_post_title()).leading_to(&target);
                let page = page.with_policy("script-src 'self'");
                let page = FormPostPage { page, action: answer.redirect_uri, parameters: answer.parameters };
                html(&page.page, &page, StatusCode::OK)
            }
        }
    }
}
