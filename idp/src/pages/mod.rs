//! The pages of the identity provider.

mod cancel;
mod home;
mod password;
mod totp;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use nixa_audit::{Event, Kind};
use nixa_protocol::Timestamp;
use nixa_provider::{FormPurpose, OpenTransaction, PageError, Provider, ProviderError, TransactionForm};
use nixa_storage::Entries;
use nixa_web::Text;

use crate::attempts::{Attempts, LockOut};
use crate::interaction::Idp;
use crate::transaction::{IdpNotice, IdpSession, ShownFactor};

type IdpProvider = Provider<Idp>;
type OpenLogin = OpenTransaction<Idp>;
type LoginForm<F> = TransactionForm<F, Idp>;

/// The routes of the pages.
pub fn routes() -> Router<Arc<IdpProvider>> {
    Router::new()
        .route("/", get(home::show))
        .route("/login/{login}/password", get(password::show).post(password::submit))
        .route("/login/{login}/totp", get(totp::show).post(totp::submit))
        .route("/login/{login}/cancel", post(cancel::cancel).get(cancel::show))
        .route("/login/{login}/switch", post(cancel::switch).get(cancel::show))
}

/// Gives the login up.
pub(super) struct Cancel;

impl FormPurpose for Cancel {
    const PAGE: &'static str = "cancel";
}

/// Leaves the account that is logged in, for this login.
pub(super) struct SwitchAccount;

impl FormPurpose for SwitchAccount {
    const PAGE: &'static str = "switch";
}

/// What a notice says, counted in whole minutes to wait.
fn notice_text(text: Text, notice: Option<&IdpNotice>, wrong: String, now: Timestamp) -> Option<String> {
    match notice? {
        IdpNotice::Wrong => Some(wrong),
        IdpNotice::Locked(until) if *until > now => {
            let minutes = (*until - now + 59) / 60;
            Some(text.notice_locked(minutes))
        }
        IdpNotice::Locked(_) => None,
    }
}

/// Shows the page of a method again, with a notice.
async fn show_again(open: &OpenLogin, method: &str, notice: IdpNotice) -> Result<Response, PageError> {
    open.change_and_go_to(method, |data| data.notice = Some(notice.clone())).await
}

/// Counts an attempt, judges it and takes the count back where that could not be done.
///
/// `judge` says what a right answer gives; `None` is a wrong one.
async fn attempt<T>(
    open: &OpenLogin,
    method: &str,
    name: &str,
    judge: impl Future<Output = Result<Option<T>, ProviderError>>,
) -> Result<Result<T, IdpNotice>, ProviderError> {
    let provider = &open.provider;
    let now = provider.now();
    let attempts = LockOut::new(Entries::<Attempts>::new(provider.stores.short.clone()), method, name);
    let admitted = match attempts.admit(now).await? {
        Ok(admitted) => admitted,
        Err(until) => {
            let event = Event::new(Kind::LoginRefused).fact("method", method).fact("reason", "locked-out");
            provider.record(event.fact("client", open.client.client_id.as_str()), now).await?;
            return Ok(Err(IdpNotice::Locked(until)));
        }
    };
    match judge.await {
        Ok(Some(proved)) => {
            attempts.clear().await?;
            Ok(Ok(proved))
        }
        Ok(None) => Ok(Err(IdpNotice::Wrong)),
        Err(error) => {
            attempts.take_back(admitted, provider.now()).await;
            Err(error)
        }
    }
}

/// Records that a factor was tried, before anything follows from it.
async fn record_attempt(
    open: &OpenLogin,
    account: Option<&str>,
    method: &str,
    right: bool,
) -> Result<(), ProviderError> {
    let kind = if right { Kind::Login } else { Kind::LoginRefused };
    let event = Event { person: account.map(str::to_owned), ..Event::new(kind) };
    let event = event.fact("method", method).fact("client", open.client.client_id.as_str());
    open.provider.record(event, open.provider.now()).await
}

/// Adds a factor to the session of the person who is logged in.
async fn add_factor(open: &OpenLogin, session: &IdpSession, method: &str) -> Result<Option<IdpSession>, ProviderError> {
    let now = open.provider.now();
    let shown = ShownFactor { method: method.to_owned(), at: now, shown_in: open.transaction.id.clone() };
    open.provider.sessions.change(&session.sid, now, |s| s.data.add_factor(shown.clone())).await
}
