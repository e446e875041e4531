//! The pages of the identity provider.

mod cancel;
mod home;
mod password;
mod totp;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use nixa_audit::{AuditEvent, AuthenticationMethod, LoginMeans, LoginRefusal, LoginRefusalReason};
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Subject};
use nixa_provider::{Provider, ProviderError, SsoSession, Step};
use nixa_web::Text;

use crate::host::{Idp, IdpSession, IdpTransaction, Notice, ShownFactor};

/// The routes of the pages.
pub fn routes() -> Router<Arc<IdpProvider>> {
    Router::new()
        .route("/", get(home::show))
        .route("/login/{login}/password", get(password::show).post(password::submit))
        .route("/login/{login}/totp", get(totp::show).post(totp::submit))
        .route("/login/{login}/cancel", post(cancel::submit).get(cancel::show))
        .route("/login/{login}/switch", post(cancel::switch).get(cancel::show))
}

type IdpProvider = Provider<Idp>;

/// How many factors a session remembers; the oldest go first.
const MOST_FACTORS: usize = 32;

/// What a notice says, counted in whole minutes to wait.
fn notice_text(text: Text, notice: Option<&Notice>, wrong: &str, now: Timestamp) -> Option<String> {
    match notice? {
        Notice::Wrong => Some(text.t(wrong)),
        Notice::Locked(until) if *until > now => {
            let minutes = (*until - now + 59) / 60;
            Some(text.with("notice-locked", "minutes", minutes.to_string()))
        }
        Notice::Locked(_) => None,
    }
}

async fn set_notice(idp: &IdpProvider, step: &Step<IdpTransaction>, notice: Notice) -> Result<(), ProviderError> {
    idp.transactions.change(&step.current.id, idp.now(), |p| p.data.notice = Some(notice.clone())).await?;
    Ok(())
}

/// Adds a factor to the session of the person who is logged in.
async fn add_factor(
    idp: &IdpProvider,
    sso: &SsoSession<IdpSession>,
    step: &Step<IdpTransaction>,
    method: &str,
) -> Result<Option<SsoSession<IdpSession>>, ProviderError> {
    let shown = ShownFactor { method: method.to_owned(), at: idp.now(), login: step.current.id.clone() };
    idp.sessions
        .change(&sso.sid, idp.now(), |s| {
            // Per login, so that a password given in one tab does not take another tab's away.
            s.data.factors.retain(|f| f.method != shown.method || f.login != shown.login);
            s.data.factors.push(shown.clone());
            let too_many = s.data.factors.len().saturating_sub(MOST_FACTORS);
            s.data.factors.drain(..too_many);
        })
        .await
}

/// Records that a factor was tried, before anything follows from it.
async fn tried(
    idp: &IdpProvider,
    step: &Step<IdpTransaction>,
    account: Option<&Id<Subject>>,
    method: AuthenticationMethod,
    right: bool,
) -> Result<(), ProviderError> {
    let client = step.client.client_id.clone();
    let event = match account {
        Some(person) if right => {
            AuditEvent::Login { person: person.clone(), means: LoginMeans::Factor { method, client } }
        }
        person => AuditEvent::LoginRefused {
            person: person.cloned(),
            refusal: LoginRefusal::Factor { method, reason: None, client },
        },
    };
    idp.record(event, idp.now()).await
}

/// Records that a factor could not be tried: too many were wrong before.
async fn locked_out(
    idp: &IdpProvider,
    step: &Step<IdpTransaction>,
    method: AuthenticationMethod,
) -> Result<(), ProviderError> {
    let (client, reason) = (step.client.client_id.clone(), Some(LoginRefusalReason::LockedOut));
    let refusal = LoginRefusal::Factor { method, reason, client };
    idp.record(AuditEvent::LoginRefused { person: None, refusal }, idp.now()).await
}
