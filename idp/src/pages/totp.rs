//! The page for the authenticator app's code.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use nixa_audit::AuthenticationMethod;
use nixa_protocol::Params;
use nixa_provider::{Chosen, ProviderError, SsoSession, Step, dispatch, see_other};
use nixa_web::{Page, html};
use tower_sessions::Session;

use super::{IdpProvider, add_factor, locked_out, notice_text, set_notice, tried};
use crate::attempts::{self, Admission};
use crate::authenticators::totp;
use crate::host::{IdpSession, IdpTransaction, Notice};

const METHOD: &str = "totp";

#[derive(Template)]
#[template(path = "totp.html")]
struct TotpPage {
    page: Page,
    client: String,
    username: String,
    notice: Option<String>,
    csrf: String,
    cancel: String,
    cancel_csrf: String,
    switch: String,
    switch_csrf: String,
}

pub(super) async fn show(
    State(idp): State<Arc<IdpProvider>>,
    session: Session,
    Path(id): Path<String>,
    chosen: Chosen,
) -> Response {
    let step = match idp.open_step(&session, &id, chosen).await {
        Ok(step) => step,
        Err(response) => return response,
    };
    let sso = match idp.sessions.load(step.browser.sid(), idp.now()).await {
        Ok(Some(sso)) if !step.current.data.switching => sso,
        // A bookmark of this page without a login before it: the dispatcher knows where to begin.
        Ok(_) => return see_other(&format!("/continue/{id}")),
        Err(error) => return idp.failed(&error, step.text),
    };
    let notice = notice_text(step.text, step.current.data.notice.as_ref(), "notice-wrong-code", idp.now());
    let page = TotpPage {
        page: step.page(&idp.branding, step.text.t("totp-title")),
        client: step.client_name().to_owned(),
        username: sso.data.username,
        notice,
        csrf: step.csrf(METHOD),
        cancel: step.path("cancel"),
        cancel_csrf: step.csrf("cancel"),
        switch: step.path("switch"),
        switch_csrf: step.csrf("switch"),
    };
    html(&page.page, &page, StatusCode::OK)
}

pub(super) async fn submit(
    State(idp): State<Arc<IdpProvider>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (mut step, form) = match idp.submit_step(&session, &id, METHOD, &headers, body).await {
        Ok(submitted) => submitted,
        Err(response) => return response,
    };
    match finish(&idp, &mut step, &form).await {
        Ok(response) => response,
        Err(error) => idp.failed(&error, step.text),
    }
}

async fn finish(idp: &IdpProvider, step: &mut Step<IdpTransaction>, form: &Params) -> Result<Response, ProviderError> {
    let again = format!("/continue/{}", step.current.id.as_str());
    let sso = match idp.sessions.load(step.browser.sid(), idp.now()).await? {
        Some(sso) if !step.current.data.switching => sso,
        _ => return Ok(see_other(&again)),
    };
    if let Some(notice) = verify(idp, step, &sso, form).await? {
        set_notice(idp, step, notice).await?;
        return Ok(see_other(&step.path(METHOD)));
    }
    let Some(sso) = add_factor(idp, &sso, step, METHOD).await? else { return Ok(see_other(&again)) };
    step.browser.log_in(sso.sid).await?;
    let settled = idp.transactions.change(&step.current.id, idp.now(), |p| p.data.notice = None).await?;
    Ok(match settled {
        Some(current) => dispatch(idp, &step.browser, current).await,
        None => see_other(&again),
    })
}

async fn verify(
    idp: &IdpProvider,
    step: &Step<IdpTransaction>,
    sso: &SsoSession<IdpSession>,
    form: &Params,
) -> Result<Option<Notice>, ProviderError> {
    let (short, now, account) = (&*idp.stores.short, idp.now(), sso.subject.as_str());
    let admitted = match attempts::admit(short, METHOD, account, now).await? {
        Admission::Admitted(attempts) => attempts,
        Admission::Locked(until) => {
            locked_out(idp, step, AuthenticationMethod::Totp).await?;
            return Ok(Some(Notice::Locked(until)));
        }
    };
    match judge(idp, step, sso, form).await {
        Ok(true) => {
            attempts::clear(short, METHOD, account).await?;
            Ok(None)
        }
        Ok(false) => Ok(Some(Notice::Wrong)),
        Err(error) => {
            attempts::take_back(short, METHOD, account, admitted, now).await;
            Err(error)
        }
    }
}

/// Whether the code is right.
async fn judge(
    idp: &IdpProvider,
    step: &Step<IdpTransaction>,
    sso: &SsoSession<IdpSession>,
    form: &Params,
) -> Result<bool, ProviderError> {
    let account = sso.subject.as_str();
    let stored = idp.interaction.accounts.authenticators(&sso.subject).await?;
    let Some(secret) = stored.into_iter().find(|a| a.method == METHOD).map(|a| a.secret) else { return Ok(false) };
    let code = form.get("code").unwrap_or_default();
    let right = totp::verify(&*idp.stores.short, account, &secret, code, idp.now()).await?;
    tried(idp, step, Some(&sso.subject), AuthenticationMethod::Totp, right).await?;
    Ok(right)
}
