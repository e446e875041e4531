//! The end of a session, or of one client's part in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use nixa_protocol::Client;
use nixa_protocol::id::{Id, Sso};
use nixa_storage::{Grants, LogoutOutbox};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::audit::session_ended;
use crate::client::registry::Clients;
use crate::error::ProviderError;
use crate::logout::back_channel::BackChannel;
use crate::runtime::Runtime;
use crate::session::sso::{Sessions, SsoSession};

/// How long the browser waits for the first delivery of logout tokens, so that the clients it visits next know
/// already. Slower ones are told by the outbox.
const FIRST_DELIVERY: Duration = Duration::from_secs(2);

/// Ends a session, or one client's part in it, and has the clients told.
pub struct SessionEnd<D> {
    pub(crate) runtime: Runtime,
    pub(crate) clients: Arc<Clients>,
    pub(crate) sessions: Arc<Sessions<D>>,
    pub(crate) grants: Arc<dyn Grants>,
    pub(crate) outbox: Arc<dyn LogoutOutbox>,
    pub(crate) back_channel: Arc<BackChannel>,
}

/// What was ended, with the clients that may be told by the browser too.
pub(crate) enum Ended {
    /// There was no session.
    Nothing,
    Session {
        sid: Id<Sso>,
        clients: Vec<Arc<Client>>,
    },
    /// One client's part in a session, which goes on.
    Participation {
        sid: Id<Sso>,
        client: Arc<Client>,
    },
}

impl<D: Serialize + DeserializeOwned + Clone + Send + Sync> SessionEnd<D> {
    /// Ends a session: its clients are told, its tokens revoked.
    ///
    /// # Errors
    /// When a store fails.
    pub async fn end(&self, sid: &Id<Sso>) -> Result<(), ProviderError> {
        self.close(sid).await?;
        self.back_channel.wake();
        Ok(())
    }

    /// Ends a session and waits a little until its clients are told.
    pub(crate) async fn end_and_deliver(&self, session: Option<&SsoSession<D>>) -> Result<Ended, ProviderError> {
        let Some(session) = session else { return Ok(Ended::Nothing) };
        let clients = self.clients.find_all(&session.clients, self.runtime.now()).await?;
        // Not by way of the background: were it first to claim the deliveries, nobody would wait for them.
        self.close(&session.sid).await?;
        self.deliver_first().await;
        Ok(Ended::Session { sid: session.sid.clone(), clients })
    }

    /// Ends one client's part in a session, which goes on.
    pub(crate) async fn leave(&self, session: &SsoSession<D>, client: &Arc<Client>) -> Result<Ended, ProviderError> {
        let now = self.runtime.now();
        let event = session_ended(&session.subject, &session.sid, 1, Some(&client.client_id));
        let only = BTreeSet::from([client.client_id.clone()]);
        let deliveries = self.back_channel.deliveries(&session.subject, &session.sid, &only).await?;
        let id = Some(client.client_id.as_str());
        self.outbox.end_session(&session.sid, id, &deliveries, &[event], now).await?;
        let remove = |session: &mut SsoSession<D>| {
            session.clients.remove(&client.client_id);
        };
        self.sessions.change(&session.sid, now, remove).await?;
        // After it is gone from the session: a code that is being redeemed meets one of the two, see
        // `AuthorizationCodeGrant::store`.
        self.outbox.end_session(&session.sid, id, &[], &[], now).await?;
        self.deliver_first().await;
        Ok(Ended::Participation { sid: session.sid.clone(), client: Arc::clone(client) })
    }

    /// Deliveries are stored first, so that a crash on the way leaves a session that can be ended again, never a
    /// client that is not told.
    async fn close(&self, sid: &Id<Sso>) -> Result<(), ProviderError> {
        let now = self.runtime.now();
        let Some(session) = self.sessions.load(Some(sid), now).await? else { return Ok(()) };
        let events = [session_ended(&session.subject, sid, session.clients.len(), None)];
        let deliveries = self.back_channel.deliveries(&session.subject, sid, &session.clients).await?;
        self.outbox.end_session(sid, None, &deliveries, &events, now).await?;
        if let Some(last) = self.sessions.end(sid, now).await? {
            // A client that joined between the first look and the end is told too.
            let late: BTreeSet<String> = last.clients.difference(&session.clients).cloned().collect();
            let deliveries = self.back_channel.deliveries(&last.subject, sid, &late).await?;
            self.outbox.enqueue(&deliveries, &[], now).await?;
        }
        // After the end: a code that is being redeemed meets one of the two, see `AuthorizationCodeGrant::store`.
        self.grants.revoke_session(sid, &[], now).await?;
        tracing::info!(services = session.clients.len(), "session ended");
        Ok(())
    }

    async fn deliver_first(&self) {
        // A task of its own: a delivery that takes longer goes on when the browser no longer waits.
        let back_channel = Arc::clone(&self.back_channel);
        let delivery = tokio::spawn(async move { back_channel.deliver_due().await });
        let _late = tokio::time::timeout(FIRST_DELIVERY, delivery).await;
    }
}
