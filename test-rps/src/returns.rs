//! `/returns`: the portal's page as a client of the portal's own API. When the API wants a better
//! login, the person is sent for one and the filing waits (RFC 9470, section 4).

use crate::ambient::now;
use crate::authorize::{self, Wishes};
use crate::config::Api;
use crate::cookies;
use crate::filing::{Filing, Next, Outcome};
use crate::language::Language;
use crate::pages::{self, FiledPage, Frame};
use crate::portal::{Portal, lock};
use crate::problem::{Kind, Problem};
use crate::sessions::Session;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Request, StatusCode};
use openidconnect::AccessToken;
use serde::Deserialize;
use std::sync::Arc;

const HOME: &str = "/";

#[derive(Deserialize)]
pub(crate) struct FilingForm {
    csrf: String,
}

/// `POST`: files a return now.
pub(crate) async fn file(
    State(portal): State<Arc<Portal>>,
    Extension(api): Extension<Arc<Api>>,
    language: Language,
    headers: HeaderMap,
    form: Result<Form<FilingForm>, FormRejection>,
) -> Response {
    let csrf = form.map(|Form(form)| form.csrf).ok();
    let result = match session(&portal, &headers) {
        None => pages::see_other(HOME),
        // Without this, any site could file in the name of a person who visits it.
        Some(session) if csrf.as_ref() != Some(&session.csrf) => Err(Kind::StaleForm.into()),
        Some(session) => {
            let filing = Filing::of(&session.subject);
            carry_on(&portal, &api, language, &headers, &session, filing).await
        }
    };
    result.unwrap_or_else(|problem| pages::problem(&portal, language, &problem, true))
}

/// `GET`: files the return that waited for the login that has just ended. It is taken out before
/// it is sent, so that neither a reload nor a second tab sends it again.
pub(crate) async fn resume(
    State(portal): State<Arc<Portal>>,
    Extension(api): Extension<Arc<Api>>,
    language: Language,
    headers: HeaderMap,
) -> Response {
    let session = session(&portal, &headers);
    let waiting = session.and_then(|session| lock(&session.waiting).take().map(|filing| (session.clone(), filing)));
    let result = match waiting {
        None => pages::see_other(HOME),
        Some((session, filing)) => carry_on(&portal, &api, language, &headers, &session, filing).await,
    };
    result.unwrap_or_else(|problem| pages::problem(&portal, language, &problem, true))
}

fn session(portal: &Portal, headers: &HeaderMap) -> Option<Arc<Session>> {
    let id = cookies::read_token(headers, &portal.settings.cookies.session)?;
    lock(&portal.sessions).find(id, now())
}

async fn carry_on(
    portal: &Portal,
    api: &Api,
    language: Language,
    headers: &HeaderMap,
    session: &Session,
    filing: Filing,
) -> Result<Response, Problem> {
    let outcome = call(portal, &session.access_token).await;
    let (wishes, waiting) = match filing.next(outcome) {
        Next::Show(receipt) => return Ok(filed(portal, api, language, &receipt)),
        Next::GiveUp(kind) => {
            tracing::info!(code = kind.code(), "a return was not filed");
            return Err(kind.into());
        }
        Next::StepUp(step_up, waiting) => (Wishes::of_step_up(step_up), waiting),
        // As the login was made before: the portal's own level may be one that this person does
        // not have and the API does not ask for.
        Next::LogInAgain(waiting) => (Wishes::of_demand(session.demand.clone()), waiting),
    };
    authorize::send(portal, language, headers, wishes, Some(waiting)).await
}

/// Calls the API as any client would, over HTTP, so that the page can do no more than the token.
async fn call(portal: &Portal, token: &AccessToken) -> Outcome {
    let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", token.secret())) else {
        return Outcome::Unusable;
    };
    bearer.set_sensitive(true);
    let request = Request::post(&portal.settings.api_address).header(AUTHORIZATION, bearer).body(Vec::new());
    let Ok(request) = request else {
        return Outcome::Unusable;
    };
    match portal.provider.http.send(request).await {
        Ok(answer) => Outcome::read(answer.status(), answer.headers(), answer.body()),
        Err(error) => {
            tracing::warn!(%error, "the API could not be called");
            Outcome::Unusable
        }
    }
}

/// Its link to the other language leads home: opened again, the address would show no receipt.
fn filed(portal: &Portal, api: &Api, language: Language, receipt: &str) -> Response {
    let service = language.pick(&*api.title_vi, &*api.title_en);
    pages::render(StatusCode::OK, &FiledPage { frame: Frame::new(portal, language, HOME), service, receipt })
}
