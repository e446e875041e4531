//! The pages of the broker.

mod callback;
mod choose;
mod confirm;
mod go;
mod home;
mod leave;
mod unmet;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use nixa_provider::{Provider, ProviderError, Step, Transaction, see_other};
use nixa_storage::Entries;

use crate::host::{Broker, BrokerTransaction};
use crate::upstream::UpstreamRequest;

type BrokerProvider = Provider<Broker>;

/// The routes of the pages.
pub fn routes() -> Router<Arc<BrokerProvider>> {
    Router::new()
        .route("/", get(home::show))
        .route("/callback/{idp}", get(callback::receive))
        .route("/login/{login}/choose", get(choose::show).post(choose::submit))
        .route("/login/{login}/go/{idp}", get(go::go))
        .route("/login/{login}/confirm", get(confirm::show).post(confirm::submit))
        .route("/login/{login}/unmet", get(unmet::show).post(unmet::submit))
        .route("/login/{login}/cancel", post(leave::cancel).get(leave::show))
        .route("/login/{login}/switch", post(leave::switch).get(leave::show))
}

fn callback_uri(broker: &BrokerProvider, idp: &str) -> String {
    format!("{}/callback/{idp}", broker.identity.issuer)
}

/// The authorization requests to identity providers whose answers are waited for, by the digest of their `state`.
fn upstream_requests(broker: &BrokerProvider) -> Entries<UpstreamRequest> {
    Entries::new(broker.stores.short.clone())
}

/// Changes what is remembered of a login and lets the dispatcher decide, by an address of its own: what a proxy
/// says of this very request is noted there before anything is issued.
async fn change_and_go_on(
    broker: &BrokerProvider,
    step: &Step<BrokerTransaction>,
    change: impl Fn(&mut Transaction<BrokerTransaction>),
) -> Response {
    match broker.transactions.change(&step.current.id, broker.now(), change).await {
        Ok(_) => see_other(&format!("/continue/{}", step.current.id.as_str())),
        Err(error) => broker.failed(&error, step.text),
    }
}

/// The session of the browser, unless the person is leaving it in this login.
async fn session_of(
    broker: &BrokerProvider,
    step: &Step<BrokerTransaction>,
) -> Result<Option<nixa_provider::SsoSession<crate::host::BrokerSession>>, ProviderError> {
    let sso = broker.sessions.load(step.browser.sid(), broker.now()).await?;
    Ok(sso.filter(|_| !step.current.data.switching))
}
