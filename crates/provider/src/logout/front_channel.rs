//! After a logout: frames of the clients that want them (OpenID Connect Front-Channel Logout 1.0), and the way on.

use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use nixa_protocol::Client;
use nixa_protocol::id::{Id, Sso};
use nixa_protocol::logout::frontchannel_logout_url;
use nixa_web::{Branding, Page, Text, html};

use crate::authorize::open_transaction::origin;
use crate::error::ProviderError;
use crate::http::page_error::see_other;
use crate::interaction::Interaction;
use crate::logout::outcome::{LoggedOutPage, LogoutOutcomes};
use crate::logout::session_end::Ended;
use crate::provider::Provider;

/// How long the browser stays at the frames, in seconds: clients answer in far less, and one that does not must
/// not hold the person.
const AT_FRAMES: i64 = 4;

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    page: Page,
    message: String,
}

/// What the person reads after a logout.
#[derive(Clone, Copy)]
pub(crate) enum LogoutMessage {
    /// The session has ended.
    Everywhere,
    /// One service was left.
    Service,
    /// The person has stayed.
    Stayed,
}

impl LogoutMessage {
    fn title(self, text: Text) -> String {
        match self {
            Self::Everywhere => text.logged_out_title(),
            Self::Service => text.logged_out_service_title(),
            Self::Stayed => text.still_logged_in_title(),
        }
    }

    fn explanation(self, text: Text) -> String {
        match self {
            Self::Everywhere => text.logged_out_text(),
            Self::Service => text.logged_out_service_text(),
            Self::Stayed => text.still_logged_in_text(),
        }
    }
}

/// Leads on: through the frames, if any client wants one, to the address that the client has named or to
/// the page that shows what became of the clients.
pub(crate) async fn after_logout<I: Interaction>(
    provider: &Provider<I>,
    text: Text,
    redirect: Option<String>,
    ended: Ended,
) -> Result<Response, ProviderError> {
    let branding = &provider.branding;
    match ended {
        Ended::Nothing => {
            Ok(redirect.map_or_else(|| message(branding, text, LogoutMessage::Everywhere), |uri| see_other(&uri)))
        }
        Ended::Session { sid, clients } => {
            let next = match redirect {
                Some(uri) => uri,
                None => LogoutOutcomes::new(provider).keep(&sid, &clients).await?,
            };
            let frames = frames(&clients, &provider.settings.issuer, &sid);
            Ok(through_frames(branding, text, LogoutMessage::Everywhere, frames, &next))
        }
        Ended::Participation { sid, client } => {
            let frames = frames(&[client], &provider.settings.issuer, &sid);
            match redirect {
                None if frames.is_empty() => Ok(message(branding, text, LogoutMessage::Service)),
                redirect => {
                    let next = redirect.unwrap_or_else(|| "/".to_owned());
                    Ok(through_frames(branding, text, LogoutMessage::Service, frames, &next))
                }
            }
        }
    }
}

fn frames(clients: &[Arc<Client>], issuer: &str, sid: &Id<Sso>) -> Vec<String> {
    clients.iter().filter_map(|client| frontchannel_logout_url(client, issuer, sid.as_str())).collect()
}

fn through_frames(
    branding: &Branding,
    text: Text,
    message: LogoutMessage,
    frames: Vec<String>,
    next: &str,
) -> Response {
    if frames.is_empty() {
        return see_other(next);
    }
    let origins: Vec<String> = frames.iter().map(|uri| origin(uri)).collect();
    let page = Page::new(branding, text, message.title(text));
    let page = LoggedOutPage {
        page: page.with_policy(&format!("frame-src {}", origins.join(" "))),
        message: message.explanation(text),
        services: Vec::new(),
        frames,
        href: next.to_owned(),
        label: text.go_on(),
    };
    let mut response = html(&page.page, &page, StatusCode::OK);
    // Without a script: every browser knows it, and the link is there too.
    if let Ok(value) = HeaderValue::from_str(&format!("{AT_FRAMES}; url={next}")) {
        response.headers_mut().insert(header::REFRESH, value);
    }
    response
}

/// A page with one message.
pub(crate) fn message(branding: &Branding, text: Text, message: LogoutMessage) -> Response {
    let page = MessagePage { page: Page::new(branding, text, message.title(text)), message: message.explanation(text) };
    html(&page.page, &page, StatusCode::OK)
}
