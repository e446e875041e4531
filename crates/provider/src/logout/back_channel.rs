//! Back-channel logout: tokens from a durable outbox (OpenID Connect Back-Channel Logout 1.0).

use std::collections::BTreeSet;
use std::error::Error as _;
use std::sync::Arc;

use axum::http::StatusCode;
use futures_util::future::join_all;
use nixa_audit::{AuditEvent, DeliveryOutcome};
use nixa_http_client::{HttpClient, HttpClients, post, status_only};
use nixa_protocol::id::{Id, Sso, Subject};
use nixa_protocol::logout::{LOGOUT_TOKEN_TYPE, LogoutToken, backchannel_logout_event};
use nixa_protocol::{Client, Timestamp, random_token};
use nixa_storage::{DeliveryRecord, LogoutOutbox};
use tokio::sync::Notify;

use crate::audit::session_digest;
use crate::client::registry::Clients;
use crate::error::ProviderError;
use crate::runtime::{Runtime, SigningKeys};
use crate::session::membership::SessionMembership;
use crate::settings::Settings;

/// How long a claimed delivery is left to the instance that claimed it, in seconds; longer than an attempt.
const LEASE: i64 = 60;
/// The most deliveries that are claimed at once.
const BATCH: i64 = 50;
/// Waits between attempts, in seconds; after the last one the delivery is given up: about a day in all.
const BACKOFF: [i64; 9] = [10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
/// A logout token's life, in seconds (§2.4 recommends two minutes at most).
const TOKEN_LIFE: i64 = 120;

/// Posts a logout token to a client's endpoint; whether the client accepted it: it answers 200, or 204 as many do
/// (§2.8).
async fn post_token(http: &dyn HttpClient, uri: &str, token: &str) -> bool {
    // Nothing in a token needs encoding: it is base64url with dots.
    let request = post(uri, "application/x-www-form-urlencoded", format!("logout_token={token}"));
    let Ok(request) = request else { return false };
    match http.send(status_only(request)).await {
        Ok(answer) => matches!(answer.status(), StatusCode::OK | StatusCode::NO_CONTENT),
        Err(error) => {
            tracing::warn!(%error, cause = ?error.source(), "a client cannot be told of a logout");
            false
        }
    }
}

/// Sends logout tokens from the outbox, each until the client takes it or it is given up.
pub struct BackChannel {
    pub(crate) settings: Arc<Settings>,
    pub(crate) runtime: Runtime,
    pub(crate) keys: Arc<SigningKeys>,
    pub(crate) clients: Arc<Clients>,
    pub(crate) sessions: Arc<dyn SessionMembership>,
    pub(crate) outbox: Arc<dyn LogoutOutbox>,
    pub(crate) http: HttpClients,
    pub(crate) queued: Notify,
}

impl BackChannel {
    /// Tries every delivery that is due, side by side.
    ///
    /// # Errors
    /// When the store fails; what was claimed comes up again after its lease.
    pub async fn deliver_due(&self) -> Result<(), ProviderError> {
        let now = self.runtime.now();
        let due = self.outbox.claim(now, now + LEASE, BATCH).await?;
        let attempts = join_all(due.iter().map(|delivery| self.attempt(delivery))).await;
        attempts.into_iter().collect()
    }

    /// The deliveries to those of some clients that have an endpoint for it.
    pub(crate) async fn deliveries(
        &self,
        subject: &Id<Subject>,
        sid: &Id<Sso>,
        clients: &BTreeSet<String>,
    ) -> Result<Vec<DeliveryRecord>, ProviderError> {
        let clients = self.clients.find_all(clients, self.runtime.now()).await?;
        let reachable = clients.iter().filter(|client| client.backchannel_logout_uri.is_some());
        let delivery = |client: &Arc<Client>| DeliveryRecord {
            id: Id::random(&*self.runtime.entropy),
            client_id: client.client_id.clone(),
            subject: subject.clone(),
            sid: sid.clone(),
            attempts: 0,
        };
        Ok(reachable.map(delivery).collect())
    }

    /// Has the background look for deliveries now.
    pub(crate) fn wake(&self) {
        self.queued.notify_one();
    }

    /// Waits until [`wake`](Self::wake).
    pub(crate) async fn woken(&self) {
        self.queued.notified().await;
    }

    async fn attempt(&self, delivery: &DeliveryRecord) -> Result<(), ProviderError> {
        let now = self.runtime.now();
        let client = self.clients.find(&delivery.client_id, now).await?;
        if delivery.attempts > 1 && self.is_logged_in_again(delivery, now).await? {
            return self.settle(delivery, DeliveryOutcome::LoggedInAgain, now).await;
        }
        let wait = usize::try_from(delivery.attempts - 1).ok().and_then(|n| BACKOFF.get(n)).copied();
        let Some((client, uri)) = client.and_then(|c| Some((c.clone(), c.backchannel_logout_uri.clone()?))) else {
            // An instance of another configuration may know it.
            return match wait {
                Some(wait) => Ok(self.outbox.put_off(&delivery.id, now + wait, &[], now).await?),
                None => self.settle(delivery, DeliveryOutcome::ClientGone, now).await,
            };
        };
        let token = self.logout_token(&client, delivery, now)?;
        match (self.send(&client, &uri, &token).await, wait) {
            (true, _) => self.settle(delivery, DeliveryOutcome::Delivered, now).await,
            (false, Some(wait)) => {
                tracing::warn!(client = client.client_id, attempts = delivery.attempts, "logout not delivered");
                let events = [attempted(delivery, DeliveryOutcome::PutOff)];
                Ok(self.outbox.put_off(&delivery.id, now + wait, &events, now).await?)
            }
            (false, None) => {
                tracing::error!(client = client.client_id, "logout given up");
                self.settle(delivery, DeliveryOutcome::GivenUp, now).await
            }
        }
    }

    /// Whether the person left this client alone, it could not be told, and they have logged in there again in the
    /// same session: told now, it would end that login.
    async fn is_logged_in_again(&self, delivery: &DeliveryRecord, now: Timestamp) -> Result<bool, ProviderError> {
        self.sessions.is_member(&delivery.sid, &delivery.client_id, now).await
    }

    /// Made anew for each attempt: one that waited in a queue would have expired.
    fn logout_token(
        &self,
        client: &Client,
        delivery: &DeliveryRecord,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        let token = LogoutToken {
            iss: &self.settings.issuer,
            sub: &self.settings.subject_for(client, &delivery.subject),
            aud: &client.client_id,
            iat: now,
            exp: now + TOKEN_LIFE,
            jti: &random_token(&*self.runtime.entropy),
            sid: delivery.sid.as_str(),
            events: backchannel_logout_event(),
        };
        Ok(self.keys.current().signing(client.id_token_alg, now)?.sign(LOGOUT_TOKEN_TYPE, &token)?)
    }

    /// Whether the client accepted a token.
    async fn send(&self, client: &Client, uri: &str, token: &str) -> bool {
        // Not everybody who may register may have this server post into its own networks.
        let http = if client.declared { &self.http.trusted } else { &self.http.guarded };
        post_token(&**http, uri, token).await
    }

    /// Takes a delivery out of the queue.
    async fn settle(
        &self,
        delivery: &DeliveryRecord,
        outcome: DeliveryOutcome,
        now: Timestamp,
    ) -> Result<(), ProviderError> {
        let events = [attempted(delivery, outcome)];
        Ok(self.outbox.done(&delivery.id, outcome, &events, now).await?)
    }
}

/// The record of an attempt to tell a client.
fn attempted(delivery: &DeliveryRecord, outcome: DeliveryOutcome) -> AuditEvent {
    AuditEvent::LogoutDelivery {
        person: delivery.subject.clone(),
        client: delivery.client_id.clone(),
        session: session_digest(&delivery.sid),
        attempt: delivery.attempts,
        outcome,
    }
}
