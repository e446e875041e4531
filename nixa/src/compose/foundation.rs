//! What both kinds of server stand on, and how the engine is put on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use nixa_audit::{AuditEvent, ConfigurationEvent, ServerStart};
use nixa_protocol::{Client, Timestamp};
use nixa_provider::{Interaction, Lifetimes, Provider, ProviderParts, Runtime, Settings, Stores, router};
use nixa_storage::{Audit, Metered};
use nixa_storage_sql::SqlStore;
use nixa_web::Branding;

use super::clients::declare_clients;
use super::error::StartError;
use super::server::Server;
use super::store::{open_short_lived, open_store};
use crate::audit::{AuditUpkeep, TimestampAuthority};
use crate::config::{Config, TimestampSection};
use crate::environment::Environment;
use crate::keys::KeyManager;

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
        let audit_upkeep = self.audit_upkeep().await?;
        let Self { config, store, keys, .. } = self;
        Ok(Server {
            router: router(provider.clone(), pages, &config.server.cookie),
            provider,
            store,
            short,
            keys,
            audit_upkeep,
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
        let started = ServerStart {
            digest: config.digest.clone(),
            issuer: config.server.issuer.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let event = AuditEvent::Configuration(ConfigurationEvent::Started(started));
        let recorded = Audit::append(&*self.store, &[event], self.now).await;
        recorded.map_err(|error| StartError::durable(config, &error))
    }

    async fn audit_upkeep(&self) -> Result<AuditUpkeep, StartError> {
        let audit = &self.config.server.audit;
        Ok(AuditUpkeep {
            store: self.store.clone(),
            ended: self.store.clone(),
            key: self.keys.audit_key(self.now).await?,
            checkpoint_seconds: audit.checkpoint_seconds,
            keep_months: audit.keep_months,
            timestamps: audit.timestamp.as_ref().map(|section| self.timestamp_authority(section)).transpose()?,
        })
    }

    fn timestamp_authority(&self, section: &TimestampSection) -> Result<TimestampAuthority, StartError> {
        Ok(TimestampAuthority {
            url: section.url.clone(),
            trust: section.trusted().map_err(StartError::Config)?,
            http: self.environment.http.trusted.clone(),
            entropy: self.environment.entropy.clone(),
            clock: self.environment.clock.clone(),
        })
    }
}
