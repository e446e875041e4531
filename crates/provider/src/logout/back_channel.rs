//! Back-channel logout: tokens from a durable outbox (OpenID Connect Back-Channel Logout 1.0).

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use nixa_audit::{AuditEvent, DeliveryOutcome};
use nixa_protocol::logout::{LOGOUT_TOKEN_TYPE, LogoutToken, logout_event};
use nixa_protocol::subject::subject_for;
use nixa_protocol::{Timestamp, random_token};
use nixa_storage::DeliveryRecord;

use crate::audit::session_digest;
use crate::error::ProviderError;
use crate::interaction::Interaction;
use crate::provider::Provider;

/// How long a claimed delivery is left to the instance that claimed it, in seconds; longer than a try.
const LEASE: i64 = 60;
/// Waits between tries, in seconds; after the last one the delivery is given up: about a day in all.
const BACKOFF: [i64; 9] = [10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
/// A logout token's life, in seconds (§2.4 recommends two minutes at most).
const TOKEN_LIFE: i64 = 120;

/// Sends a logout token to a client.
#[async_trait]
pub trait LogoutSender: Send + Sync {
    /// Posts `logout_token` to the client's endpoint; whether the client accepted it.
    async fn send(&self, uri: &str, logout_token: &str) -> bool;
}

/// What came of a try to tell a client.
fn tried(delivery: &DeliveryRecord, outcome: DeliveryOutcome) -> AuditEvent {
    AuditEvent::LogoutDelivery {
        person: delivery.subject.clone(),
        client: delivery.client_id.clone(),
        session: session_digest(&delivery.sid),
        attempt: delivery.attempts,
        outcome,
    }
}

impl<I: Interaction> Provider<I> {
    /// Tries every delivery that is due, side by side.
    ///
    /// # Errors
    /// [`ProviderError`] when the store fails; what was claimed comes up again after its lease.
    pub async fn deliver_due(&self) -> Result<(), ProviderError> {
        let now = self.now();
        let due = self.stores.outbox.claim(now, now + LEASE, 50).await?;
        let tried = join_all(due.iter().map(|delivery| self.deliver(delivery))).await;
        tried.into_iter().collect()
    }

    /// Whether the person left this service alone, it could not be told, and they have logged in there again in the
    /// same session: told now, it would end that login.
    async fn is_back(&self, delivery: &DeliveryRecord, now: Timestamp) -> Result<bool, ProviderError> {
        let session = self.sessions.load(Some(&delivery.sid), now).await?;
        Ok(session.is_some_and(|session| session.clients.contains(&delivery.client_id)))
    }

    async fn deliver(&self, delivery: &DeliveryRecord) -> Result<(), ProviderError> {
        let now = self.now();
        let client = self.clients.find(&delivery.client_id, now).await?;
        if delivery.attempts > 1 && self.is_back(delivery, now).await? {
            return self.end_delivery(delivery, DeliveryOutcome::LoggedInAgain, now).await;
        }
        let wait = usize::try_from(delivery.attempts - 1).ok().and_then(|n| BACKOFF.get(n));
        let Some((client, uri)) = client.and_then(|c| Some((c.clone(), c.backchannel_logout_uri.clone()?))) else {
            // An instance of another configuration may know it.
            return match wait {
                Some(wait) => Ok(self.stores.outbox.put_off(&delivery.id, now + *wait, &[], now).await?),
                None => self.end_delivery(delivery, DeliveryOutcome::ClientGone, now).await,
            };
        };
        let sub = subject_for(&client, delivery.subject.as_str(), &self.identity.pairwise_key);
        // Made anew for each try: one that waited in a queue would have expired.
        let token = LogoutToken {
            iss: &self.identity.issuer,
            sub: &sub,
            aud: &client.client_id,
            iat: now,
            exp: now + TOKEN_LIFE,
            jti: &random_token(&*self.entropy),
            sid: delivery.sid.as_str(),
            events: logout_event(),
        };
        let token = self.keys().signing(client.id_token_alg, now)?.sign(LOGOUT_TOKEN_TYPE, &token)?;
        let delivered = match client.declared {
            true => self.sender.send(&uri, &token).await,
            // Not everybody who may register may have this server post into its own networks. Nothing in a token
            // needs encoding: it is base64url with dots.
            false => self.clients.documents.post(&uri, format!("logout_token={token}")).await,
        };
        match (delivered, wait) {
            (true, _) => self.end_delivery(delivery, DeliveryOutcome::Delivered, now).await?,
            (false, Some(wait)) => {
                tracing::warn!(client = client.client_id, attempts = delivery.attempts, "logout not delivered");
                let audit = [tried(delivery, DeliveryOutcome::PutOff)];
                self.stores.outbox.put_off(&delivery.id, now + *wait, &audit, now).await?;
            }
            (false, None) => {
                tracing::error!(client = client.client_id, "logout given up");
                self.end_delivery(delivery, DeliveryOutcome::GivenUp, now).await?;
            }
        }
        Ok(())
    }

    async fn end_delivery(
        &self,
        delivery: &DeliveryRecord,
        outcome: DeliveryOutcome,
        now: Timestamp,
    ) -> Result<(), ProviderError> {
        let audit = [tried(delivery, outcome)];
        Ok(self.stores.outbox.done(&delivery.id, outcome.as_str(), &audit, now).await?)
    }

    /// Delivers logout tokens and sweeps the short-lived store until it is dropped.
    pub async fn run_background(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.queued.notified() => {}
            }
            if let Err(error) = self.deliver_due().await {
                error.log();
            }
            if let Err(error) = self.stores.short.sweep(self.now()).await {
                ProviderError::from(error).log();
            }
        }
    }
}
