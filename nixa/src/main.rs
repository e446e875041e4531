//! The `nixa` command.

mod clients;
mod commands;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use axum_server::Handle;
use clap::{ArgGroup, Args, Parser, Subcommand};
use clients::ClientsCommand;
use commands::{AuditCommand, Failure, KeysCommand, MigrateArgs, RiskCommand, StorageCommand};
use nixa::compose::{self, Server};
use nixa::config::Config;
use nixa::demo::{self, DemoOptions};
use nixa::explain;
use nixa::serve::{listen, real_world, serve, stop_at_signal};
use nixa_provider::Interaction;
use tracing_subscriber::EnvFilter;
use url::Url;

/// National electronic identity: an OpenID Connect provider and broker.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a broker, two identity providers and three portals on loopback, with fictitious citizens.
    Demo {
        /// Where everything is kept; a second start keeps it.
        #[arg(long, default_value = "./nixa-demo")]
        data_dir: PathBuf,
        /// Forget everything first.
        #[arg(long)]
        reset: bool,
        /// The broker's port; identity providers are at +1 and +2, portals at +10, +11 and +12.
        #[arg(long, default_value_t = 8400)]
        base_port: u16,
        /// Scheme and host of every address; the servers listen on 127.0.0.1 in any case.
        #[arg(long, default_value = "http://localhost")]
        base_url: Url,
    },
    /// Run a broker.
    Broker {
        /// Its configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Run an identity provider.
    Idp {
        /// Its configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Branding at configuration files.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Say why a login had its level, or what a policy makes of made-up evidence.
    Explain(ExplainArgs),
    /// Raise, clear and list the risk signals that hold for every login at a broker.
    Risk {
        #[command(subcommand)]
        command: RiskCommand,
        /// The broker's configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Bring a server's schema up to date, list its steps, or check it.
    Migrate(MigrateArgs),
    /// Verify the audit trail, sign a checkpoint, erase a person's data in it.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Move durable state.
    Storage {
        #[command(subcommand)]
        command: StorageCommand,
    },
    /// Let clients register, list them, remove one.
    Clients {
        #[command(subcommand)]
        command: ClientsCommand,
    },
    /// Branding at keys.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["decision", "evidence", "batch", "matrix"])))]
struct ExplainArgs {
    /// A decision that the broker of --config kept.
    #[arg(long, requires = "config")]
    decision: Option<String>,
    /// A file with a made-up case (JSON).
    #[arg(long)]
    evidence: Option<PathBuf>,
    /// The level that the case must reach.
    #[arg(long, requires = "evidence")]
    require: Option<String>,
    /// Read cases as JSON lines from standard input and write decisions as JSON lines.
    #[arg(long)]
    batch: bool,
    /// Print which methods reach which level, as Markdown; with --config also by identity provider.
    #[arg(long)]
    matrix: bool,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
    /// A policy file; the built-in default policy without it.
    #[arg(long, conflicts_with = "config")]
    policy: Option<PathBuf>,
    /// A broker's configuration file.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say what is wrong with a file: file, key and reason, a line each.
    Check {
        /// The configuration file.
        file: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // rustls refuses to choose when a second provider enters the tree: choose before anything connects.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return ExitCode::FAILURE;
    }
    let default = if matches!(cli.command, Command::Demo { .. }) { "warn" } else { "info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "nixa: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo { data_dir, reset, base_port, base_url } => {
            Ok(demo::run(&DemoOptions { data_dir, reset, base_port, base_url }).await?)
        }
        Command::Broker { config } => {
            let config = Config::load(&config)?;
            let server = compose::broker(&config, &real_world(&config.server.outbound)?).await?;
            serve_one(&config, server).await
        }
        Command::Idp { config } => {
            let config = Config::load(&config)?;
            let server = compose::idp(&config, &real_world(&config.server.outbound)?).await?;
            serve_one(&config, server).await
        }
        Command::Config { command: ConfigCommand::Check { file } } => {
            Config::load(&file)?;
            Ok(writeln!(std::io::stdout(), "{}: no finding", file.display())?)
        }
        Command::Explain(args) => explain(args).await,
        Command::Risk { command, config } => commands::risk(&Config::load(&config)?, command).await,
        Command::Migrate(args) => commands::migrate(args).await,
        Command::Audit { command } => commands::audit(command).await,
        Command::Storage { command } => commands::storage(command).await,
        Command::Clients { command } => clients::clients(command).await,
        Command::Keys { command } => commands::keys(command).await,
    }
}

async fn serve_one<I: Interaction>(config: &Config, server: Server<I>) -> Result<(), Failure> {
    let listener = listen(config.server.listen)?;
    tracing::info!(issuer = config.server.issuer, address = %config.server.listen, "serving");
    let handle = Handle::new();
    let router = server.router.clone();
    let background = tokio::spawn(async move { server.run_background().await });
    tokio::spawn(stop_at_signal(handle.clone()));
    let served = serve(listener, router, config.server.tls.as_ref(), handle).await;
    background.abort();
    Ok(served?)
}

async fn explain(args: ExplainArgs) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if let (Some(id), Some(config)) = (&args.decision, &args.config) {
        return Ok(explain::explain_stored(config, id, args.json, &mut out).await?);
    }
    let config = args.config.as_deref().map(Config::load).transpose()?;
    let broker = config.as_ref().and_then(|c| c.broker.as_ref());
    let policy = match broker {
        Some(broker) => broker.policy()?,
        None => explain::load_policy(args.policy.as_deref())?,
    };
    if let Some(file) = &args.evidence {
        return Ok(explain::explain_file(&policy, file, args.require, args.json, &mut out)?);
    }
    if args.batch {
        return Ok(explain::explain_batch(&policy, std::io::stdin().lock(), out)?);
    }
    let idps = broker.map(|b| b.identity_provider.as_slice()).unwrap_or_default();
    Ok(out.write_all(explain::matrix(&policy, idps).as_bytes())?)
}
