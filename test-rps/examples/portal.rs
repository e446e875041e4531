//! One sample portal by itself, at any broker: `portal national|insurance PUBLIC_URL ISSUER CLIENT_ID`, with the
//! client's secret in the environment variable `PORTAL_SECRET`. It serves over TLS, on loopback, at the port of
//! PUBLIC_URL, with `cert.pem` and `key.pem` of the folder that `PORTAL_TLS` names.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use axum_server::tls_rustls::RustlsConfig;
use test_rps::{Registration, national_public_service, social_insurance};
use url::Url;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, public_url, issuer, client_id] = arguments.as_slice() else {
        return Err("usage: portal national|insurance PUBLIC_URL ISSUER CLIENT_ID".into());
    };
    let public_url = Url::parse(public_url)?;
    let port = public_url.port_or_known_default().ok_or("PUBLIC_URL has no port")?;
    let registration = Registration {
        public_url,
        issuer: Url::parse(issuer)?,
        client_id: client_id.clone(),
        client_secret: std::env::var("PORTAL_SECRET")?,
    };
    let portal = match kind.as_str() {
        "national" => national_public_service(registration),
        "insurance" => social_insurance(registration),
        _ => return Err("the portals are: national, insurance".into()),
    };
    rustls::crypto::aws_lc_rs::default_provider().install_default().map_err(|_| "rustls has a provider already")?;
    let folder = PathBuf::from(std::env::var("PORTAL_TLS")?);
    let tls = RustlsConfig::from_pem_file(folder.join("cert.pem"), folder.join("key.pem")).await?;
    let service = test_rps::router(portal)?.into_make_service();
    Ok(axum_server::bind_rustls(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), tls).serve(service).await?)
}
