//! `nixa demo`.

use std::path::PathBuf;

use clap::Args;
use nixa::demo::{self, DemoOptions};
use url::Url;

use super::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
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
}

pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let DemoArgs { data_dir, reset, base_port, base_url } = args;
    Ok(demo::run(&DemoOptions { data_dir, reset, base_port, base_url }).await?)
}
