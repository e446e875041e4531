//! The option `--config`, which every command takes.

use std::path::PathBuf;

use clap::Args;
use clap::error::ErrorKind;
use nixa::config::{Config, ConfigError};

use super::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The server's configuration file; commands that work on a server need it.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
}

impl ConfigFile {
    /// The configuration of the server that the command works on.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        let missing = "the following required arguments were not provided:\n  --config <CONFIG>\n\n\
                       For more information, try '--help'.\n";
        let loaded = self.load_if_given()?;
        Ok(loaded.ok_or_else(|| clap::Error::raw(ErrorKind::MissingRequiredArgument, missing))?)
    }

    /// The configuration, for a command that can do without.
    pub(crate) fn load_if_given(&self) -> Result<Option<Config>, ConfigError> {
        self.config.as_deref().map(Config::load).transpose()
    }

    pub(crate) fn is_given(&self) -> bool {
        self.config.is_some()
    }
}
