//! `nixa config`: check a file before a server is started from it.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use nixa::config::Config;

use super::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say what is wrong with a file: file, key and reason, a line each.
    Check {
        /// The configuration file.
        file: PathBuf,
    },
}

pub(crate) fn run(command: ConfigCommand) -> Result<(), Failure> {
    let ConfigCommand::Check { file } = command;
    Config::load(&file)?;
    Ok(writeln!(std::io::stdout(), "{}: no finding", file.display())?)
}
