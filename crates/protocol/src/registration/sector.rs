//! The sector of a client, in which it sees the same `sub` as others (OpenID Connect Core §8.1).

use std::collections::BTreeSet;

use url::Url;

use super::reader::MetadataRefusal;
use crate::client::Client;
use crate::uri::is_loopback;

/// A sector by the host of an address of the web: an app's own scheme may have any text where the host stands.
#[must_use]
pub fn sector_of(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    // Never the same as a name that a configuration gives to a sector.
    url.host_str().map(|host| format!("host:{host}"))
}

/// The sector is the host of the sector identifier, or else of the redirect URIs, which must then have one. Empty
/// for an app without a host: then the client is its own sector.
pub(super) fn derive_sector(client: &Client) -> Result<String, &'static str> {
    if let Some(uri) = &client.sector_identifier_uri {
        return sector_of(uri).ok_or("has no host");
    }
    // Every app has the same loopback.
    let host = |uri: &String| if Url::parse(uri).is_ok_and(|url| is_loopback(&url)) { None } else { sector_of(uri) };
    let hosts: BTreeSet<Option<String>> = client.redirect_uris.iter().map(host).collect();
    match (hosts.len(), hosts.into_iter().next().flatten()) {
        (0 | 1, host) => Ok(host.unwrap_or_default()),
        _ if client.public_subject => Ok(String::new()),
        _ => Err("is needed, because the redirect_uris have several hosts"),
    }
}

/// Whether the document of a sector names every redirect URI of a client.
///
/// # Errors
/// What is wrong with `sector_identifier_uri`.
pub fn check_sector(document: &[u8], client: &Client) -> Result<(), MetadataRefusal> {
    let refuse = |reason| MetadataRefusal::new("sector_identifier_uri", reason);
    let listed: Vec<String> =
        serde_json::from_slice(document).map_err(|_| refuse("does not give a JSON array of URIs"))?;
    match client.redirect_uris.iter().all(|uri| listed.contains(uri)) {
        true => Ok(()),
        false => Err(refuse("does not list every one of the redirect_uris")),
    }
}
