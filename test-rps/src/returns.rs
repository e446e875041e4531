//! `/returns`: the portal's page as a client of the portal's own API. When the API wants a better login, the person is
//! sent for one and the filing waits (RFC 9470, section 4).

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::Request;
use http::header::{AUTHORIZATION, HeaderValue};
use openidconnect::AccessToken;
use tower_cookies::Cookies;
use tower_sessions::Session;

use crate::login::{self, LoginRequest};
use crate::logout::{SessionForm, check_form};
use crate::pages::{FiledPage, Frame, Language, render};
use crate::portal::Portal;
use crate::problem::Problem;
use crate::session::Login;
use crate::step_up::{Filing, Next, Outcome};

const HOME: &str = "/";

/// `POST`: files a return now.
pub(crate) async fn file(
    State(portal): State<Arc<Portal>>,
    language: Language,
    cookies: Cookies,
    session: Session,
    form: Result<Form<SessionForm>, FormRejection>,
) -> Result<Response, Problem> {
    let Some(login) = Login::of(&session).await? else {
        return Ok(Redirect::to(HOME).into_response());
    };
    check_form(&login, form)?;
    let filing = Filing::of(login.claims.subject());
    submit(&portal, language, &cookies, login, filing).await
}

/// `GET`: files the return that waited for the login that has just ended. It is taken out before it is sent, so that
/// neither a reload nor a second tab sends it again.
pub(crate) async fn resume(
    State(portal): State<Arc<Portal>>,
    language: Language,
    cookies: Cookies,
    session: Session,
) -> Result<Response, Problem> {
    let Some(login) = Login::of(&session).await? else {
        return Ok(Redirect::to(HOME).into_response());
    };
    match portal.waiting.remove(&login.form_token).await {
        Some(filing) => submit(&portal, language, &cookies, login, filing).await,
        None => Ok(Redirect::to(HOME).into_response()),
    }
}

async fn submit(
    portal: &Portal,
    language: Language,
    cookies: &Cookies,
    login: Login,
    filing: Filing,
) -> Result<Response, Problem> {
    let outcome = call(portal, &login.access_token).await;
    let (request, waiting) = match filing.next(outcome) {
        // The link to the other language leads home: opened again, the address would show no receipt.
        Next::Show(receipt) => {
            return Ok(render(&FiledPage { frame: Frame::new(portal, language, HOME), receipt }));
        }
        Next::GiveUp(kind) => {
            tracing::info!(code = kind.code, "a return was not filed");
            return Err(kind.into());
        }
        Next::StepUp(step_up, waiting) => (LoginRequest::for_step_up(step_up), waiting),
        // As the login was made before: the portal's own level may be one that this person does not have and the API
        // does not ask for.
        Next::Renew(waiting) => (LoginRequest::like(login.requirement), waiting),
    };
    login::send(portal, language, cookies, request, Some(waiting)).await
}

/// Calls the API as any client would, over HTTP, so that the page can do no more than the token.
async fn call(portal: &Portal, token: &AccessToken) -> Outcome {
    let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", token.secret())) else {
        return Outcome::Unusable;
    };
    bearer.set_sensitive(true);
    let request = Request::post(portal.config.address("api/returns")).header(AUTHORIZATION, bearer).body(Vec::new());
    let Ok(request) = request else {
        return Outcome::Unusable;
    };
    match portal.exchange.http.send(request).await {
        Ok(answer) => Outcome::read(answer.status(), answer.headers(), answer.body()),
        Err(error) => {
            tracing::warn!(%error, "the API could not be called");
            Outcome::Unusable
        }
    }
}
