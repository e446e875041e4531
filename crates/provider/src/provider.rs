//! What the engine is made of.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use nixa_http_client::HttpClients;
use nixa_protocol::keyset::KeySet;
use nixa_protocol::registration::Allowed;
use nixa_protocol::{Clock, Entropy, Timestamp};
use nixa_storage::{Audit, Grants, LogoutOutbox, ShortLived};
use nixa_web::Branding;
use tokio::sync::Notify;

use crate::authorize::transaction::Transactions;
use crate::client::registry::Clients;
use crate::http::rate_limit::Limits;
use crate::interaction::Interaction;
use crate::session::sso::Sessions;

/// How long things live, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// A code, between issue and redemption.
    pub code: i64,
    /// An access token.
    pub access_token: i64,
    /// An ID token.
    pub id_token: i64,
    /// A refresh token.
    pub refresh_token: i64,
    /// An open login.
    pub login: i64,
    /// A single sign-on session without use.
    pub session_idle: i64,
    /// A single sign-on session in all.
    pub session: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: 60,
            access_token: 600,
            id_token: 300,
            refresh_token: 30 * 86_400,
            login: 1_800,
            session_idle: 3_600,
            session: 8 * 3_600,
        }
    }
}

/// Who the server is and what it signs with.
pub struct Identity {
    /// The issuer identifier, without a slash at its end.
    pub issuer: String,
    /// The secret of pairwise subjects: losing it changes every `sub`.
    pub pairwise_key: [u8; 32],
    /// The `acr` values published in the metadata.
    pub acr_values: Vec<String>,
    /// The scopes whose claims clients can be given.
    pub scopes: BTreeSet<String>,
    /// What clients may register by themselves; without it none may.
    pub registration: Option<Allowed>,
}

/// The ports that the engine uses.
#[derive(Clone)]
pub struct Stores {
    /// Open transactions, codes, sessions.
    pub short: Arc<dyn ShortLived>,
    /// Grants and refresh tokens.
    pub grants: Arc<dyn Grants>,
    /// Logout tokens on their way.
    pub outbox: Arc<dyn LogoutOutbox>,
    /// The audit trail.
    pub audit: Arc<dyn Audit>,
}

/// The engine with its host.
pub struct Provider<I: Interaction> {
    /// Who the server is.
    pub identity: Identity,
    keys: RwLock<Arc<KeySet>>,
    /// Who may ask.
    pub clients: Clients,
    /// Where state is kept.
    pub stores: Stores,
    /// Open transactions.
    pub transactions: Transactions<I::TransactionData>,
    /// Single sign-on sessions.
    pub sessions: Sessions<I::SessionData>,
    /// The ways to clients, for logout tokens.
    pub http: HttpClients,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How often may be asked.
    pub limits: Limits,
    /// How pages look.
    pub branding: Branding,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What is built on the engine.
    pub interaction: I,
    pub(crate) queued: Notify,
}

/// What surrounds the engine in a process or a test.
pub struct Runtime {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The ways out to the network.
    pub http: HttpClients,
}

impl<I: Interaction> Provider<I> {
    /// Puts the engine together.
    pub fn new(
        identity: Identity,
        clients: Clients,
        stores: Stores,
        (lifetimes, limits): (Lifetimes, Limits),
        branding: Branding,
        around: Runtime,
        interaction: I,
    ) -> Self {
        let Runtime { clock, entropy, http } = around;
        Self {
            transactions: Transactions::new(stores.short.clone()),
            sessions: Sessions::new(stores.short.clone(), lifetimes),
            queued: Notify::new(),
            identity,
            keys: RwLock::default(),
            clients,
            stores,
            http,
            lifetimes,
            limits,
            branding,
            clock,
            entropy,
            interaction,
        }
    }

    /// The signing keys.
    #[must_use]
    pub fn keys(&self) -> Arc<KeySet> {
        // A panic elsewhere cannot leave half a pointer behind.
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other signing keys in their place, when they were rotated, here or at another instance.
    pub fn set_keys(&self, keys: KeySet) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
