//! The password page: who, and the password.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use nixa_audit::AuthenticationMethod;
use nixa_credentials::Account;
use nixa_protocol::Params;
use nixa_protocol::id::Id;
use nixa_provider::{Cancel, FormPurpose, FormTarget, PageError, ProviderError};
use nixa_web::{Page, html};

use super::login::{LoginForm, OpenLogin, add_factor, attempt, notice_text, record_attempt, show_again};
use crate::authenticators::password::LONGEST;
use crate::transaction::{IdpNotice, IdpSession, SessionData, ShownFactor};

const METHOD: AuthenticationMethod = AuthenticationMethod::Password;

pub(super) struct Password;

impl FormPurpose for Password {
    const PAGE: &'static str = METHOD.as_str();
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    page: Page,
    client: String,
    username: String,
    notice: Option<String>,
    form: FormTarget,
    cancel: FormTarget,
}

pub(super) async fn show(open: OpenLogin) -> Response {
    let notice = open.transaction.data.notice.as_ref();
    let page = PasswordPage {
        page: open.page(open.text.password_title()),
        client: open.client_name().to_owned(),
        username: open.transaction.request.login_hint.clone().unwrap_or_default(),
        notice: notice_text(open.text, notice, open.text.notice_wrong_password(), open.provider.now()),
        form: open.form::<Password>(),
        cancel: open.form::<Cancel>(),
    };
    html(&page.page, &page, StatusCode::OK)
}

pub(super) async fn submit(LoginForm { open, form, .. }: LoginForm<Password>) -> Result<Response, PageError> {
    match verify(&open, &form).await? {
        Ok(account) => log_in(open, &account).await,
        Err(notice) => show_again(&open, METHOD, notice).await,
    }
}

async fn verify(open: &OpenLogin, form: &Params) -> Result<Result<Account, IdpNotice>, ProviderError> {
    let username = form.get("username").unwrap_or_default().trim().to_lowercase();
    let password = form.owned("password").unwrap_or_default();
    if username.is_empty() || password.is_empty() || username.len() > LONGEST || password.len() > LONGEST {
        return Ok(Err(IdpNotice::Wrong));
    }
    attempt(open, METHOD, &username, account_of(open, &username, password)).await
}

/// The account, when name and password are right.
async fn account_of(open: &OpenLogin, username: &str, password: String) -> Result<Option<Account>, ProviderError> {
    let idp = &open.provider.interaction;
    let account = idp.accounts.by_username(username).await?;
    let stored = match &account {
        Some(account) => idp.accounts.authenticators(&account.id).await?,
        None => Vec::new(),
    };
    let hash = stored.into_iter().find(|a| a.method == METHOD.as_str()).map(|a| a.secret);
    let matches = idp.passwords.verify(hash, password).await?;
    // Also for a name that nobody has: the time it takes would tell.
    record_attempt(open, account.as_ref().map(|a| &a.id), METHOD, matches).await?;
    if !matches {
        tracing::info!(client = open.client.client_id, "wrong name or password");
    }
    Ok(account.filter(|_| matches))
}

/// Adds the factor to the person's session; another person's session in this browser ends first.
async fn log_in(mut open: OpenLogin, account: &Account) -> Result<Response, PageError> {
    let current = open.session().await?;
    let kept = match &current {
        Some(session) if session.subject == account.id => add_factor(&open, session, METHOD).await?,
        Some(other) => {
            open.provider.session_end.end(&other.sid).await?;
            None
        }
        None => None,
    };
    let session = match kept {
        Some(session) => session,
        None => start_session(&open, account).await?,
    };
    open.browser.log_in(session.sid).await.map_err(ProviderError::from)?;
    open.change_and_dispatch(|data| {
        data.notice = None;
        data.switching = false;
    })
    .await
}

async fn start_session(open: &OpenLogin, account: &Account) -> Result<IdpSession, ProviderError> {
    let provider = &open.provider;
    let now = provider.now();
    let enrolled = provider.interaction.accounts.authenticators(&account.id).await?;
    let data = SessionData {
        username: account.username.clone(),
        identity_level: account.identity_level,
        enrolled: enrolled.into_iter().map(|a| a.method).collect(),
        factors: vec![ShownFactor {
            method: METHOD.as_str().to_owned(),
            at: now,
            shown_in: open.transaction.id.clone(),
        }],
    };
    provider.sessions.start(Id::random(&*provider.runtime.entropy), account.id.clone(), data, now).await
}
