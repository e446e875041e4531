//! The demo: a broker, two identity providers and three portals in one process on loopback.

mod addresses;
mod citizens;
mod error;
mod secrets;
mod settings;

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use axum::Router;
use axum_server::Handle;
use nixa_credentials::Accounts;
use nixa_idp::enrol;
use nixa_protocol::{Clock, Entropy};
use test_rps::Registration;
use tokio::task::JoinSet;
use url::Url;

use crate::compose::{self, StartError};
use crate::config::{Config, OutboundSection};
use crate::environment::Environment;
use crate::private_file::{create_private_folder, write_private};
use crate::serve::{listen, serve, stop_at_signal};

pub use citizens::{ACCOUNTS, DemoAccount};
pub use error::DemoError;

use addresses::Addresses;
use error::MARKER;
use secrets::Secrets;

/// What a person may choose.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// The folder of the demo's files; a second start goes on with them.
    pub data_dir: PathBuf,
    /// Whether to forget everything first.
    pub reset: bool,
    /// The broker's port; the others follow from it.
    pub base_port: u16,
    /// Scheme and host of every address, without port.
    pub base_url: Url,
}

/// Runs the demo until Ctrl-C.
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
    let environment = Environment::of_system(&OutboundSection::default())?;
    let routers = build(&options.data_dir, &addresses, &environment).await?;
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
    if !folder.join(MARKER).exists() {
        return Err(DemoError::NotOurs(folder.to_owned()));
    }
    fs::remove_dir_all(folder).map_err(failed)
}

/// Writes the configuration files, opens the servers from them as any other start would, and enrols the
/// citizens. The routers come in the order of [`Addresses::ports`].
pub(crate) async fn build(
    folder: &Path,
    addresses: &Addresses,
    environment: &Environment,
) -> Result<Vec<Router>, DemoError> {
    let write = |name: &str, bytes: &[u8]| {
        let file = folder.join(name);
        write_private(&file, bytes).map_err(|source| DemoError::File { file, source })
    };
    let now = environment.clock.now();
    create_private_folder(folder)?;
    write(MARKER, citizens::json().as_bytes())?;
    let secrets = Secrets::load_or_make(folder, &*environment.entropy)?;
    write("broker.toml", settings::broker(addresses, &secrets).as_bytes())?;
    let broker = compose::broker(&Config::load(&folder.join("broker.toml"))?, environment).await?;
    let client_key = broker.keys.client_key(now).await?.public_jwk();
    write("partner-policy.toml", settings::PARTNER_POLICY.as_bytes())?;
    write("national.toml", settings::national(addresses, &client_key).as_bytes())?;
    write("partner.toml", settings::partner(addresses, &client_key).as_bytes())?;

    let national = compose::idp(&Config::load(&folder.join("national.toml"))?, environment).await?;
    let partner = compose::idp(&Config::load(&folder.join("partner.toml"))?, environment).await?;
    for account in ACCOUNTS {
        let store = if account.idp == "national" { &national.store } else { &partner.store };
        enrol_once(&**store, &*environment.entropy, &*environment.clock, account).await?;
    }
    let mut routers = vec![broker.router.clone(), national.router.clone(), partner.router.clone()];
    tokio::spawn(async move { broker.run_background().await });
    for idp in [national, partner] {
        tokio::spawn(async move { idp.run_background().await });
    }
    routers.extend(portals(addresses, &secrets)?);
    Ok(routers)
}

fn portals(addresses: &Addresses, secrets: &Secrets) -> Result<Vec<Router>, DemoError> {
    let mut routers = Vec::new();
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
