//! The pages of the broker.

mod accept;
mod callback;
mod cancel;
mod choose;
mod confirm;
mod home;
mod redirect;
mod unmet;
mod wording;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use nixa_provider::{OpenTransaction, Provider, ProviderError, TransactionForm};
use nixa_storage::Entries;

use crate::broker::Broker;
use crate::transaction::BrokerSession;
use crate::upstream::UpstreamRequest;

type BrokerProvider = Provider<Broker>;
type OpenLogin = OpenTransaction<Broker>;
type LoginForm<F> = TransactionForm<F, Broker>;

/// The routes of the pages.
pub fn routes() -> Router<Arc<BrokerProvider>> {
    Router::new()
        .route("/", get(home::show))
        .route("/callback/{idp}", get(callback::receive))
        .route("/login/{login}/choose", get(choose::show).post(choose::submit))
        .route("/login/{login}/go/{idp}", get(redirect::redirect))
        .route("/login/{login}/confirm", get(confirm::show).post(confirm::submit))
        .route("/login/{login}/unmet", get(unmet::show).post(unmet::submit))
        .route("/login/{login}/cancel", post(cancel::cancel).get(cancel::show))
        .route("/login/{login}/switch", post(cancel::switch).get(cancel::show))
}

fn callback_uri(broker: &BrokerProvider, idp: &str) -> String {
    format!("{}/callback/{idp}", broker.settings.issuer)
}

/// The authorization requests to identity providers whose answers are waited for, by the digest of their `state`.
fn upstream_requests(broker: &BrokerProvider) -> Entries<UpstreamRequest> {
    Entries::new(broker.stores.short.clone())
}

/// The session of the browser, unless the person is leaving it in this login.
async fn session_of(open: &OpenLogin) -> Result<Option<BrokerSession>, ProviderError> {
    let session = open.session().await?;
    Ok(session.filter(|_| !open.transaction.data.switching))
}
