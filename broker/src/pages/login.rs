//! A login as the pages see it: its transaction, its forms, its session and the requests to identity providers.

use nixa_provider::{OpenTransaction, Provider, ProviderError, TransactionForm};
use nixa_storage::Entries;

use crate::broker::Broker;
use crate::transaction::BrokerSession;
use crate::upstream::UpstreamRequest;

pub(super) type BrokerProvider = Provider<Broker>;
pub(super) type OpenLogin = OpenTransaction<Broker>;
pub(super) type LoginForm<F> = TransactionForm<F, Broker>;

/// Where an identity provider sends its answers.
pub(super) fn callback_uri(broker: &BrokerProvider, idp: &str) -> String {
    format!("{}/callback/{idp}", broker.settings.issuer)
}

/// The authorization requests to identity providers whose answers are waited for, by the digest of their `state`.
pub(super) fn upstream_requests(broker: &BrokerProvider) -> Entries<UpstreamRequest> {
    Entries::new(broker.stores.short.clone())
}

/// The session of the browser, unless the person is leaving it in this login.
pub(super) async fn session_of(open: &OpenLogin) -> Result<Option<BrokerSession>, ProviderError> {
    let session = open.session().await?;
    Ok(session.filter(|_| !open.transaction.data.switching))
}
