//! `nixa broker` and `nixa idp`: serve until told to stop.

use axum_server::Handle;
use nixa::compose::{self, Server};
use nixa::config::Config;
use nixa::environment::Environment;
use nixa::serve::{listen, serve, stop_at_signal};
use nixa_provider::Interaction;

use super::failure::Failure;

pub(crate) async fn serve_broker(config: &Config) -> Result<(), Failure> {
    let server = compose::broker(config, &Environment::of_system(&config.server.outbound)?).await?;
    serve_server(config, server).await
}

pub(crate) async fn serve_idp(config: &Config) -> Result<(), Failure> {
    let server = compose::idp(config, &Environment::of_system(&config.server.outbound)?).await?;
    serve_server(config, server).await
}

async fn serve_server<I: Interaction>(config: &Config, server: Server<I>) -> Result<(), Failure> {
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
