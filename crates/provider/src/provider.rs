//! The engine, put together from its parts.

use std::sync::Arc;

use nixa_audit::Event;
use nixa_protocol::Timestamp;
use nixa_storage::{Audit, Grants, LogoutOutbox, ShortLived};
use nixa_web::Branding;

use crate::authorize::transaction::Transactions;
use crate::client::registry::Clients;
use crate::error::ProviderError;
use crate::http::rate_limit::RateLimiter;
use crate::interaction::Interaction;
use crate::logout::back_channel::LogoutSender;
use crate::runtime::{Runtime, SigningKeys};
use crate::session::sso::Sessions;
use crate::settings::Settings;

/// The ports that the engine uses.
#[derive(Clone)]
pub struct Stores {
    /// Transactions, codes, access tokens, sessions.
    pub short: Arc<dyn ShortLived>,
    /// Grants and refresh tokens.
    pub grants: Arc<dyn Grants>,
    /// Logout tokens on their way.
    pub outbox: Arc<dyn LogoutOutbox>,
    /// The audit trail.
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
    /// Where state is kept.
    pub stores: Stores,
    /// How pages look.
    pub branding: Branding,
    /// Sends logout tokens.
    pub sender: Arc<dyn LogoutSender>,
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
    /// Where state is kept.
    pub stores: Stores,
    /// Authorization transactions.
    pub transactions: Transactions<I::TransactionData>,
    /// Single sign-on sessions.
    pub sessions: Sessions<I::SessionData>,
    /// How pages look.
    pub branding: Branding,
    /// The identity provider or the broker.
    pub interaction: Arc<I>,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) sender: Arc<dyn LogoutSender>,
    pub(crate) queued: tokio::sync::Notify,
}

impl<I: Interaction> Provider<I> {
    /// Puts the engine together.
    pub fn new(parts: ProviderParts<I>) -> Self {
        let ProviderParts { settings, runtime, clients, stores, branding, sender, interaction } = parts;
        let settings = Arc::new(settings);
        Self {
            transactions: Transactions::new(stores.short.clone()),
            sessions: Sessions::new(stores.short.clone(), settings.lifetimes),
            rate_limiter: RateLimiter::new(&settings, stores.short.clone(), runtime.clock.clone()),
            queued: tokio::sync::Notify::new(),
            settings,
            runtime,
            keys: Arc::default(),
            clients: Arc::new(clients),
            stores,
            branding,
            sender,
            interaction: Arc::new(interaction),
        }
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.runtime.now()
    }

    /// Records what changes nothing else.
    ///
    /// # Errors
    /// When it cannot be recorded: then it must not be done.
    pub async fn record(&self, event: Event, now: Timestamp) -> Result<(), ProviderError> {
        Ok(self.stores.audit.append(&[event], now).await?)
    }
}
