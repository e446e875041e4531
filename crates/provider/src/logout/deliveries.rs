//! What became of a client's logout tokens, for the client itself.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use nixa_protocol::error::invalid_client;
use nixa_protocol::id::Id;
use nixa_storage::{DeliveryState, LogoutOutbox};
use serde_json::{Value, json};

use crate::client::authentication::{AuthenticatedClient, ClientAuthenticator};
use crate::http::json::{JsonError, NoStoreJson};
use crate::interaction::Interaction;
use crate::provider::Provider;

/// The time of which a client is told how its logouts went, in seconds.
const HEALTH_WINDOW: i64 = 86_400;
/// The most deliveries that a client is told of at once.
const MOST: i64 = 100;

pub(crate) struct DeliveriesEndpoint {
    authenticator: ClientAuthenticator,
    outbox: Arc<dyn LogoutOutbox>,
}

impl DeliveriesEndpoint {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        Self { authenticator: ClientAuthenticator::new(provider), outbox: provider.stores.outbox.clone() }
    }
}

impl FromRef<Arc<DeliveriesEndpoint>> for ClientAuthenticator {
    fn from_ref(endpoint: &Arc<DeliveriesEndpoint>) -> Self {
        endpoint.authenticator.clone()
    }
}

/// `POST /logout/deliveries`
pub(crate) async fn deliveries(
    State(endpoint): State<Arc<DeliveriesEndpoint>>,
    AuthenticatedClient { client, form, now }: AuthenticatedClient,
) -> Result<NoStoreJson<Value>, JsonError> {
    if !client.authentication.is_confidential() {
        return Err(invalid_client("the state of logouts needs client authentication").into());
    }
    let outbox = &endpoint.outbox;
    let mut states = match form.owned("sid") {
        Some(sid) => outbox.deliveries_of_session(&Id::from_text(sid)).await?,
        None => outbox.deliveries_of_client(&client.client_id, MOST).await?,
    };
    states.retain(|state| state.delivery.client_id == client.client_id);
    let since = now + -HEALTH_WINDOW;
    let health = outbox.delivery_health(Some(&client.client_id), since).await?;
    let health = health.get(&client.client_id).copied().unwrap_or_default();
    Ok(NoStoreJson(json!({
        "deliveries": states.iter().map(describe).collect::<Vec<_>>(),
        "waiting": health.waiting,
        "oldest_waiting_at": health.oldest_waiting_at,
        "delivered_last_day": health.delivered,
        "last_delivered_at": health.last_delivered_at,
        "given_up_last_day": health.given_up,
    })))
}

fn describe(state: &DeliveryState) -> Value {
    json!({
        "sid": state.delivery.sid,
        "state": state.outcome.as_deref().unwrap_or("waiting"),
        "attempts": state.delivery.attempts,
        "queued_at": state.queued_at,
        "next_at": state.next_at,
        "done_at": state.done_at,
    })
}
