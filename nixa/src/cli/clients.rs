//! `nixa clients`: initial access tokens, the list of clients, the end of one.

use std::io::{self, Write};

use clap::Subcommand;
use nixa::config::Config;
use nixa_audit::{AdministrationEvent, AuditEvent, ClientChange, ConfigurationEvent};
use nixa_protocol::{digest, random_token};
use nixa_storage::{ClientRecord, ClientStore as _, LogoutOutbox as _};

use super::failure::Failure;
use super::opened_server::{OpenedServer, account, administration};

/// How many clients are read at once.
const BATCH: i64 = 500;
/// A day in seconds.
const DAY: i64 = 86_400;

#[derive(Debug, Subcommand)]
pub(crate) enum ClientsCommand {
    /// Print an initial access token, with which a client can register at `/register`.
    Token {
        /// How many clients may register with it.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        uses: i64,
        /// For how many days it is good.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
    },
    /// List the clients: declared in the configuration, or registered by API.
    List,
    /// Say how telling each client of logouts went in the last day.
    Health,
    /// Remove a client that was registered by API, and revoke what it was granted.
    Remove {
        /// Its identifier.
        client_id: String,
    },
}

pub(crate) async fn run(command: ClientsCommand, config: Config) -> Result<(), Failure> {
    let server = OpenedServer::open(config).await?;
    match command {
        ClientsCommand::Token { uses, days } => issue_token(&server, uses, days).await,
        ClientsCommand::List => list(&server).await,
        ClientsCommand::Health => print_health(&server).await,
        ClientsCommand::Remove { client_id } => remove(&server, &client_id).await,
    }
}

async fn issue_token(server: &OpenedServer, uses: i64, days: i64) -> Result<(), Failure> {
    if server.config.server.registration.is_none() {
        return Err("the configuration has no [server.registration] table: nobody may register".into());
    }
    let token = random_token(&*server.environment.entropy);
    let events = [administration(AdministrationEvent::RegistrationTokenMade { uses, days })];
    let now = server.now();
    server.store.add_registration_token(&digest(&token), uses, now + days * DAY, &events, now).await?;
    Ok(writeln!(io::stdout(), "{token}")?)
}

async fn list(server: &OpenedServer) -> Result<(), Failure> {
    let mut out = io::stdout();
    let mut after = String::new();
    loop {
        let read = server.store.clients(&after, BATCH).await?;
        let Some(last) = read.last() else { return Ok(()) };
        after.clone_from(&last.client.client_id);
        for ClientRecord { client, .. } in read {
            let origin = if client.declared { "declared" } else { "registered" };
            let authentication = client.authentication.as_str();
            writeln!(out, "{} {origin} {authentication} {}", client.client_id, client.name.en)?;
        }
    }
}

async fn print_health(server: &OpenedServer) -> Result<(), Failure> {
    let mut out = io::stdout();
    for (client_id, health) in server.store.delivery_health(None, server.now() + -DAY).await? {
        let since = health.oldest_waiting_at.map_or_else(String::new, |at| format!(" since {}", at.0));
        let (waiting, delivered, given_up) = (health.waiting, health.delivered, health.given_up);
        writeln!(out, "{client_id} {waiting} waiting{since}, {delivered} delivered, {given_up} given up")?;
    }
    Ok(())
}

async fn remove(server: &OpenedServer, client_id: &str) -> Result<(), Failure> {
    let (client, change) = (client_id.to_owned(), ClientChange::Removed);
    let removed = ConfigurationEvent::Client { client, change, by: Some(account()) };
    let events = [AuditEvent::Configuration(removed)];
    if !server.store.remove_client(client_id, &events, server.now()).await? {
        return Err(format!("{client_id}: no client of this name was registered by API").into());
    }
    Ok(writeln!(io::stdout(), "removed")?)
}
