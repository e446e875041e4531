//! Which client asks, and where its answer goes.

use std::sync::Arc;

use thiserror::Error;
use url::Url;

use super::response::ResponseMode;
use crate::client::Client;
use crate::params::Params;
use crate::uri::is_loopback_address;

/// A request whose client and redirect URI are known: its errors may be redirected.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The registered client that `client_id` names.
    pub client: Arc<Client>,
    /// One of the client's redirect URIs, exactly.
    pub redirect_uri: String,
    /// The client's `state`; absent when it came twice, since it cannot be told which one was meant.
    pub state: Option<String>,
    /// How the answer goes there, also an error's.
    pub response_mode: ResponseMode,
}

/// Why a request must end on a page of ours: there is no safe place to redirect to (RFC 6749 §4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unbound {
    /// `redirect_uri` is missing or repeated.
    #[error("redirect_uri is missing or repeated")]
    NoRedirectUri,
    /// `redirect_uri` is not registered for the client.
    #[error("redirect_uri is not registered")]
    UnregisteredRedirectUri,
}

/// An app listens on loopback at a port that it is given when it starts (RFC 8252 §7.3): of an address by number,
/// any port is the registered one.
fn is_port_of_app(client: &Client, registered: &str, uri: &str) -> bool {
    let address = |text: &str| {
        let mut url = Url::parse(text).ok().filter(|url| url.scheme() == "http")?;
        // Without the comparison, what the parser mends would count as the same.
        (is_loopback_address(&url) && url.as_str() == text).then_some(())?;
        url.set_port(None).ok()?;
        Some(url)
    };
    client.native && address(uri).is_some_and(|asked| address(registered) == Some(asked))
}

/// Binds a client's request to its redirect URI.
///
/// URIs are compared octet by octet (RFC 9700 §2.1), but for the port of an app on loopback: any pattern or prefix
/// opens a redirector.
pub fn bind(params: &Params, client: Arc<Client>) -> Result<Bound, Unbound> {
    let once = |name: &str| params.get(name).filter(|_| !params.is_repeated(name));
    let uri = once("redirect_uri").ok_or(Unbound::NoRedirectUri)?;
    if !client.redirect_uris.iter().any(|registered| registered == uri || is_port_of_app(&client, registered, uri)) {
        return Err(Unbound::UnregisteredRedirectUri);
    }
    // Any other mode is refused later, by an error in the query.
    let response_mode = match once("response_mode") {
        Some("form_post") => ResponseMode::FormPost,
        _ => ResponseMode::Query,
    };
    Ok(Bound { redirect_uri: uri.to_owned(), state: once("state").map(str::to_owned), response_mode, client })
}
