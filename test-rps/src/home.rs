//! `GET /`: the service for strangers, the person's login for those who are logged in.

use crate::ambient::{now, token};
use crate::cookies;
use crate::language::Language;
use crate::level;
use crate::pages::{self, AccountPage, Frame, WelcomePage};
use crate::portal::{Portal, lock};
use crate::sessions::{Session, Visit};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderMap, SET_COOKIE};
use std::sync::Arc;

pub(crate) async fn home(State(portal): State<Arc<Portal>>, language: Language, headers: HeaderMap) -> Response {
    let names = &portal.settings.cookies;
    let cookie = cookies::read_token(&headers, &names.session);
    let visit = cookie.map_or(Visit::Stranger, |id| lock(&portal.sessions).visit(id, now()));
    match visit {
        Visit::LoggedIn(session) => account(&portal, language, &session),
        Visit::EndedElsewhere => welcome(&portal, language, &headers, true),
        Visit::Stranger => welcome(&portal, language, &headers, false),
    }
}

fn account(portal: &Portal, language: Language, session: &Session) -> Response {
    let config = &portal.settings.config;
    let reached = session.claims.text("acr").and_then(level::level);
    let page = AccountPage {
        frame: Frame::new(portal, language, "/"),
        name: session.claims.display_name(),
        level: config.level,
        services: &config.services,
        below_level: reached.is_none_or(|reached| reached < config.level),
        api: config.api.as_ref(),
        claims: &session.claims,
        csrf: &session.csrf,
    };
    pages::render(StatusCode::OK, &page)
}

fn welcome(portal: &Portal, language: Language, headers: &HeaderMap, ended: bool) -> Response {
    let config = &portal.settings.config;
    let names = &portal.settings.cookies;
    let page = WelcomePage {
        frame: Frame::new(portal, language, "/"),
        service: language.pick(&config.service_vi, &config.service_en),
        level: config.level,
        services: &config.services,
        ended_elsewhere: ended,
    };
    let mut response = pages::render(StatusCode::OK, &page);
    if cookies::read(headers, &names.session).is_some()
        && let Some(cookie) = names.clear(&names.session)
    {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    // Given here and not only at /login: two tabs that open /login at once would otherwise each
    // get a cookie, and the tab whose cookie lost could not come back.
    if cookies::read_token(headers, &names.browser).is_none()
        && let Ok(browser) = token()
        && let Some(cookie) = names.set(&names.browser, &browser, None)
    {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
