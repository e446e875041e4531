//! The password page: who, and the password.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use nixa_audit::AuthenticationMethod;
use nixa_protocol::Params;
use nixa_protocol::id::Id;
use nixa_provider::{Chosen, ProviderError, Step, dispatch, see_other};
use nixa_storage::Account;
use nixa_web::{Page, html};
use tower_sessions::Session;

use super::{IdpProvider, add_factor, locked_out, notice_text, set_notice, tried};
use crate::attempts::{self, Admission};
use crate::authenticators::password::LONGEST;
use crate::host::{IdpSession, IdpTransaction, Notice, ShownFactor};

const METHOD: &str = "password";

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    page: Page,
    client: String,
    username: String,
    notice: Option<String>,
    csrf: String,
    cancel: String,
    cancel_csrf: String,
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
    let notice = notice_text(step.text, step.current.data.notice.as_ref(), "notice-wrong-password", idp.now());
    let page = PasswordPage {
        page: step.page(&idp.branding, step.text.t("password-title")),
        client: step.client_name().to_owned(),
        username: step.current.request.login_hint.clone().unwrap_or_default(),
        notice,
        csrf: step.csrf(METHOD),
        cancel: step.path("cancel"),
        cancel_csrf: step.csrf("cancel"),
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
    match verify(&idp, &step, &form).await {
        Ok(Ok(account)) => match log_in(&idp, &mut step, &account).await {
            Ok(response) => response,
            Err(error) => idp.failed(&error, step.text),
        },
        Ok(Err(notice)) => match set_notice(&idp, &step, notice).await {
            Ok(()) => see_other(&step.path(METHOD)),
            Err(error) => idp.failed(&error, step.text),
        },
        Err(error) => idp.failed(&error, step.text),
    }
}

async fn verify(
    idp: &IdpProvider,
    step: &Step<IdpTransaction>,
    form: &Params,
) -> Result<Result<Account, Notice>, ProviderError> {
    let username = form.get("username").unwrap_or_default().trim().to_lowercase();
    let password = form.owned("password").unwrap_or_default();
    if username.is_empty() || password.is_empty() || username.len() > LONGEST || password.len() > LONGEST {
        return Ok(Err(Notice::Wrong));
    }
    let short = &*idp.stores.short;
    let admitted = match attempts::admit(short, METHOD, &username, idp.now()).await? {
        Admission::Admitted(attempts) => attempts,
        Admission::Locked(until) => {
            locked_out(idp, step, AuthenticationMethod::Password).await?;
            return Ok(Err(Notice::Locked(until)));
        }
    };
    let judged = judge(idp, step, &username, password).await;
    match judged {
        Ok(Some(account)) => {
            attempts::clear(short, METHOD, &username).await?;
            Ok(Ok(account))
        }
        Ok(None) => {
            tracing::info!(client = step.client.client_id, "wrong name or password");
            Ok(Err(Notice::Wrong))
        }
        Err(error) => {
            attempts::take_back(short, METHOD, &username, admitted, idp.now()).await;
            Err(error)
        }
    }
}

/// The account, when name and password are right.
async fn judge(
    idp: &IdpProvider,
    step: &Step<IdpTransaction>,
    username: &str,
    password: String,
) -> Result<Option<Account>, ProviderError> {
    let account = idp.interaction.accounts.by_username(username).await?;
    let stored = match &account {
        Some(account) => idp.interaction.accounts.authenticators(&account.id).await?,
        None => Vec::new(),
    };
    let hash = stored.into_iter().find(|a| a.method == METHOD).map(|a| a.secret);
    let matches = idp.interaction.passwords.verify(hash, password).await?;
    // Also for a name that nobody has: the time it takes would tell.
    tried(idp, step, account.as_ref().map(|a| &a.id), AuthenticationMethod::Password, matches).await?;
    Ok(account.filter(|_| matches))
}

/// Adds the factor to the person's session; another person's session in this browser ends first.
async fn log_in(
    idp: &IdpProvider,
    step: &mut Step<IdpTransaction>,
    account: &Account,
) -> Result<Response, ProviderError> {
    let now = idp.now();
    let current = idp.sessions.load(step.browser.sid(), now).await?;
    let kept = match &current {
        Some(sso) if sso.subject == account.id => add_factor(idp, sso, step, METHOD).await?,
        Some(other) => {
            idp.end_session(&other.sid).await?;
            None
        }
        None => None,
    };
    let sid = match kept {
        Some(sso) => sso.sid,
        None => {
            let enrolled = idp.interaction.accounts.authenticators(&account.id).await?;
            let shown = ShownFactor { method: METHOD.to_owned(), at: now, login: step.current.id.clone() };
            let login = IdpSession {
                username: account.username.clone(),
                identity_level: account.identity_level,
                enrolled: enrolled.into_iter().map(|a| a.method).collect(),
                factors: vec![shown],
            };
            let sid = Id::random(&*idp.entropy);
            idp.sessions.start(sid, account.id.clone(), login, now).await?.sid
        }
    };
    step.browser.log_in(sid).await?;
    let settled = idp.transactions.change(&step.current.id, now, |p| {
        p.data.notice = None;
        p.data.switching = false;
    });
    Ok(match settled.await? {
        Some(current) => dispatch(idp, &step.browser, current).await,
        None => see_other(&format!("/continue/{}", step.current.id.as_str())),
    })
}
