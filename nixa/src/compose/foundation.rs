//! What both kinds of server stand on, and how the engine is put on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use nixa_audit::{Event, Kind};
use nixa_protocol::{Client, Timestamp};
use nixa_provider::{Interaction, Lifetimes, Provider, ProviderParts, Runtime, Settings, Stores, router};
use nixa_storage::{Audit, Metered};
use nixa_storage_sql::SqlStore;
use nixa_web::Branding;

use super::clients::declare_clients;
use super::error::StartError;
use super::server::Server;
use super::store::{open_short_lived, open_store};
use crate::config::{Config, TimestampSection};
use crate::environment::Environment;
use crate::keys::KeyManager;
use crate::stamp::TimeStamps;
use crate::trail::Keeper;

/// The keys and secrets in the store of a server, under the master key that its configuration names.
pub fn key_manager(config: &Config, environment: &Environment, store: Arc<SqlStore>) -> Result<KeyManager, StartError> {
    let master = config.server.master_key(&*environment.entropy)?;
    Ok(KeyManager::new(store, master, environment.entropy.clone()))
}

/// The opened stores and keys of a server that is being put together.
pub(super) struct Foundation<'c> {
    config: &'c Config,
    pub(super) environment: &'c Environment,
    pub(super) store: Arc<SqlStore>,
    pub(super) keys: KeyManager,
    pub(super) now: Timestamp,
}

/// What each kind of server gives the engine in its own way.
pub(super) struct EngineSettings {
    pub(super) acr_values: Vec<String>,
    pub(super) scopes: BTreeSet<String>,
    pub(super) clients: Vec<Client>,
    /// Origins that a form may end at, for the Content-Security-Policy.
    pub(super) form_targets: String,
}

impl<'c> Foundation<'c> {
    pub(super) async fn open(config: &'c Config, environment: &'c Environment) -> Result<Self, StartError> {
        let store = open_store(config, environment).await?;
        let keys = key_manager(config, environment, store.clone())?;
        Ok(Self { config, environment, store, keys, now: environment.clock.now() })
    }

    /// Puts the engine, its pages and its upkeep together, and records that the server was started.
    pub(super) async fn build<I: Interaction>(
        self,
        settings: EngineSettings,
        interaction: I,
        pages: Router<Arc<Provider<I>>>,
    ) -> Result<Server<I>, StartError> {
        let short = Arc::new(Metered::new(open_short_lived(self.config).await?));
        let provider = self.provider(short.clone(), settings, interaction).await?;
        self.record_start().await?;
        let keeper = self.keeper().await?;
        let Self { config, store, keys, .. } = self;
        Ok(Server {
            router: router(provider.clone(), pages, &config.server.cookie),
            provider,
            store,
            short,
            keys,
            keeper,
            rotate_days: config.server.rotate_keys_days,
        })
    }

    async fn provider<I: Interaction>(
        &self,
        short: Arc<Metered>,
        settings: EngineSettings,
        interaction: I,
    ) -> Result<Arc<Provider<I>>, StartError> {
        let Self { environment, store, now, .. } = self;
        let server = &self.config.server;
        let EngineSettings { acr_values, scopes, clients, form_targets } = settings;
        let registration = server.registration.as_ref().map(|s| s.policy(&acr_values, server.is_secure()));
        let clients = declare_clients(self.config, environment, store, clients, *now).await?;
        let settings = Settings {
            registration,
            issuer: server.issuer.clone(),
            pairwise_key: self.keys.secret("pairwise", *now).await?,
            acr_values,
            scopes,
            lifetimes: Lifetimes::default(),
            rate_limits: server.limits.limits(),
        };
        let stores = Stores { short, grants: store.clone(), outbox: store.clone(), audit: store.clone() };
        let provider = Provider::new(ProviderParts {
            settings,
            runtime: Runtime { clock: environment.clock.clone(), entropy: environment.entropy.clone() },
            clients,
            stores,
            branding: Branding { name: server.name.clone(), accent: server.accent.clone(), form_targets },
            http: environment.http.clone(),
            interaction,
        });
        provider.keys.replace(self.keys.signing_keys(*now).await?);
        Ok(Arc::new(provider))
    }

    async fn record_start(&self) -> Result<(), StartError> {
        let config = self.config;
        let event = Event::new(Kind::Configuration).fact("change", "started").fact("digest", config.digest.as_str());
        let event = event.fact("issuer", config.server.issuer.as_str()).fact("version", env!("CARGO_PKG_VERSION"));
        let recorded = Audit::append(&*self.store, &[event], self.now).await;
        recorded.map_err(|error| StartError::durable(config, &error))
    }

    async fn keeper(&self) -> Result<Keeper, StartError> {
        let audit = &self.config.server.audit;
        Ok(Keeper {
            store: self.store.clone(),
            ended: self.store.clone(),
            key: self.keys.audit_key(self.now).await?,
            every: audit.checkpoint_seconds,
            keep_months: audit.keep_months,
            stamps: audit.timestamp.as_ref().map(|section| self.time_stamps(section)).transpose()?,
        })
    }

    fn time_stamps(&self, section: &TimestampSection) -> Result<TimeStamps, StartError> {
        Ok(TimeStamps {
            url: section.url.clone(),
            trust: section.trusted().map_err(StartError::Config)?,
            http: self.environment.http.trusted.clone(),
            entropy: self.environment.entropy.clone(),
            clock: self.environment.clock.clone(),
        })
    }
}
