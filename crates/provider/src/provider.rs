//! The engine, put together from its parts.

use std::sync::Arc;
use std::time::Duration;

use nixa_audit::AuditEvent;
use nixa_http_client::HttpClients;
use nixa_protocol::Timestamp;
use nixa_storage::{Audit, Grants, LogoutOutbox, ShortLived};
use nixa_web::Branding;
use tokio::sync::Notify;

use crate::authorize::transaction::Transactions;
use crate::client::registry::Clients;
use crate::error::ProviderError;
use crate::http::rate_limit::RateLimiter;
use crate::interaction::Interaction;
use crate::logout::back_channel::BackChannel;
use crate::logout::session_end::SessionEnd;
use crate::runtime::{Runtime, SigningKeys};
use crate::session::sso::Sessions;
use crate::settings::Settings;

/// How often the background looks for work.
const BACKGROUND_INTERVAL: Duration = Duration::from_secs(5);

/// The ports that the engine uses.
#[derive(Clone)]
pub struct Stores {
    /// Transactions, codes, access tokens, sessions.
    pub short: Arc<dyn ShortLived>,
    /// Grants with their refresh tokens.
    pub grants: Arc<dyn Grants>,
    /// Logout tokens on their way.
    pub outbox: Arc<dyn LogoutOutbox>,
    /// The audit trail, for events that change nothing else.
    pub audit: Arc<dyn Audit>,
}

/// What an engine is put together from.
pub struct ProviderParts<I> {
    /// What it is set up with.
    pub settings: Settings,
    /// Time and randomness.
    pub runtime: Runtime,
    /// Who may send people here.
    pub clients: Clients,
    /// The ports to durable and short-lived state.
    pub stores: Stores,
    /// The name and colour of its pages.
    pub branding: Branding,
    /// The ways to clients, for logout tokens.
    pub http: HttpClients,
    /// The identity provider or the broker.
    pub interaction: I,
}

/// The engine with the identity provider or the broker that is built on it.
pub struct Provider<I: Interaction> {
    /// What it is set up with.
    pub settings: Arc<Settings>,
    /// Time and randomness.
    pub runtime: Runtime,
    /// What it signs with: empty until [`SigningKeys::replace`].
    pub keys: Arc<SigningKeys>,
    /// Who may send people here.
    pub clients: Arc<Clients>,
    /// The ports to durable and short-lived state.
    pub stores: Stores,
    /// The authorization transactions of all browsers.
    pub transactions: Transactions<I::TransactionData>,
    /// The single sign-on sessions of all browsers.
    pub sessions: Arc<Sessions<I::SessionData>>,
    /// The name and colour of its pages.
    pub branding: Branding,
    /// The identity provider or the broker.
    pub interaction: Arc<I>,
    /// Ends sessions: at a logout, or when another person logs in.
    pub session_end: SessionEnd<I::SessionData>,
    /// Tells clients of logouts, in the background too.
    pub back_channel: Arc<BackChannel>,
    pub(crate) rate_limiter: RateLimiter,
}

impl<I: Interaction> Provider<I> {
    /// Puts the engine together; it signs nothing until it is given keys.
    pub fn new(parts: ProviderParts<I>) -> Self {
        let ProviderParts { settings, runtime, clients, stores, branding, http, interaction } = parts;
        let settings = Arc::new(settings);
        let keys = Arc::<SigningKeys>::default();
        let clients = Arc::new(clients);
        let sessions = Arc::new(Sessions::new(stores.short.clone(), settings.lifetimes));
        let back_channel = Arc::new(BackChannel {
            settings: settings.clone(),
            runtime: runtime.clone(),
            keys: keys.clone(),
            clients: clients.clone(),
            sessions: sessions.clone(),
            outbox: stores.outbox.clone(),
            http,
            queued: Notify::new(),
        });
        let session_end = SessionEnd {
            runtime: runtime.clone(),
            clients: clients.clone(),
            sessions: sessions.clone(),
            grants: stores.grants.clone(),
            outbox: stores.outbox.clone(),
            back_channel: back_channel.clone(),
        };
        Self {
            transactions: Transactions::new(stores.short.clone()),
            rate_limiter: RateLimiter::new(&settings, stores.short.clone(), runtime.clock.clone()),
            settings,
            runtime,
            keys,
            clients,
            stores,
            sessions,
            branding,
            interaction: Arc::new(interaction),
            session_end,
            back_channel,
        }
    }

    /// The present, by the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.runtime.now()
    }

    /// Records what changes nothing else.
    ///
    /// # Errors
    /// When it cannot be recorded: then it must not be done.
    pub async fn record(&self, event: AuditEvent, now: Timestamp) -> Result<(), ProviderError> {
        Ok(self.stores.audit.append(&[event], now).await?)
    }

    /// Delivers logout tokens and sweeps the short-lived store until it is dropped.
    pub async fn run_background(&self) {
        let mut ticks = tokio::time::interval(BACKGROUND_INTERVAL);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.back_channel.woken() => {}
            }
            if let Err(error) = self.back_channel.deliver_due().await {
                error.log();
            }
            if let Err(error) = self.stores.short.sweep(self.now()).await {
                ProviderError::from(error).log();
            }
        }
    }
}
