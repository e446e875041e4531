//! The logout endpoint (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use nixa_protocol::{Client, Params};
use nixa_web::{BrowserSession, Page, Problem, Text, html, read_form};

use crate::authorize::open_transaction::origin;
use crate::error::ProviderError;
use crate::http::language::{PageLanguage, language_for};
use crate::http::page_error::{PageError, see_other};
use crate::http::visitor::Visitor;
use crate::interaction::Interaction;
use crate::logout::front_channel::{LogoutMessage, after_logout, message};
use crate::logout::request::{LogoutRequest, LogoutRequests, Participants};
use crate::provider::Provider;
use crate::session::sso::SsoSession;

/// What the confirmation's CSRF token is for.
const PURPOSE: &str = "logout";

#[derive(Template)]
#[template(path = "logout.html")]
struct ConfirmPage {
    page: Page,
    csrf: String,
    /// The parameters to act on after the confirmation; they are checked again then.
    kept: Vec<(&'static str, String)>,
    /// The names of the session's clients.
    services: Vec<String>,
    /// The name of the one that can be left alone.
    only: Option<String>,
}

/// `GET /logout`
pub(crate) async fn get<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    visitor: Visitor,
    page: PageLanguage,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let params = Params::parse(query.unwrap_or_default().as_bytes()).map_err(|_| bad_request())?;
    respond(&provider, visitor, &page, &params, false).await
}

/// `POST /logout`
pub(crate) async fn post<I: Interaction>(
    State(provider): State<Arc<Provider<I>>>,
    visitor: Visitor,
    page: PageLanguage,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let params = read_form(&headers, body).map_err(|error| PageError::refused(error.status(), Problem::BadRequest))?;
    respond(&provider, visitor, &page, &params, true).await
}

fn bad_request() -> PageError {
    PageError::refused(StatusCode::BAD_REQUEST, Problem::BadRequest)
}

async fn respond<I: Interaction>(
    provider: &Provider<I>,
    mut visitor: Visitor,
    page: &PageLanguage,
    params: &Params,
    post: bool,
) -> Result<Response, PageError> {
    let text = language_for(visitor.browser.as_ref(), visitor.chosen, &params.list("ui_locales"));
    page.note(text);
    visitor.remember_language().await?;
    params.refuse_repeated().map_err(|_| bad_request())?;
    Ok(act(provider, visitor.browser.as_mut(), text, params, post).await?)
}

/// What a request leads to.
enum Action<D> {
    /// The browser's session ends, or the one that the hint names; without one there is nothing to end.
    End(Option<SsoSession<D>>),
    /// One client's part in a session ends.
    Leave(SsoSession<D>, Arc<Client>),
    /// The person is asked.
    Ask(Participants),
    /// The person has answered that they stay.
    Stay,
    /// The browser comes again with its cookie.
    Redirect(String),
}

async fn act<I: Interaction>(
    provider: &Provider<I>,
    browser: Option<&mut BrowserSession>,
    text: Text,
    params: &Params,
    post: bool,
) -> Result<Response, ProviderError> {
    let requests = LogoutRequests::new(provider);
    let request = requests.read(params).await?;
    let sid = browser.as_ref().and_then(|browser| browser.sid());
    let action = match provider.sessions.load(sid, provider.now()).await? {
        Some(session) => {
            let participants = requests.participants(&request, &session.clients).await?;
            let confirmed = browser.as_ref().is_some_and(|browser| browser.is_csrf_token(PURPOSE, params.get("csrf")));
            let answer = confirmed.then(|| params.get("answer").unwrap_or_default());
            with_session(&request, session, participants, answer)
        }
        None => without_session(provider, &requests, &request, post && browser.is_none()).await?,
    };
    let ended = match action {
        Action::Ask(participants) => return Ok(ask(provider, browser.as_deref(), text, &request, &participants)),
        Action::Stay => return Ok(message(&provider.branding, text, LogoutMessage::Stayed)),
        Action::Redirect(path) => return Ok(see_other(&path)),
        Action::Leave(session, client) => provider.session_end.leave(&session, &client).await?,
        Action::End(session) => {
            let ended = provider.session_end.end_and_deliver(session.as_ref()).await?;
            if let Some(browser) = browser.filter(|browser| browser.sid().is_some()) {
                browser.log_out().await?;
            }
            ended
        }
    };
    after_logout(provider, text, request.redirect(), ended).await
}

/// In a browser with a session; `answer` is what the person answered to the question, if they did.
fn with_session<D>(
    request: &LogoutRequest,
    session: SsoSession<D>,
    participants: Participants,
    answer: Option<&str>,
) -> Action<D> {
    match (answer, participants.separable) {
        (Some("yes"), _) => Action::End(Some(session)),
        (Some("service"), Some(client)) => Action::Leave(session, client),
        (Some(_), _) => Action::Stay,
        // The client proves by its ID token that it belongs to this very session, and there is no other one whose
        // session the person may want to keep: nothing to ask.
        (None, _) if request.hinted_sid.as_ref() == Some(&session.sid) && !participants.has_others => {
            Action::End(Some(session))
        }
        // Without proof, any page of the web could log people out: ask (RP-Initiated Logout §2).
        (None, separable) => Action::Ask(Participants { separable, ..participants }),
    }
}

/// In a browser without a session, or one that did not say: a cross-site post comes without the cookie.
async fn without_session<I: Interaction>(
    provider: &Provider<I>,
    requests: &LogoutRequests,
    request: &LogoutRequest,
    without_cookie: bool,
) -> Result<Action<I::SessionData>, ProviderError> {
    let hinted = match &request.hinted_sid {
        Some(sid) if without_cookie || request.resumed => sid,
        // By GET the cookie comes along.
        None if without_cookie => return Ok(Action::Redirect(format!("/logout?{}", request.query()))),
        _ => return Ok(Action::End(None)),
    };
    let Some(session) = provider.sessions.load(Some(hinted), provider.now()).await? else {
        return Ok(Action::End(None));
    };
    let participants = requests.participants(request, &session.clients).await?;
    if !participants.has_others {
        return Ok(Action::End(Some(session)));
    }
    if without_cookie {
        // By GET the cookie comes along, and the page can ask.
        return Ok(Action::Redirect(requests.suspend(request, hinted).await?));
    }
    // The browser came back without a session after all, so that nobody can be asked: the client speaks for itself
    // and for no other.
    Ok(match participants.separable {
        Some(client) => Action::Leave(session, client),
        None => Action::End(None),
    })
}

fn ask<I: Interaction>(
    provider: &Provider<I>,
    browser: Option<&BrowserSession>,
    text: Text,
    request: &LogoutRequest,
    participants: &Participants,
) -> Response {
    let page = Page::new(&provider.branding, text, text.logout_title()).keeping(&request.query());
    let name = |client: &Arc<Client>| text.pick(&client.name).to_owned();
    let page = ConfirmPage {
        page: page.leading_to(&request.redirect().as_deref().map(origin).unwrap_or_default()),
        csrf: browser.map(|browser| browser.csrf_token(PURPOSE)).unwrap_or_default(),
        kept: request.parameters(),
        services: participants.clients.iter().map(name).collect(),
        only: participants.separable.as_ref().map(name),
    };
    html(&page.page, &page, StatusCode::OK)
}
