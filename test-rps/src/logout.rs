//! Logout at the person's wish (RP-Initiated Logout 1.0): here first, then at the exchange.

use crate::ambient::{now, token};
use crate::cookies;
use crate::language::Language;
use crate::pages::{self, Frame, LoggedOutPage};
use crate::portal::{Portal, lock};
use crate::problem::{Kind, Problem};
use crate::sessions::Session;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderMap, SET_COOKIE};
use serde::Deserialize;
use std::sync::Arc;
use url::{Url, form_urlencoded};

const LOGOUT_KEPT_SECONDS: u32 = 10 * 60;
const LOCAL_ONLY: &str = "/logged-out?only=here";

#[derive(Deserialize)]
pub(crate) struct LogoutForm {
    csrf: String,
}

pub(crate) async fn logout(
    State(portal): State<Arc<Portal>>,
    language: Language,
    headers: HeaderMap,
    form: Result<Form<LogoutForm>, FormRejection>,
) -> Response {
    let csrf = form.map(|Form(form)| form.csrf).ok();
    match end(&portal, language, &headers, csrf.as_deref()).await {
        Ok(response) => response,
        Err(problem) => pages::problem(&portal, language, &problem, true),
    }
}

async fn end(
    portal: &Portal,
    language: Language,
    headers: &HeaderMap,
    csrf: Option<&str>,
) -> Result<Response, Problem> {
    let names = &portal.settings.cookies;
    let id = cookies::read_token(headers, &names.session);
    let session = id.and_then(|id| lock(&portal.sessions).find(id, now()));
    let (Some(id), Some(session)) = (id, session) else {
        return pages::see_other(LOCAL_ONLY);
    };
    // Without this, any site could log a person out in the middle of a form.
    if csrf != Some(session.csrf.as_str()) {
        return Err(Kind::StaleForm.into());
    }
    // Ended before anything that may fail: a logout that was asked for happens here in any case.
    lock(&portal.sessions).end(id, now());
    let state = token()?;
    let provider = portal.provider.get().await.ok();
    let endpoint = provider.and_then(|provider| provider.end_session_endpoint.clone());
    let mut response = match endpoint {
        Some(endpoint) => {
            let url = end_session_url(endpoint, portal, &session, &state, language);
            pages::see_other(url.as_str())?
        }
        None => pages::see_other(LOCAL_ONLY)?,
    };
    let expected = names.set(&names.logout, &state, Some(LOGOUT_KEPT_SECONDS));
    for cookie in [names.clear(&names.session), expected].into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// RP-Initiated Logout 1.0, section 2.
fn end_session_url(mut endpoint: Url, portal: &Portal, session: &Session, state: &str, language: Language) -> Url {
    let settings = &portal.settings;
    endpoint
        .query_pairs_mut()
        .append_pair("id_token_hint", &session.id_token)
        .append_pair("client_id", &settings.config.client_id)
        .append_pair("post_logout_redirect_uri", &settings.post_logout_redirect_uri)
        .append_pair("state", state)
        .append_pair("ui_locales", language.tag());
    endpoint
}

pub(crate) async fn logged_out(
    State(portal): State<Arc<Portal>>,
    language: Language,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let names = &portal.settings.cookies;
    let live = cookies::read_token(&headers, &names.session)
        .is_some_and(|id| lock(&portal.sessions).find(id, now()).is_some());
    // The address is public: opened by someone who is still logged in, it must not say otherwise.
    if live && let Ok(response) = pages::see_other("/") {
        return response;
    }
    let query = query.unwrap_or_default();
    let returned = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state").map(|(_, value)| value);
    let expected = cookies::read_token(&headers, &names.logout);
    let confirmed = expected.is_some() && returned.as_deref() == expected;
    let here = match expected.filter(|_| confirmed) {
        Some(state) => format!("/logged-out?state={state}"),
        None => "/logged-out".to_owned(),
    };
    let page = LoggedOutPage { frame: Frame::new(&portal, language, &here), confirmed };
    pages::render(StatusCode::OK, &page)
}
