//! Serving routers on sockets, with or without TLS, until told to stop.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use thiserror::Error;

use crate::config::TlsSection;

/// How long open requests may take to end after a stop.
const GRACE: Duration = Duration::from_secs(3);

/// Why a server does not serve.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Another program listens on the port, or it may not be used.
    #[error("cannot listen on {address}: {source} (is port {} taken by another program?)", address.port())]
    Listen {
        /// The address and port that were asked for.
        address: SocketAddr,
        /// The reason that the system gives.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("TLS: {certificate} and {key} cannot be used: {source}")]
    Tls {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// Why they cannot be used.
        source: std::io::Error,
    },
    /// The server failed while it ran.
    #[error("the server broke off: {0}")]
    Broken(#[from] std::io::Error),
}

/// Takes an address, so that a taken port is known before anything else is done.
pub fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| ServeError::Listen { address, source })
}

/// Serves until the handle is told to stop.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<&TlsSection>,
    handle: Handle<SocketAddr>,
) -> Result<(), ServeError> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    match tls {
        None => axum_server::from_tcp(listener)?.handle(handle).serve(service).await?,
        Some(tls) => {
            let config = RustlsConfig::from_pem_file(&tls.certificate, &tls.key).await;
            let config = config.map_err(|source| ServeError::Tls {
                certificate: tls.certificate.display().to_string(),
                key: tls.key.display().to_string(),
                source,
            })?;
            axum_server::from_tcp_rustls(listener, config)?.handle(handle).serve(service).await?;
        }
    }
    Ok(())
}

/// Stops the servers of a handle at Ctrl-C or SIGTERM, open requests first.
pub async fn stop_at_signal(handle: Handle<SocketAddr>) {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
    handle.graceful_shutdown(Some(GRACE));
}
