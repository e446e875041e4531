//! `nixa migrate`: the schema of a server's durable store.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use nixa::compose::connect_store;
use nixa::config::Config;

use super::failure::{Failure, with_cause};

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
}

pub(crate) async fn run(args: MigrateArgs, config: &Config) -> Result<(), Failure> {
    let store = connect_store(config).await?;
    if args.action == MigrateAction::Up {
        store.migrate().await.map_err(with_cause)?;
    }
    let mut out = io::stdout();
    let (mut missing, mut unknown) = (0, 0);
    for step in store.migrations().await? {
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
