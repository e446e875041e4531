//! `nixa storage`: move durable state from one database to another.

use std::io::{self, Write};

use clap::{Subcommand, ValueEnum};
use nixa_storage_sql::{Location, PoolSettings, Role, SqlStore};

use super::failure::{Failure, with_cause};

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

pub(crate) async fn run(command: StorageCommand) -> Result<(), Failure> {
    let StorageCommand::Copy { from, to, role } = command;
    let role = match role {
        RoleName::Broker => Role::Broker,
        RoleName::Idp => Role::Idp,
    };
    let from = parse_location(&from)?;
    if let Location::File(file) = &from
        && !file.exists()
    {
        return Err(format!("{}: there is no such file", file.display()).into());
    }
    let source = SqlStore::connect(&from, PoolSettings::default(), role).await?;
    if source.migrations().await?.iter().any(|step| !step.applied || step.description.is_none()) {
        return Err("the source's schema is not this version's: run `nixa migrate` on it first".into());
    }
    let target = SqlStore::open(&parse_location(&to)?, PoolSettings::default(), role).await.map_err(with_cause)?;
    let mut out = io::stdout();
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

/// Where a database is, from the argument that names it.
fn parse_location(text: &str) -> Result<Location, Failure> {
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
