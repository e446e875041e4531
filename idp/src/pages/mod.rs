//! The pages of the identity provider.

mod cancel;
mod home;
mod password;
mod totp;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use nixa_audit::{Event, Kind};
use nixa_protocol::Timestamp;
use nixa_provider::{Provider, ProviderError, SsoSession, Step};
use nixa_web::Text;

use crate::host::{IdpHost, IdpLogin, IdpStep, Notice, ShownFactor};

/// The routes of the pages.
pub fn routes() -> Router<Arc<Provider<IdpHost>>> {
    Router::new()
        .route("/", get(home::show))
        .route("/login/{login}/password", get(password::show).post(password::submit))
        .route("/login/{login}/totp", get(totp::show).post(totp::submit))
        .route("/login/{login}/cancel", post(cancel::submit).get(cancel::show))
        .route("/login/{login}/switch", post(cancel::switch).get(cancel::show))
}

type Idp = Provider<IdpHost>;

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

async fn set_notice(idp: &Idp, step: &Step<IdpStep>, notice: Notice) -> Result<(), ProviderError> {
    idp.logins.change(&step.current.id, idp.now(), |p| p.step.notice = Some(notice.clone())).await?;
    Ok(())
}

/// Adds a factor to the session of the person who is logged in.
async fn add_factor(
    idp: &Idp,
    sso: &SsoSession<IdpLogin>,
    step: &Step<IdpStep>,
    method: &str,
) -> Result<Option<SsoSession<IdpLogin>>, ProviderError> {
    let shown = ShownFactor { method: method.to_owned(), at: idp.now(), login: step.current.id.clone() };
    idp.sessions
        .change(&sso.sid, idp.now(), |s| {
            // Per login, so that a password given in one tab does not take another tab's away.
            s.login.factors.retain(|f| f.method != shown.method || f.login != shown.login);
            s.login.factors.push(shown.clone());
            let too_many = s.login.factors.len().saturating_sub(MOST_FACTORS);
            s.login.factors.drain(..too_many);
        })
        .await
}

/// Records that a factor was tried, before anything follows from it.
async fn tried(
    idp: &Idp,
    step: &Step<IdpStep>,
    account: Option<&str>,
    method: &str,
    right: bool,
) -> Result<(), ProviderError> {
    let kind = if right { Kind::Login } else { Kind::LoginRefused };
    let event = Event { person: account.map(str::to_owned), ..Event::new(kind) };
    let event = event.fact("method", method).fact("client", step.client.client_id.as_str());
    idp.record(event, idp.now()).await
}
