//! Serving routers on sockets, with or without TLS, until told to stop.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use nixa_http_client::{HttpClients, SetupError};
use thiserror::Error;

use crate::ambient::{SystemClock, SystemEntropy};
use crate::compose::World;
use crate::config::{OutboundSection, TlsSection};

/// How long open requests may take to end after a stop.
const GRACE: Duration = Duration::from_secs(3);

/// Why a server does not serve.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Another program listens on the port, or it may not be used.
    #[error("cannot listen on {address}: {source} (is port {} taken by another program?)", address.port())]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("TLS: {certificate} and {key} cannot be used: {source}")]
    Tls {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// The cause.
        source: std::io::Error,
    },
    /// No HTTP client can be set up.
    #[error(transparent)]
    Http(SetupError),
    /// The file has no certificates.
    #[error("server.outbound.authorities: has no PEM certificates that can be used")]
    Authorities,
    /// The server broke off.
    #[error("the server broke off: {0}")]
    Broken(#[from] std::io::Error),
}

/// The real world.
///
/// # Errors
/// [`ServeError`] when the HTTP clients cannot be set up.
pub fn real_world(outbound: &OutboundSection) -> Result<World, ServeError> {
    let authorities = match &outbound.authorities {
        Some(file) => Some(std::fs::read(file)?),
        None => None,
    };
    let http = HttpClients::over_network(outbound.address_policy(), authorities.as_deref());
    let http = http.map_err(|error| match error {
        SetupError::Authorities(_) => ServeError::Authorities,
        error => ServeError::Http(error),
    })?;
    Ok(World { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy), http })
}

/// Takes an address, so that a taken port is known before anything else is done.
///
/// # Errors
/// [`ServeError::Listen`].
pub fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| ServeError::Listen { address, source })
}

/// Serves until the handle is told to stop.
///
/// # Errors
/// [`ServeError`].
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
