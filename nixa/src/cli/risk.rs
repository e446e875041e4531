//! `nixa risk`: signals that hold for every login at a broker.

use std::io::{self, Write};

use clap::Subcommand;
use nixa::config::Config;
use nixa_audit::AdministrationEvent;
use nixa_storage::Signals;

use super::failure::Failure;
use super::opened_server::{OpenedServer, administration};

#[derive(Debug, Subcommand)]
pub(crate) enum RiskCommand {
    /// Raise a signal of the policy: within seconds every login needs the level that it raises to.
    Raise {
        /// Its name in the policy.
        signal: String,
    },
    /// Clear a signal.
    Clear {
        /// Its name.
        signal: String,
    },
    /// List the signals that are raised.
    List,
}

pub(crate) async fn run(command: RiskCommand, config: Config) -> Result<(), Failure> {
    let policy = config.broker.as_ref().ok_or("the configuration has no [broker] table")?.policy()?;
    let server = OpenedServer::open(config).await?;
    let (store, now) = (&server.store, server.now());
    let mut out = io::stdout().lock();
    match command {
        RiskCommand::Raise { signal } => {
            // A signal that the policy does not name would raise every login to the top of the ladder.
            if !policy.knows_signal(&signal) {
                return Err(format!("`{signal}` is not a risk signal of the policy").into());
            }
            let event = administration(AdministrationEvent::SignalRaised { signal: signal.clone() });
            let new = store.raise(&signal, &[event], now).await?;
            writeln!(out, "{signal}: {}", if new { "raised" } else { "was raised already" })?;
        }
        RiskCommand::Clear { signal } => {
            let event = administration(AdministrationEvent::SignalCleared { signal: signal.clone() });
            let was = store.clear(&signal, &[event], now).await?;
            writeln!(out, "{signal}: {}", if was { "cleared" } else { "was not raised" })?;
        }
        RiskCommand::List => {
            for signal in store.raised().await? {
                writeln!(out, "{signal}")?;
            }
        }
    }
    Ok(())
}
