//! The command line: a file per command, with its arguments and what it does.

mod audit;
mod clients;
mod config;
mod config_file;
mod demo;
mod explain;
mod failure;
mod keys;
mod migrate;
mod opened_server;
mod risk;
mod serve;
mod storage;

use clap::{Parser, Subcommand};

use self::audit::AuditCommand;
use self::clients::ClientsCommand;
use self::config::ConfigCommand;
use self::config_file::ConfigFile;
use self::demo::DemoArgs;
use self::explain::ExplainArgs;
use self::failure::Failure;
use self::keys::KeysCommand;
use self::migrate::MigrateArgs;
use self::risk::RiskCommand;
use self::storage::StorageCommand;

/// National electronic identity: an OpenID Connect provider and broker.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a broker, two identity providers and three portals on loopback, with fictitious citizens.
    Demo(DemoArgs),
    /// Run a broker.
    Broker,
    /// Run an identity provider.
    Idp,
    /// Look at configuration files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say why a login had its level, or what a policy makes of made-up evidence.
    Explain(ExplainArgs),
    /// Raise, clear and list the risk signals that hold for every login at a broker.
    #[command(subcommand)]
    Risk(RiskCommand),
    /// Bring a server's schema up to date, list its steps, or check it.
    Migrate(MigrateArgs),
    /// Verify and export the audit trail, sign a checkpoint, erase a person's data in it.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Move durable state.
    #[command(subcommand)]
    Storage(StorageCommand),
    /// Let clients register, list them, remove one.
    #[command(subcommand)]
    Clients(ClientsCommand),
    /// List and rotate signing keys, make a master key, print the key of a broker.
    #[command(subcommand)]
    Keys(KeysCommand),
}

impl Cli {
    /// What is logged unless `RUST_LOG` says otherwise.
    pub(crate) fn log_level(&self) -> &'static str {
        if matches!(self.command, Command::Demo(_)) { "warn" } else { "info" }
    }

    pub(crate) async fn run(self) -> Result<(), Failure> {
        let Self { config, command } = self;
        match command {
            Command::Demo(args) => demo::run(args).await,
            Command::Broker => serve::serve_broker(&config.load()?).await,
            Command::Idp => serve::serve_idp(&config.load()?).await,
            Command::Config(command) => config::run(command),
            Command::Explain(args) => explain::run(args, &config).await,
            Command::Risk(command) => risk::run(command, config.load()?).await,
            Command::Migrate(args) => migrate::run(args, &config.load()?).await,
            Command::Audit(command) => audit::run(command, config.load()?).await,
            Command::Storage(command) => storage::run(command).await,
            Command::Clients(command) => clients::run(command, config.load()?).await,
            Command::Keys(command) => keys::run(command, &config).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_configuration_is_named_at_any_place() {
        for line in [
            "--config x keys rotate",
            "keys --config x rotate",
            "keys rotate --config x",
            "risk --config x raise signal",
        ] {
            let cli = Cli::try_parse_from(["nixa"].into_iter().chain(line.split(' '))).unwrap();
            assert!(cli.config.is_given(), "{line}");
        }
    }

    #[tokio::test]
    async fn a_command_that_needs_a_configuration_says_so() {
        for line in ["broker", "idp", "risk list", "migrate", "audit verify", "clients list", "keys rotate"] {
            let cli = Cli::try_parse_from(["nixa"].into_iter().chain(line.split(' '))).unwrap();
            let usage = cli.run().await.unwrap_err().downcast::<clap::Error>().unwrap();
            assert_eq!(usage.kind(), ErrorKind::MissingRequiredArgument, "{line}");
            assert!(usage.to_string().contains("--config <CONFIG>") && usage.exit_code() == 2, "{line}: {usage}");
        }
    }
}
