//! Why the demo does not run.

use std::io;
use std::path::PathBuf;

use test_rps::PortalError;
use thiserror::Error;

use crate::compose::StartError;
use crate::config::ConfigError;
use crate::environment::EnvironmentError;
use crate::keys::KeyError;
use crate::private_file::FileError;
use crate::serve::ServeError;

/// Marks a folder that the demo made, so that `--reset` deletes nothing else.
pub(super) const MARKER: &str = "citizens.json";

/// Why the demo does not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DemoError {
    /// A server cannot listen, or has failed while it ran.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A server cannot be put together.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A configuration that the demo wrote is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The folder cannot be made.
    #[error(transparent)]
    Folder(#[from] FileError),
    /// A file cannot be written.
    #[error("{}: {source}", file.display())]
    File {
        /// The path of the file.
        file: PathBuf,
        /// The reason that the system gives.
        source: io::Error,
    },
    /// A portal cannot be put together.
    #[error("portal: {0}")]
    Portal(#[from] PortalError),
    /// The HTTP clients cannot be set up.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// `--base-url` or `--base-port` cannot be used.
    #[error("{0}")]
    Address(&'static str),
    /// `--reset` would delete something that the demo did not make.
    #[error("{}: is not a folder that the demo made (it has no {MARKER}); it is left as it is", .0.display())]
    NotOurs(PathBuf),
}
