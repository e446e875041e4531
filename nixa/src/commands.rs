//! The commands of an operator beside serving.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use nixa::ambient::{SystemClock, SystemEntropy};
use nixa::audit::{AuditUpkeep, Report};
use nixa::compose;
use nixa::config::Config;
use nixa::keys::new_master_key;
use nixa::serve::real_world;
use nixa_audit::ocsf::OcsfContext;
use nixa_audit::{AdministrationEvent, AuditEvent, first_second_of, month_of, months_before};
use nixa_protocol::id::Id;
use nixa_protocol::jose::VerifyingKey;
use nixa_protocol::keyset::KeySet;
use nixa_protocol::{Clock, Timestamp};
use nixa_storage::{Audit, Limits, Location, People, Role, Signals, SqlStore};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Print the public key with which a broker authenticates, to register it at an identity provider.
    Client {
        /// The broker's configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// List the signing keys of a server: next, current, replaced and retired.
    List {
        /// The server's configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Publish a new key of each algorithm; it signs from a day later on, and every instance follows by itself.
    Rotate {
        /// The server's configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Print a new master key, for a file of mode 0600 or an environment variable.
    NewMaster,
}

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MigrateAction {
    /// Apply the steps that are missing.
    Up,
    /// List the steps.
    Status,
    /// Fail unless the schema is exactly the one that this program knows.
    Check,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[arg(value_enum, default_value_t = MigrateAction::Up)]
    action: MigrateAction,
    /// The server's configuration file.
    #[arg(long)]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Copy a stopped server's durable state to another database and compare the two; may be run again.
    Copy {
        /// Where it is: `sqlite:FILE` or a `postgres://` URL.
        #[arg(long)]
        from: String,
        /// Where it goes: `sqlite:FILE`, a `postgres://` URL, or `env:NAME` of the variable that has one.
        #[arg(long)]
        to: String,
        /// Whose tables they are.
        #[arg(long, value_enum)]
        role: RoleName,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// A broker's.
    Broker,
    /// An identity provider's.
    Idp,
}

pub(crate) async fn risk(config: &Config, command: RiskCommand) -> Result<(), Failure> {
    let section = config.broker.as_ref().ok_or("the configuration has no [broker] table")?;
    let store = compose::open(config, Role::Broker, &real_world(&config.server.outbound)?).await?;
    let now = SystemClock.now();
    let mut out = std::io::stdout().lock();
    match command {
        RiskCommand::Raise { signal } => {
            // A signal that the policy does not name would raise every login to the top of the ladder.
            if !section.policy()?.knows_signal(&signal) {
                return Err(format!("`{signal}` is not a risk signal of the policy").into());
            }
            let new = store
                .raise(&signal, &[done(AdministrationEvent::SignalRaised { signal: signal.clone() })], now)
                .await?;
            writeln!(out, "{signal}: {}", if new { "raised" } else { "was raised already" })?;
        }
        RiskCommand::Clear { signal } => {
            let was = store
                .clear(&signal, &[done(AdministrationEvent::SignalCleared { signal: signal.clone() })], now)
                .await?;
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

/// What an administrator did, and under which account of the machine.
fn done(act: AdministrationEvent) -> AuditEvent {
    AuditEvent::Administration { act, by: account() }
}

pub(crate) async fn keys(command: KeysCommand) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let config = match &command {
        KeysCommand::NewMaster => return Ok(writeln!(out, "{}", new_master_key(&SystemEntropy))?),
        KeysCommand::Client { config } | KeysCommand::List { config } | KeysCommand::Rotate { config } => {
            Config::load(config)?
        }
    };
    let world = real_world(&config.server.outbound)?;
    let role = if config.broker.is_some() { Role::Broker } else { Role::Idp };
    let vault = compose::vault(&config, &world, compose::open(&config, role, &world).await?)?;
    let now = world.clock.now();
    match command {
        KeysCommand::Client { .. } => Ok(writeln!(out, "{:#}", vault.client(now).await?.public_jwk())?),
        KeysCommand::Rotate { .. } => {
            vault.rotate(&account(), now).await?;
            list_keys(&vault.signing(now).await?, now, &mut out)
        }
        KeysCommand::List { .. } | KeysCommand::NewMaster => list_keys(&vault.signing(now).await?, now, &mut out),
    }
}

fn list_keys(keys: &KeySet, now: Timestamp, out: &mut dyn Write) -> Result<(), Failure> {
    for (key, stage, active_at, retired_at) in keys.stages(now) {
        let stage = format!("{stage:?}").to_lowercase();
        let until = retired_at.map_or_else(String::new, |at| format!(", published until {}", at.0));
        writeln!(out, "{} {} {stage}: signs from {}{until}", key.kid(), key.algorithm().as_str(), active_at.0)?;
    }
    Ok(())
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Prove that the trail is whole and in order, or name the first record that is not.
    Verify {
        /// The server's configuration file.
        #[arg(long)]
        config: PathBuf,
        /// A checkpoint that was kept elsewhere (`nixa audit checkpoint`): the trail must contain it.
        #[arg(long)]
        checkpoint: Option<PathBuf>,
    },
    /// Sign a checkpoint now and print it, to be kept where nobody of this server can write.
    Checkpoint {
        /// The server's configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Write the records as JSON lines of OCSF events, for a security operations centre; goes on where it was.
    Export {
        /// The server's configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Where it is noted how far the export has come.
        #[arg(long)]
        state: PathBuf,
        /// With the personal data that was not erased.
        #[arg(long)]
        personal: bool,
    },
    /// Erase the personal data of a person in the trail; the records stay, and their chain holds.
    Forget {
        /// The server's configuration file.
        #[arg(long)]
        config: PathBuf,
        /// The person's internal identifier.
        person: String,
    },
}

/// How many findings are printed: an altered record makes others after it look altered too.
const MOST_FINDINGS: usize = 20;

pub(crate) async fn audit(command: AuditCommand) -> Result<(), Failure> {
    let (AuditCommand::Verify { config, .. }
    | AuditCommand::Checkpoint { config }
    | AuditCommand::Export { config, .. }
    | AuditCommand::Forget { config, .. }) = &command;
    let config = Config::load(config)?;
    if let (Location::File(file), _) = config.server.durable()
        && !file.exists()
    {
        return Err(format!("{}: there is no such database", file.display()).into());
    }
    let world = real_world(&config.server.outbound)?;
    let role = if config.broker.is_some() { Role::Broker } else { Role::Idp };
    let store = compose::open(&config, role, &world).await?;
    let now = world.clock.now();
    let key = compose::vault(&config, &world, store.clone())?.audit_existing().await?;
    let mut out = std::io::stdout();
    match command {
        AuditCommand::Verify { checkpoint, .. } => {
            let key = VerifyingKey::from_jwk(&key.public_jwk())?;
            let trust = config.server.audit.timestamp.as_ref().map(|t| t.trusted()).transpose()?;
            let kept = config.server.audit.keep_months;
            let from = kept.map_or(Timestamp(0), |keep| first_second_of(months_before(month_of(now), keep)));
            let table = config.broker.is_some().then_some((&*store as &dyn People, from));
            let report = nixa::audit::verify(&*store, &key, trust.as_ref(), checkpoint.as_deref(), table, now).await?;
            print_report(&report, &mut out)?;
            if report.is_sound() { Ok(()) } else { Err("the trail was altered".into()) }
        }
        AuditCommand::Export { state, personal, .. } => {
            let context = OcsfContext {
                vendor: "NIXA".to_owned(),
                product: if config.broker.is_some() { "broker" } else { "identity provider" }.to_owned(),
                product_version: env!("CARGO_PKG_VERSION").to_owned(),
                service: config.server.issuer.clone(),
            };
            if personal {
                Audit::append(&*store, &[done(AdministrationEvent::PersonalDataExported)], now).await?;
            }
            nixa::audit::export(&*store, &context, &state, personal, &mut out).await?;
            Ok(())
        }
        AuditCommand::Checkpoint { .. } => {
            let ended = store.clone();
            let records = store.clone();
            let upkeep =
                AuditUpkeep { store: records, ended, key, checkpoint_seconds: 1, keep_months: None, timestamps: None };
            upkeep.checkpoint(now).await?;
            let last = store.last_checkpoint().await?.ok_or("the trail has no record yet")?;
            Ok(writeln!(out, "{}", last.jws)?)
        }
        AuditCommand::Forget { person, .. } => {
            let act = AdministrationEvent::PersonalDataErased { person: Id::from_text(person.as_str()) };
            let known = store.forget(&person, &[done(act)], now).await?;
            let said = if known { "erased" } else { "nothing was kept of this person" };
            Ok(writeln!(out, "{said}")?)
        }
    }
}

fn print_report(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    for finding in report.records.iter().take(MOST_FINDINGS) {
        writeln!(out, "{finding}")?;
    }
    for shard in &report.unproven {
        writeln!(out, "shard {shard}: no record says that its beginning was removed")?;
    }
    for decision in report.decisions.iter().take(MOST_FINDINGS) {
        writeln!(out, "decision {decision} is not in its table as its record says")?;
    }
    if report.unrecorded > 0 {
        writeln!(out, "{} decisions stand in their table without a record", report.unrecorded)?;
    }
    for n in report.bad_stamps.iter().take(MOST_FINDINGS) {
        writeln!(out, "checkpoint {n} has no time stamp that shows that it was signed when it says")?;
    }
    if let Some(finding) = &report.checkpoints {
        writeln!(out, "{finding}")?;
    }
    if let Some(n) = report.missing_checkpoint {
        writeln!(out, "checkpoint {n}, which was kept elsewhere, is not in the trail")?;
    }
    writeln!(
        out,
        "{} records, {} of them confirmed by {} signed checkpoints, {} of these time-stamped",
        report.read, report.confirmed, report.signed, report.stamped
    )?;
    Ok(())
}

/// The account of the machine under which an administrator works.
pub(crate) fn account() -> String {
    std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_default()
}

pub(crate) async fn migrate(args: MigrateArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let store = compose::connect(&config).await?;
    if args.action == MigrateAction::Up {
        store.migrate().await.map_err(with_cause)?;
    }
    let mut out = std::io::stdout();
    let (mut missing, mut unknown) = (0, 0);
    for step in store.steps().await? {
        let (state, name) = match (step.applied, step.description.as_deref()) {
            (true, Some(name)) => ("applied", name),
            (true, None) => {
                unknown += 1;
                ("unknown", "made by a newer version")
            }
            (false, name) => {
                missing += 1;
                ("missing", name.unwrap_or_default())
            }
        };
        if args.action != MigrateAction::Check || state != "applied" {
            writeln!(out, "{} {state} {name}", step.version)?;
        }
    }
    if args.action == MigrateAction::Check && missing + unknown > 0 {
        return Err(format!("{missing} steps are missing, {unknown} are unknown").into());
    }
    Ok(())
}

/// An error with its own cause: which step, which statement.
fn with_cause(error: nixa_storage::StorageError) -> Failure {
    match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}").into(),
        None => error.into(),
    }
}

fn location(text: &str) -> Result<Location, Failure> {
    let text = match text.strip_prefix("env:") {
        Some(name) => std::env::var(name).map_err(|_| format!("the environment has no {name}"))?,
        None => text.to_owned(),
    };
    match text.strip_prefix("sqlite:") {
        Some(path) => Ok(Location::File(path.into())),
        None if text.starts_with("postgres://") || text.starts_with("postgresql://") => Ok(Location::Postgres(text)),
        None => Err("a database is named by sqlite:FILE or by a postgres:// URL".into()),
    }
}

pub(crate) async fn storage(command: StorageCommand) -> Result<(), Failure> {
    let StorageCommand::Copy { from, to, role } = command;
    let role = match role {
        RoleName::Broker => Role::Broker,
        RoleName::Idp => Role::Idp,
    };
    let from = location(&from)?;
    if let Location::File(file) = &from
        && !file.exists()
    {
        return Err(format!("{}: there is no such file", file.display()).into());
    }
    let source = SqlStore::connect(&from, Limits::default(), role).await?;
    if source.steps().await?.iter().any(|step| !step.applied || step.description.is_none()) {
        return Err("the source's schema is not this version's: run `nixa migrate` on it first".into());
    }
    let target = SqlStore::open(&location(&to)?, Limits::default(), role).await.map_err(with_cause)?;
    let mut out = std::io::stdout();
    let mut different = 0;
    for table in source.copy_to(&target).await? {
        let verdict = if table.same { "same" } else { "DIFFERENT" };
        different += u32::from(!table.same);
        writeln!(out, "{:<20} {:>10} rows, {:>10} added, {verdict}", table.table, table.rows, table.added)?;
    }
    if different > 0 {
        return Err(format!("{different} tables differ: was one of the databases used meanwhile?").into());
    }
    Ok(writeln!(out, "the target needs the same master key as the source")?)
}
