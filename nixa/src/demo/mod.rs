//! The demo: a broker, two identity providers and three portals in one process on loopback.

mod citizens;
mod settings;

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use axum::Router;
use axum_server::Handle;
use nixa_idp::enrol;
use nixa_protocol::{Clock, Entropy};
use nixa_storage::Accounts;
use test_rps::{PortalError, Registration};
use thiserror::Error;
use tokio::task::JoinSet;
use url::Url;

use crate::compose::{self, StartError, World};
use crate::config::{Config, ConfigError, OutboundSection};
use crate::keys::KeyError;
use crate::private_file::{FileError, private_folder, write_private};
use crate::serve::{ServeError, listen, real_world, serve, stop_at_signal};

pub use citizens::{ACCOUNTS, DemoAccount};
use settings::{Addresses, Secrets};

/// What a person may choose.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Whether to forget everything first.
    pub reset: bool,
    /// The broker's port; the others follow from it.
    pub base_port: u16,
    /// Scheme and host of every address, without port.
    pub base_url: Url,
}

/// Why the demo does not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DemoError {
    /// A port is taken.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A server cannot be put together.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A configuration that the demo wrote is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The folder cannot be made.
    #[error(transparent)]
    Folder(#[from] FileError),
    /// A file cannot be written.
    #[error("{}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A portal cannot be put together.
    #[error("portal: {0}")]
    Portal(#[from] PortalError),
    /// `--base-url` or `--base-port` cannot be used.
    #[error("{0}")]
    Address(&'static str),
    /// `--reset` would delete something that the demo did not make.
    #[error("{}: is not a folder that the demo made (it has no {MARK}); it is left as it is", .0.display())]
    NotOurs(PathBuf),
}

/// Marks a folder that the demo made, so that `--reset` deletes nothing else.
const MARK: &str = "citizens.json";

/// Runs the demo until Ctrl-C.
///
/// # Errors
/// [`DemoError`].
pub async fn run(options: &DemoOptions) -> Result<(), DemoError> {
    let addresses = Addresses::new(&options.base_url, options.base_port)?;
    let listeners = addresses
        .ports()
        .map(|port| listen(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)))
        .into_iter()
        .collect::<Result<Vec<TcpListener>, _>>()?;
    if options.reset {
        reset(&options.data_dir)?;
    }
    let world = real_world(&OutboundSection::default())?;
    let routers = build(&options.data_dir, &addresses, &world).await?;
    announce(options, &addresses).map_err(|source| DemoError::File { file: "standard output".into(), source })?;
    let handle = Handle::new();
    let mut tasks = JoinSet::new();
    for (listener, router) in listeners.into_iter().zip(routers) {
        let handle = handle.clone();
        tasks.spawn(async move { serve(listener, router, None, handle).await });
    }
    stop_at_signal(handle).await;
    while let Some(ended) = tasks.join_next().await {
        if let Ok(result) = ended {
            result?;
        }
    }
    Ok(())
}

fn reset(folder: &Path) -> Result<(), DemoError> {
    let failed = |source| DemoError::File { file: folder.to_owned(), source };
    if !folder.exists() || fs::read_dir(folder).map_err(failed)?.next().is_none() {
        return Ok(());
    }
    if !folder.join(MARK).exists() {
        return Err(DemoError::NotOurs(folder.to_owned()));
    }
    fs::remove_dir_all(folder).map_err(failed)
}

/// Writes the configuration files, opens the servers from them as any other start would, and enrols the
/// citizens. The routers come in the order of [`Addresses::ports`].
///
/// # Errors
/// [`DemoError`].
pub(crate) async fn build(folder: &Path, addresses: &Addresses, world: &World) -> Result<Vec<Router>, DemoError> {
    let write = |name: &str, bytes: &[u8]| {
        let file = folder.join(name);
        write_private(&file, bytes).map_err(|source| DemoError::File { file, source })
    };
    let now = world.clock.now();
    private_folder(folder)?;
    write(MARK, citizens::json().as_bytes())?;
    let secrets = Secrets::load_or_make(folder, &*world.entropy)?;
    write("broker.toml", settings::broker(addresses, &secrets).as_bytes())?;
    let broker = compose::broker(&Config::load(&folder.join("broker.toml"))?, world).await?;
    let client_key = broker.vault.client(now).await?.public_jwk();
    write("partner-policy.toml", settings::PARTNER_POLICY.as_bytes())?;
    write("national.toml", settings::national(addresses, &client_key).as_bytes())?;
    write("partner.toml", settings::partner(addresses, &client_key).as_bytes())?;

    let national = compose::idp(&Config::load(&folder.join("national.toml"))?, world).await?;
    let partner = compose::idp(&Config::load(&folder.join("partner.toml"))?, world).await?;
    for account in ACCOUNTS {
        let store = if account.idp == "national" { &national.store } else { &partner.store };
        enrol_once(&**store, &*world.entropy, &*world.clock, account).await?;
    }
    let mut routers = vec![broker.router.clone(), national.router.clone(), partner.router.clone()];
    tokio::spawn(async move { broker.run_background().await });
    for idp in [national, partner] {
        tokio::spawn(async move { idp.run_background().await });
    }
    let portals = [test_rps::national_public_service, test_rps::social_insurance, test_rps::tax];
    for (n, portal) in portals.into_iter().enumerate() {
        let (client_id, public_url) = addresses.portal(n);
        let registration = Registration {
            public_url,
            issuer: addresses.issuer(),
            client_id: client_id.to_owned(),
            client_secret: secrets.of(client_id),
        };
        routers.push(test_rps::router(portal(registration))?);
    }
    Ok(routers)
}

async fn enrol_once(
    accounts: &dyn Accounts,
    entropy: &dyn Entropy,
    clock: &dyn Clock,
    account: &DemoAccount,
) -> Result<(), DemoError> {
    let known = accounts.by_username(account.username).await.map_err(|e| StartError::Hash(e.into()))?;
    if known.is_none() {
        enrol(accounts, entropy, account.enrolment(), clock.now()).await.map_err(StartError::Hash)?;
    }
    Ok(())
}

fn announce(options: &DemoOptions, addresses: &Addresses) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "NIXA demo (data in {})\n", options.data_dir.display())?;
    for (name, url) in addresses.list() {
        writeln!(out, "  {name:<44} {url}")?;
    }
    writeln!(out, "\nDemo citizens (fictitious; also in citizens.json)\n")?;
    writeln!(out, "  {:<9} {:<13} {:<22} {:<33} name", "idp", "user name", "password", "TOTP secret")?;
    for a in ACCOUNTS {
        writeln!(out, "  {:<9} {:<13} {:<22} {:<33} {}", a.idp, a.username, a.password, a.totp_secret, a.name)?;
    }
    writeln!(out, "\nOpen {} and log in. Ctrl-C stops.", addresses.portal(0).1)?;
    out.flush()
}
