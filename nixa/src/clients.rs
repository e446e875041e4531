//! `nixa clients`: initial access tokens, the list of clients, the end of one.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use nixa::compose;
use nixa::config::Config;
use nixa::serve::real_world;
use nixa_audit::{AdministrationEvent, AuditEvent, ClientChange, ConfigurationEvent};
use nixa_protocol::{digest, random_token};
use nixa_storage::{ClientRecord, ClientStore as _, LogoutOutbox as _, Role};

use crate::commands::{Failure, account};

/// How many clients are read at once.
const BATCH: i64 = 500;
/// A day in seconds.
const DAY: i64 = 86_400;

#[derive(Debug, Subcommand)]
pub(crate) enum ClientsCommand {
    /// Print an initial access token, with which a client can register at `/register`.
    Token {
        /// The server's configuration file.
        #[arg(long)]
        config: PathBuf,
        /// How many clients may register with it.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        uses: i64,
        /// For how many days it is good.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
    },
    /// List the clients: declared in the configuration, or registered by API.
    List {
        /// The server's configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Say how telling each client of logouts went in the last day.
    Health {
        /// The server's configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Remove a client that was registered by API, and revoke what it was granted.
    Remove {
        /// The server's configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Its identifier.
        client_id: String,
    },
}

pub(crate) async fn clients(command: ClientsCommand) -> Result<(), Failure> {
    let (ClientsCommand::Token { config, .. }
    | ClientsCommand::List { config }
    | ClientsCommand::Health { config }
    | ClientsCommand::Remove { config, .. }) = &command;
    let config = Config::load(config)?;
    let world = real_world(&config.server.outbound)?;
    let role = if config.broker.is_some() { Role::Broker } else { Role::Idp };
    let store = compose::open(&config, role, &world).await?;
    let now = world.clock.now();
    let mut out = std::io::stdout();
    match command {
        ClientsCommand::Token { uses, days, .. } => {
            if config.server.registration.is_none() {
                return Err("the configuration has no [server.registration] table: nobody may register".into());
            }
            let token = random_token(&*world.entropy);
            let act = AdministrationEvent::RegistrationTokenMade { uses, days };
            let audit = [AuditEvent::Administration { act, by: account() }];
            store.add_registration_token(&digest(&token), uses, now + days * DAY, &audit, now).await?;
            writeln!(out, "{token}")?;
        }
        ClientsCommand::List { .. } => {
            let mut after = String::new();
            loop {
                let read = store.clients(&after, BATCH).await?;
                let Some(last) = read.last() else { break };
                after.clone_from(&last.client.client_id);
                for ClientRecord { client, .. } in read {
                    let origin = if client.declared { "declared" } else { "registered" };
                    let how = client.authentication.as_str();
                    writeln!(out, "{} {origin} {how} {}", client.client_id, client.name.en)?;
                }
            }
        }
        ClientsCommand::Health { .. } => {
            for (client_id, health) in store.delivery_health(None, now + -DAY).await? {
                let since = health.oldest_waiting_at.map_or_else(String::new, |at| format!(" since {}", at.0));
                let (waiting, delivered, given_up) = (health.waiting, health.delivered, health.given_up);
                writeln!(out, "{client_id} {waiting} waiting{since}, {delivered} delivered, {given_up} given up")?;
            }
        }
        ClientsCommand::Remove { client_id, .. } => {
            let (client, change) = (client_id.clone(), ClientChange::Removed);
            let removed = ConfigurationEvent::Client { client, change, by: Some(account()) };
            let audit = [AuditEvent::Configuration(removed)];
            if !store.remove_client(&client_id, &audit, now).await? {
                return Err(format!("{client_id}: no client of this name was registered by API").into());
            }
            writeln!(out, "removed")?;
        }
    }
    Ok(())
}
