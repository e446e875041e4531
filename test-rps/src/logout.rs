//! Logout at the person's wish (RP-Initiated Logout 1.0): here first, then at the exchange.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use openidconnect::{ClientId, CsrfToken, LanguageTag, LogoutRequest, PostLogoutRedirectUrl};
use serde::Deserialize;
use tower_cookies::Cookies;
use tower_cookies::cookie::time::Duration;
use tower_sessions::Session;

use crate::pages::{Frame, Language, LoggedOutPage, render};
use crate::portal::{Portal, random_token};
use crate::problem::{Problem, STALE_FORM};
use crate::session::Login;

const STATE_KEPT: Duration = Duration::minutes(10);
const ONLY_HERE: &str = "/logged-out?only=here";

/// A form of a page for those who are logged in.
#[derive(Deserialize)]
pub(crate) struct SessionForm {
    csrf: String,
}

/// Whether a form is from a page of this session. Without this, any site could act in the name of a person who visits
/// it.
pub(crate) fn check_form(login: &Login, form: Result<Form<SessionForm>, FormRejection>) -> Result<(), Problem> {
    let is_own = form.is_ok_and(|Form(form)| form.csrf == login.form_token);
    if is_own { Ok(()) } else { Err(STALE_FORM.into()) }
}

pub(crate) async fn logout(
    State(portal): State<Arc<Portal>>,
    language: Language,
    cookies: Cookies,
    session: Session,
    form: Result<Form<SessionForm>, FormRejection>,
) -> Result<Redirect, Problem> {
    let Some(login) = Login::of(&session).await? else {
        return Ok(Redirect::to(ONLY_HERE));
    };
    check_form(&login, form)?;
    // Ended before anything that may fail: a logout that was asked for happens here in any case.
    session.flush().await?;
    let provider = portal.exchange.provider().await.ok();
    let endpoint = provider.and_then(|provider| provider.metadata.additional_metadata().end_session_endpoint.clone());
    let back = PostLogoutRedirectUrl::new(portal.config.address("logged-out"));
    let (Some(endpoint), Ok(back)) = (endpoint, back) else {
        return Ok(Redirect::to(ONLY_HERE));
    };
    let state = random_token();
    let mut expected = portal.cookie("_logout", state.clone());
    expected.set_max_age(STATE_KEPT);
    cookies.add(expected);
    let request = LogoutRequest::from(endpoint)
        .set_id_token_hint(&login.id_token)
        .set_client_id(ClientId::new(portal.config.registration.client_id.clone()))
        .set_post_logout_redirect_uri(back)
        .set_state(CsrfToken::new(state))
        .add_ui_locale(LanguageTag::new(language.tag().to_owned()));
    Ok(Redirect::to(request.http_get_url().as_str()))
}

#[derive(Deserialize)]
pub(crate) struct LoggedOut {
    state: Option<String>,
}

pub(crate) async fn logged_out(
    State(portal): State<Arc<Portal>>,
    language: Language,
    cookies: Cookies,
    session: Session,
    Query(query): Query<LoggedOut>,
) -> Result<Response, Problem> {
    // The address is public: opened by someone who is still logged in, it must not say otherwise.
    if Login::of(&session).await?.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    let confirmed = query.state.filter(|state| portal.read_cookie(&cookies, "_logout").as_ref() == Some(state));
    let here = confirmed.as_ref().map_or("/logged-out".to_owned(), |state| format!("/logged-out?state={state}"));
    let page = LoggedOutPage { frame: Frame::new(&portal, language, &here), confirmed: confirmed.is_some() };
    Ok(render(&page))
}
