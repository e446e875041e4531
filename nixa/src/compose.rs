//! Puts a broker or an identity provider together from its configuration.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use nixa_audit::{AuditEvent, ConfigurationEvent, ServerStart, month_after, month_of};
use nixa_broker::{Broker, Risk, Transport, Upstreams};
use nixa_idp::{Idp, Passwords};
use nixa_protocol::claims::SCOPES;
use nixa_protocol::{Client, Clock, Entropy, OAuthError, Timestamp};
use nixa_provider::documents::Outbound;
use nixa_provider::{
    Clients, Identity, Interaction, Lifetimes, LogoutSender, Provider, Runtime, Stores, client_changed, router,
};
use nixa_storage::{
    Audit, ClientRecord, ClientStore as _, Location, Metered, RedisOptions, RedisShortLived, Role, ShortLived,
    SqlStore, SqliteShortLived, StorageError,
};
use nixa_web::Branding;
use thiserror::Error;

use crate::audit::{AuditUpkeep, TimestampAuthority};
use crate::config::{Config, TimestampSection, portal_scopes};
use crate::keys::{KeyError, Vault};
use crate::private_file::private_folder;

/// Why a server could not be put together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A key file cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A database cannot be opened.
    #[error("{database} cannot be opened: {cause}")]
    Storage {
        /// Which one.
        database: String,
        /// The cause, with its own cause.
        cause: String,
    },
    /// The configuration is for the other kind of server, or was not checked.
    #[error("configuration: {0}")]
    Config(String),
    /// Passwords cannot be hashed on this machine.
    #[error(transparent)]
    Hash(#[from] nixa_idp::EnrolError),
}

/// What surrounds the servers: the real world, or a test's.
#[derive(Clone)]
pub struct World {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Sends requests to identity providers.
    pub transport: Arc<dyn Transport>,
    /// Sends logout tokens to portals.
    pub sender: Arc<dyn LogoutSender>,
    /// The guarded way to what clients publish.
    pub outbound: Arc<dyn Outbound>,
}

/// A server that is ready to be served.
pub struct Server<I: Interaction> {
    /// Its routes.
    pub router: Router,
    /// Its engine, for the background work.
    pub provider: Arc<Provider<I>>,
    /// Its durable store.
    pub store: Arc<SqlStore>,
    /// Its short-lived store.
    pub short: Arc<Metered>,
    /// Its keys and secrets.
    pub vault: Vault,
    /// Keeps its audit trail.
    pub audit_upkeep: AuditUpkeep,
    /// After how many days a signing key is replaced; by hand alone without it.
    pub rotate_days: Option<u32>,
}

impl<I: Interaction> Server<I> {
    /// Does what has to be done beside requests, until it is dropped: logout tokens, expired state, and keys
    /// that were rotated here or at another instance.
    pub async fn run_background(&self) {
        let upkeep = async {
            let mut ticks = tokio::time::interval(Duration::from_secs(5));
            loop {
                ticks.tick().await;
                if let Some(days) = self.rotate_days
                    && let Err(error) = self.vault.rotate_on_schedule(days, self.provider.now()).await
                {
                    tracing::error!(%error, "signing keys cannot be rotated");
                }
                match self.vault.signing(self.provider.now()).await {
                    Ok(keys) => self.provider.set_keys(keys),
                    Err(error) => tracing::error!(%error, "signing keys cannot be read"),
                }
                if let Err(error) = self.audit_upkeep.tick(self.provider.now()).await {
                    tracing::error!(%error, "the audit trail cannot be kept");
                }
            }
        };
        tokio::join!(self.provider.run_background(), upkeep);
    }
}

/// The keys and secrets of a server.
///
/// # Errors
/// [`StartError::Keys`].
pub fn vault(config: &Config, world: &World, store: Arc<SqlStore>) -> Result<Vault, StartError> {
    let master = config.server.master_key(&*world.entropy)?;
    Ok(Vault::new(store, master, world.entropy.clone()))
}

/// A broker.
///
/// # Errors
/// [`StartError`].
pub async fn broker(config: &Config, world: &World) -> Result<Server<Broker>, StartError> {
    let section = config.broker.as_ref().ok_or_else(|| StartError::Config("has no [broker] table".to_owned()))?;
    let store = open(config, Role::Broker, world).await?;
    let vault = vault(config, world, store.clone())?;
    let now = world.clock.now();
    let policy = section.policy().map_err(StartError::Config)?;
    let acr_values = policy.names().map(str::to_owned).collect();
    let host = Broker {
        people: store.clone(),
        policy,
        idps: section.idps(&vault.client(now).await?),
        portals: section.portals(),
        upstreams: Upstreams::new(world.transport.clone(), world.clock.clone(), world.entropy.clone()),
        pivot_key: vault.secret("pivot", now).await?,
        entropy: world.entropy.clone(),
        risk: Risk::new(section.risk.settings(&config.server.cookie, config.server.is_secure()), store.clone()),
    };
    // Each page adds the one portal that its form may end at.
    let form_targets = origins_of(section.identity_provider.iter().map(|i| i.issuer.as_str()));
    let clients = section.portal.iter().filter_map(|p| p.client()).collect();
    let scopes = portal_scopes().map(str::to_owned).collect();
    let engine = Engine { acr_values, scopes, clients, form_targets };
    assemble(config, world, vault, store, engine, host, nixa_broker::routes()).await
}

/// An identity provider.
///
/// # Errors
/// [`StartError`].
pub async fn idp(config: &Config, world: &World) -> Result<Server<Idp>, StartError> {
    let section = config.idp.as_ref().ok_or_else(|| StartError::Config("has no [idp] table".to_owned()))?;
    let store = open(config, Role::Idp, world).await?;
    let vault = vault(config, world, store.clone())?;
    let policy = section.policy().map_err(StartError::Config)?;
    let acr_values = policy.names().map(str::to_owned).collect();
    let passwords = Passwords::new(section.passwords_at_once, &*world.entropy);
    let passwords = passwords.map_err(nixa_idp::EnrolError::from)?;
    let host = Idp { accounts: store.clone(), policy, passwords };
    let clients = section.client.iter().filter_map(|c| c.client()).collect();
    // A form here ends, through the broker, at a portal that this server does not know. Any https site
    // may be the end of that chain; without TLS (a demo on loopback) any http one.
    let form_targets = if config.server.is_secure() { "https:" } else { "http:" };
    let scopes = SCOPES.iter().map(|(scope, _)| (*scope).to_owned()).collect();
    let engine = Engine { acr_values, scopes, clients, form_targets: form_targets.to_owned() };
    assemble(config, world, vault, store, engine, host, nixa_idp::routes()).await
}

/// What the two kinds of server give the engine each in its own way.
struct Engine {
    acr_values: Vec<String>,
    scopes: BTreeSet<String>,
    clients: Vec<Client>,
    form_targets: String,
}

/// The durable store of a server.
///
/// # Errors
/// [`StartError::Storage`].
pub async fn open(config: &Config, role: Role, world: &World) -> Result<Arc<SqlStore>, StartError> {
    let (location, limits) = config.server.durable();
    private_folder(&config.server.data_dir).map_err(KeyError::from)?;
    let store = SqlStore::open(&location, limits, role).await.map_err(|e| storage(config, &e))?;
    // Before anything is recorded in it.
    let month = month_of(world.clock.now());
    for month in [month, month_after(month)] {
        store.make_partition(month).await.map_err(|e| storage(config, &e))?;
    }
    Ok(Arc::new(store.sealing(config.server.master_key(&*world.entropy)?, world.entropy.clone())))
}

/// The clients of a server, with those that its configuration declares. The sector of a declared client is checked
/// when it is new or was changed, and not at each start: that must not wait for another server.
async fn declare(
    config: &Config,
    world: &World,
    store: &Arc<SqlStore>,
    declared: Vec<Client>,
    now: Timestamp,
) -> Result<Clients, StartError> {
    let clients = Clients::new(store.clone(), world.outbound.clone(), declared.clone());
    for client in declared.iter().filter(|client| client.sector_identifier_uri.is_some()) {
        let known = store.client(&client.client_id).await.map_err(|e| storage(config, &e))?;
        let same = |known: &ClientRecord| {
            known.client.redirect_uris == client.redirect_uris
                && known.client.sector_identifier_uri == client.sector_identifier_uri
        };
        if !known.as_ref().is_some_and(same) {
            let refused =
                |error: OAuthError| StartError::Config(format!("{}: {}", client.client_id, error.description));
            clients.check_sector(client).await.map_err(refused)?;
        }
    }
    match store.declare_clients(&declared, &client_changed, now).await {
        Err(StorageError::Exists) => {
            Err(StartError::Config("a client has the client_id of one that was registered by API".to_owned()))
        }
        Err(error) => Err(storage(config, &error)),
        Ok(()) => Ok(clients),
    }
}

/// The durable store of a server as it is, without bringing its schema up to date.
///
/// # Errors
/// [`StartError::Storage`].
pub async fn connect(config: &Config) -> Result<SqlStore, StartError> {
    let (location, limits) = config.server.durable();
    private_folder(&config.server.data_dir).map_err(KeyError::from)?;
    let role = if config.broker.is_some() { Role::Broker } else { Role::Idp };
    SqlStore::connect(&location, limits, role).await.map_err(|e| storage(config, &e))
}

async fn short_lived(config: &Config) -> Result<Arc<dyn ShortLived>, StartError> {
    let failed = |database: &str, error: &StorageError| StartError::Storage {
        database: database.to_owned(),
        cause: with_cause(error),
    };
    match config.server.store.shared_short_lived() {
        Some(url) => {
            let options = RedisOptions {
                timeout: config.server.store.patience(),
                ..RedisOptions::new(&config.server.store.namespace)
            };
            let store = RedisShortLived::open(&url, options).map_err(|e| failed("the short-lived store", &e))?;
            Ok(Arc::new(store))
        }
        None => {
            let file = config.server.data_dir.join("short-lived.db");
            let store = SqliteShortLived::open(&file).await;
            Ok(Arc::new(store.map_err(|e| failed(&file.display().to_string(), &e))?))
        }
    }
}

fn storage(config: &Config, error: &StorageError) -> StartError {
    let cause = with_cause(error);
    let database = match config.server.durable().0 {
        Location::File(file) => format!("the database beside {}", file.display()),
        Location::Postgres(_) => "the PostgreSQL database".to_owned(),
    };
    StartError::Storage { database, cause }
}

async fn assemble<I: Interaction>(
    config: &Config,
    world: &World,
    vault: Vault,
    store: Arc<SqlStore>,
    engine: Engine,
    interaction: I,
    pages: Router<Arc<Provider<I>>>,
) -> Result<Server<I>, StartError> {
    let Engine { acr_values, scopes, clients, form_targets } = engine;
    let short = Arc::new(Metered::new(short_lived(config).await?));
    let now = world.clock.now();
    let secure = config.server.is_secure();
    let registration = config.server.registration.as_ref().map(|section| section.allowed(&acr_values, secure));
    let clients = declare(config, world, &store, clients, now).await?;
    let identity = Identity {
        registration,
        issuer: config.server.issuer.clone(),
        pairwise_key: vault.secret("pairwise", now).await?,
        acr_values,
        scopes,
    };
    let branding = Branding { name: config.server.name.clone(), accent: config.server.accent.clone(), form_targets };
    let stores = Stores { short: short.clone(), grants: store.clone(), outbox: store.clone(), audit: store.clone() };
    let around = Runtime { clock: world.clock.clone(), entropy: world.entropy.clone(), sender: world.sender.clone() };
    let provider = Provider::new(
        identity,
        clients,
        stores,
        (Lifetimes::default(), config.server.limits.limits()),
        branding,
        around,
        interaction,
    );
    provider.set_keys(vault.signing(now).await?);
    let started = ServerStart {
        digest: config.digest.clone(),
        issuer: config.server.issuer.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let started = AuditEvent::Configuration(ConfigurationEvent::Started(started));
    Audit::append(&*store, &[started], now).await.map_err(|e| storage(config, &e))?;
    let audit = &config.server.audit;
    let authority = |section: &TimestampSection| -> Result<TimestampAuthority, StartError> {
        Ok(TimestampAuthority {
            url: section.url.clone(),
            trust: section.trusted().map_err(StartError::Config)?,
            transport: world.transport.clone(),
            entropy: world.entropy.clone(),
            clock: world.clock.clone(),
        })
    };
    let timestamps = audit.timestamp.as_ref().map(authority).transpose()?;
    let audit_upkeep = AuditUpkeep {
        store: store.clone(),
        ended: store.clone(),
        key: vault.audit(now).await?,
        checkpoint_seconds: audit.checkpoint_seconds,
        keep_months: audit.keep_months,
        timestamps,
    };
    let provider = Arc::new(provider);
    let rotate_days = config.server.rotate_keys_days;
    Ok(Server {
        rotate_days,
        short,
        audit_upkeep,
        vault,
        router: router(provider.clone(), pages, &config.server.cookie),
        provider,
        store,
    })
}

fn with_cause(error: &StorageError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// The distinct origins of some URLs, for a Content-Security-Policy.
fn origins_of<'u>(urls: impl Iterator<Item = &'u str>) -> String {
    let mut origins: Vec<String> =
        urls.filter_map(|u| url::Url::parse(u).ok()).map(|u| u.origin().ascii_serialization()).collect();
    origins.sort();
    origins.dedup();
    origins.join(" ")
}
