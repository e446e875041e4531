//! A login as the pages see it: its transaction, its forms, its notices, and the attempts to show a factor.

use axum::response::Response;
use nixa_audit::{AuditEvent, AuthenticationMethod, LoginMeans, LoginRefusal, LoginRefusalReason};
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Subject};
use nixa_provider::{OpenTransaction, PageError, Provider, ProviderError, TransactionForm};
use nixa_storage::Entries;
use nixa_web::Text;

use crate::attempts::{Attempts, LockOut};
use crate::interaction::Idp;
use crate::transaction::{IdpNotice, IdpSession, ShownFactor};

pub(super) type IdpProvider = Provider<Idp>;
pub(super) type OpenLogin = OpenTransaction<Idp>;
pub(super) type LoginForm<F> = TransactionForm<F, Idp>;

/// What a notice says, counted in whole minutes to wait.
pub(super) fn notice_text(text: Text, notice: Option<&IdpNotice>, wrong: String, now: Timestamp) -> Option<String> {
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
pub(super) async fn show_again(
    open: &OpenLogin,
    method: AuthenticationMethod,
    notice: IdpNotice,
) -> Result<Response, PageError> {
    open.change_and_go_to(method.as_str(), |data| data.notice = Some(notice.clone())).await
}

/// Counts an attempt, judges it and takes the count back where that could not be done.
///
/// `judge` says what a right answer gives; `None` is a wrong one.
pub(super) async fn attempt<T>(
    open: &OpenLogin,
    method: AuthenticationMethod,
    name: &str,
    judge: impl Future<Output = Result<Option<T>, ProviderError>>,
) -> Result<Result<T, IdpNotice>, ProviderError> {
    let provider = &open.provider;
    let now = provider.now();
    let attempts = LockOut::new(Entries::<Attempts>::new(provider.stores.short.clone()), method.as_str(), name);
    let admitted = match attempts.admit(now).await? {
        Ok(admitted) => admitted,
        Err(until) => {
            let (client, reason) = (open.client.client_id.clone(), Some(LoginRefusalReason::LockedOut));
            let refusal = LoginRefusal::Factor { method, reason, client };
            provider.record(AuditEvent::LoginRefused { person: None, refusal }, now).await?;
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
pub(super) async fn record_attempt(
    open: &OpenLogin,
    account: Option<&Id<Subject>>,
    method: AuthenticationMethod,
    right: bool,
) -> Result<(), ProviderError> {
    let client = open.client.client_id.clone();
    let event = match account {
        Some(person) if right => {
            AuditEvent::Login { person: person.clone(), means: LoginMeans::Factor { method, client } }
        }
        person => AuditEvent::LoginRefused {
            person: person.cloned(),
            refusal: LoginRefusal::Factor { method, reason: None, client },
        },
    };
    open.provider.record(event, open.provider.now()).await
}

/// Adds a factor to the session of the person who is logged in.
pub(super) async fn add_factor(
    open: &OpenLogin,
    session: &IdpSession,
    method: AuthenticationMethod,
) -> Result<Option<IdpSession>, ProviderError> {
    let now = open.provider.now();
    let shown = ShownFactor { method: method.as_str().to_owned(), at: now, shown_in: open.transaction.id.clone() };
    open.provider.sessions.change(&session.sid, now, |s| s.data.add_factor(shown.clone())).await
}
