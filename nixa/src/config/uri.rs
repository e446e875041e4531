//! What the file's own addresses must be.

use nixa_protocol::uri::is_loopback;
use url::Url;

use super::finding::Finding;

/// A URI that a browser or a client is sent to: absolute, `https` or loopback `http`, no fragment.
pub(super) fn check_uri(key: &str, uri: &str, findings: &mut Vec<Finding>) {
    let reason = match Url::parse(uri) {
        Err(_) => "is not an absolute URL",
        Ok(url) if url.fragment().is_some() => "must not have a fragment",
        Ok(url) if url.scheme() == "http" && !is_loopback(&url) => "must be https (http only on loopback)",
        Ok(url) if !matches!(url.scheme(), "http" | "https") => "must be https",
        Ok(_) => return,
    };
    findings.push(Finding::new(key, reason));
}

/// An issuer identifier of ours: as [`check_uri`], scheme and host only.
pub(super) fn check_issuer(key: &str, issuer: &str, findings: &mut Vec<Finding>) {
    check_uri(key, issuer, findings);
    // Routes hang at the root, and clients compare the identifier octet by octet.
    if issuer.split_once("://").is_none_or(|(_, rest)| rest.contains(['/', '?'])) {
        findings.push(Finding::new(key, "must be scheme and host only, without a slash at its end"));
    }
}
