//! `nixa audit`: verify, checkpoint and export the audit trail, and erase a person's data in it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use nixa::audit::{AuditUpkeep, Report};
use nixa::config::Config;
use nixa_audit::ocsf::OcsfContext;
use nixa_audit::{AdministrationEvent, first_second_of, month_of, months_before};
use nixa_protocol::Timestamp;
use nixa_protocol::id::Id;
use nixa_protocol::jose::{SigningKey, VerifyingKey};
use nixa_storage::{Audit, People};
use nixa_storage_sql::{Location, Role};

use super::failure::Failure;
use super::opened_server::{OpenedServer, administration};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Prove that the trail is whole and in order, or name the first record that is not.
    Verify {
        /// A checkpoint that was kept elsewhere (`nixa audit checkpoint`): the trail must contain it.
        #[arg(long)]
        checkpoint: Option<PathBuf>,
    },
    /// Sign a checkpoint now and print it, to be kept where nobody of this server can write.
    Checkpoint,
    /// Write the records as JSON lines of OCSF events, for a security operations centre; goes on where it was.
    Export {
        /// Where it is noted how far the export has come.
        #[arg(long)]
        state: PathBuf,
        /// With the personal data that was not erased.
        #[arg(long)]
        personal: bool,
    },
    /// Erase the personal data of a person in the trail; the records stay, and their chain holds.
    Forget {
        /// The person's internal identifier.
        person: String,
    },
}

/// How many findings are printed: an altered record makes others after it look altered too.
const MOST_FINDINGS: usize = 20;

pub(crate) async fn run(command: AuditCommand, config: Config) -> Result<(), Failure> {
    // Opening would make an empty one, whose audit trail holds.
    if let (Location::File(file), _) = config.server.durable()
        && !file.exists()
    {
        return Err(format!("{}: there is no such database", file.display()).into());
    }
    let server = OpenedServer::open(config).await?;
    let key = server.keys()?.existing_audit_key().await?;
    match command {
        AuditCommand::Verify { checkpoint } => verify(&server, &key, checkpoint.as_deref()).await,
        AuditCommand::Export { state, personal } => export(&server, &state, personal).await,
        AuditCommand::Checkpoint => sign_checkpoint(&server, key).await,
        AuditCommand::Forget { person } => forget(&server, &person).await,
    }
}

async fn verify(server: &OpenedServer, key: &SigningKey, checkpoint: Option<&Path>) -> Result<(), Failure> {
    let (config, now) = (&server.config, server.now());
    let key = VerifyingKey::from_jwk(&key.public_jwk())?;
    let trust = config.server.audit.timestamp.as_ref().map(|t| t.trusted()).transpose()?;
    let kept = config.server.audit.keep_months;
    let from = kept.map_or(Timestamp(0), |keep| first_second_of(months_before(month_of(now), keep)));
    let table = (config.role() == Role::Broker).then_some((&*server.store as &dyn People, from));
    let report = nixa::audit::verify(&*server.store, &key, trust.as_ref(), checkpoint, table, now).await?;
    print_report(&report, &mut io::stdout())?;
    if report.is_sound() { Ok(()) } else { Err("the trail was altered".into()) }
}

async fn export(server: &OpenedServer, state: &Path, personal: bool) -> Result<(), Failure> {
    let product = match server.config.role() {
        Role::Broker => "broker",
        Role::Idp => "identity provider",
    };
    let context = OcsfContext {
        vendor: "NIXA".to_owned(),
        product: product.to_owned(),
        product_version: env!("CARGO_PKG_VERSION").to_owned(),
        service: server.config.server.issuer.clone(),
    };
    if personal {
        let event = administration(AdministrationEvent::PersonalDataExported);
        Audit::append(&*server.store, &[event], server.now()).await?;
    }
    nixa::audit::export(&*server.store, &context, state, personal, &mut io::stdout()).await?;
    Ok(())
}

async fn sign_checkpoint(server: &OpenedServer, key: SigningKey) -> Result<(), Failure> {
    let (store, ended) = (server.store.clone(), server.store.clone());
    let upkeep = AuditUpkeep { store, ended, key, checkpoint_seconds: 1, keep_months: None, timestamps: None };
    upkeep.checkpoint(server.now()).await?;
    let last = server.store.last_checkpoint().await?.ok_or("the trail has no record yet")?;
    Ok(writeln!(io::stdout(), "{}", last.jws)?)
}

async fn forget(server: &OpenedServer, person: &str) -> Result<(), Failure> {
    let event = administration(AdministrationEvent::PersonalDataErased { person: Id::from_text(person) });
    let known = server.store.forget(person, &[event], server.now()).await?;
    let outcome = if known { "erased" } else { "nothing was kept of this person" };
    Ok(writeln!(io::stdout(), "{outcome}")?)
}

fn print_report(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    for finding in report.records.iter().take(MOST_FINDINGS) {
        writeln!(out, "{finding}")?;
    }
    for chain in &report.unproven {
        writeln!(out, "chain {chain}: no record says that its beginning was removed")?;
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
