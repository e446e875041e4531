//! `nixa explain`: why a login had its level.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{ArgGroup, Args};
use nixa::explain::{explain_batch, explain_file, explain_stored, load_policy, render_matrix};

use super::config_file::ConfigFile;
use super::failure::Failure;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["decision", "evidence", "batch", "matrix"])))]
pub(crate) struct ExplainArgs {
    /// A decision that the broker of --config kept.
    #[arg(long)]
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
    /// A policy file; without it and without --config, the built-in default policy.
    #[arg(long)]
    policy: Option<PathBuf>,
}

pub(crate) async fn run(args: ExplainArgs, config: &ConfigFile) -> Result<(), Failure> {
    if args.policy.is_some() && config.is_given() {
        let reason = "the argument '--policy <POLICY>' cannot be used with '--config <CONFIG>'\n";
        return Err(clap::Error::raw(ErrorKind::ArgumentConflict, reason).into());
    }
    let mut out = io::stdout().lock();
    if let Some(id) = &args.decision {
        return Ok(explain_stored(&config.load()?, id, args.json, &mut out).await?);
    }
    let config = config.load_if_given()?;
    let broker = config.as_ref().and_then(|c| c.broker.as_ref());
    let policy = match broker {
        Some(broker) => broker.policy()?,
        None => load_policy(args.policy.as_deref())?,
    };
    if let Some(file) = &args.evidence {
        return Ok(explain_file(&policy, file, args.require, args.json, &mut out)?);
    }
    if args.batch {
        return Ok(explain_batch(&policy, io::stdin().lock(), out)?);
    }
    let idps = broker.map(|b| b.identity_provider.as_slice()).unwrap_or_default();
    Ok(out.write_all(render_matrix(&policy, idps).as_bytes())?)
}
