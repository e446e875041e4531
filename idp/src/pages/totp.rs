//! The page for the authenticator app's code.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use nixa_audit::AuthenticationMethod;
use nixa_protocol::Params;
use nixa_provider::{Cancel, FormPurpose, FormTarget, PageError, ProviderError, SwitchAccount};
use nixa_web::{Page, html};

use super::login::{LoginForm, OpenLogin, add_factor, attempt, notice_text, record_attempt, show_again};
use crate::authenticators::totp;
use crate::transaction::IdpSession;

const METHOD: AuthenticationMethod = AuthenticationMethod::Totp;

pub(super) struct TotpCode;

impl FormPurpose for TotpCode {
    const PAGE: &'static str = METHOD.as_str();
}

#[derive(Template)]
#[template(path = "totp.html")]
struct TotpPage {
    page: Page,
    client: String,
    username: String,
    notice: Option<String>,
    form: FormTarget,
    cancel: FormTarget,
    switch: FormTarget,
}

/// The session that the code is added to. Without one (a bookmark of the page), or while the person leaves it, the
/// dispatcher knows where to begin.
async fn session_of(open: &OpenLogin) -> Result<Option<IdpSession>, ProviderError> {
    let session = open.session().await?;
    Ok(session.filter(|_| !open.transaction.data.switching))
}

pub(super) async fn show(open: OpenLogin) -> Result<Response, PageError> {
    let Some(session) = session_of(&open).await? else { return Ok(open.go_on()) };
    let notice = open.transaction.data.notice.as_ref();
    let page = TotpPage {
        page: open.page(open.text.totp_title()),
        client: open.client_name().to_owned(),
        username: session.data.username,
        notice: notice_text(open.text, notice, open.text.notice_wrong_code(), open.provider.now()),
        form: open.form::<TotpCode>(),
        cancel: open.form::<Cancel>(),
        switch: open.form::<SwitchAccount>(),
    };
    Ok(html(&page.page, &page, StatusCode::OK))
}

pub(super) async fn submit(LoginForm { mut open, form, .. }: LoginForm<TotpCode>) -> Result<Response, PageError> {
    let Some(session) = session_of(&open).await? else { return Ok(open.go_on()) };
    let account = session.subject.as_str();
    if let Err(notice) = attempt(&open, METHOD, account, verify(&open, &session, &form)).await? {
        return show_again(&open, METHOD, notice).await;
    }
    let Some(session) = add_factor(&open, &session, METHOD).await? else { return Ok(open.go_on()) };
    open.browser.log_in(session.sid).await.map_err(ProviderError::from)?;
    open.change_and_dispatch(|data| data.notice = None).await
}

/// Whether the code is right.
async fn verify(open: &OpenLogin, session: &IdpSession, form: &Params) -> Result<Option<()>, ProviderError> {
    let (provider, account) = (&open.provider, session.subject.as_str());
    let stored = provider.interaction.accounts.authenticators(&session.subject).await?;
    let Some(secret) = stored.into_iter().find(|a| a.method == METHOD.as_str()).map(|a| a.secret) else {
        return Ok(None);
    };
    let code = form.get("code").unwrap_or_default();
    let right = totp::verify(provider.stores.short.clone(), account, &secret, code, provider.now()).await?;
    record_attempt(open, Some(&session.subject), METHOD, right).await?;
    Ok(right.then_some(()))
}
