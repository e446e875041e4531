//! What several rules ask of a URI.

use url::{Host, Url};

/// Whether a URI leads to the machine that follows it: `localhost`, or an address of 127.0.0.0/8 or `::1`.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    url.host_str() == Some("localhost") || is_loopback_address(url)
}

/// Whether a URI leads to a loopback address by number, which no resolver can point elsewhere (RFC 8252 §8.3).
#[must_use]
pub fn is_loopback_address(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}
