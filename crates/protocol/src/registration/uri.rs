//! The addresses that a client may register.

use url::Url;

use crate::uri::is_loopback;

/// Which of a client's addresses may be `http`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpUris {
    /// None.
    #[default]
    Refused,
    /// Those on loopback: a developer's machine, or a proxy beside the server.
    Loopback,
    /// All: on a server that is not on TLS itself.
    Allowed,
}

impl HttpUris {
    fn admits(self, url: &Url) -> bool {
        match self {
            Self::Refused => false,
            Self::Loopback => is_loopback(url),
            Self::Allowed => true,
        }
    }
}

/// An address of the web: `https`, or `http` where that is allowed.
pub(super) fn check_web_uri(uri: &str, http: HttpUris) -> Result<(), &'static str> {
    let url = parse(uri)?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if http.admits(&url) => Ok(()),
        _ => Err("must be https"),
    }
}

/// Where a browser may be sent: an address of the web; for a native client also `http` on loopback, and a scheme
/// of its own with a dot in it (RFC 8252 §7).
pub(super) fn check_redirect_uri(uri: &str, native: bool, http: HttpUris) -> Result<(), &'static str> {
    let url = parse(uri)?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if http.admits(&url) || (native && is_loopback(&url)) => Ok(()),
        "http" => Err("must be https"),
        scheme if native && scheme.contains('.') => Ok(()),
        _ => Err("must be https, or for a native application a scheme with a dot"),
    }
}

fn parse(uri: &str) -> Result<Url, &'static str> {
    let url = Url::parse(uri).map_err(|_| "must be an absolute URI")?;
    if !uri.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err("must be of ASCII characters (RFC 3986), a host name as `xn--`");
    }
    // What else a parser lets through would be read as more than a host in a Content-Security-Policy.
    let host = url.host_str().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if matches!(url.scheme(), "https" | "http") && (host.is_empty() || !host.chars().all(plain)) {
        return Err("must have a plain host name");
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user name");
    }
    Ok(url)
}
