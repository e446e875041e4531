//! `nixa keys`: list and rotate signing keys, make a master key.

use std::io::{self, Write};

use clap::Subcommand;
use nixa::ambient::SystemEntropy;
use nixa::keys::new_master_key;
use nixa_protocol::Timestamp;
use nixa_protocol::keyset::{KeySet, KeyStage};

use super::config_file::ConfigFile;
use super::failure::Failure;
use super::opened_server::{OpenedServer, account};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Print the public key with which a broker authenticates, to register it at an identity provider.
    Client,
    /// List the signing keys of a server: next, current, replaced and retired.
    List,
    /// Publish a new key of each algorithm; it signs from a day later on, and every instance follows by itself.
    Rotate,
    /// Print a new master key, for a file of mode 0600 or an environment variable.
    NewMaster,
}

pub(crate) async fn run(command: KeysCommand, config: &ConfigFile) -> Result<(), Failure> {
    let mut out = io::stdout();
    if matches!(command, KeysCommand::NewMaster) {
        return Ok(writeln!(out, "{}", new_master_key(&SystemEntropy))?);
    }
    let server = OpenedServer::open(config.load()?).await?;
    let (keys, now) = (server.keys()?, server.now());
    if matches!(command, KeysCommand::Client) {
        return Ok(writeln!(out, "{:#}", keys.client_key(now).await?.public_jwk())?);
    }
    if matches!(command, KeysCommand::Rotate) {
        keys.rotate(&account(), now).await?;
    }
    list_keys(&keys.signing_keys(now).await?, now, &mut out)
}

fn list_keys(keys: &KeySet, now: Timestamp, out: &mut dyn Write) -> Result<(), Failure> {
    for KeyStage { key, stage, active_at, retired_at } in keys.stages(now) {
        let stage = stage.as_str();
        let until = retired_at.map_or_else(String::new, |at| format!(", published until {}", at.0));
        writeln!(out, "{} {} {stage}: signs from {}{until}", key.kid(), key.algorithm().as_str(), active_at.0)?;
    }
    Ok(())
}
