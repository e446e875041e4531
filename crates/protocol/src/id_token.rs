//! The ID token (OpenID Connect Core §2).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// The claims of an ID token.
#[derive(Debug, Clone, Serialize)]
pub struct IdToken<'a> {
    /// The issuer.
    pub iss: &'a str,
    /// The person, as this client knows them.
    pub sub: &'a str,
    /// The client.
    pub aud: &'a str,
    /// When it ends.
    pub exp: Timestamp,
    /// When it was made.
    pub iat: Timestamp,
    /// When the person authenticated.
    pub auth_time: Timestamp,
    /// The client's nonce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// The level reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    /// The methods used (RFC 8176).
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub amr: &'a [String],
    /// The session, for back-channel logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
    /// Binds the access token that came with it (§3.1.3.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// Claims that were asked for by name.
    #[serde(flatten)]
    pub requested: Map<String, Value>,
}

/// `at_hash`: the left half of the SHA-256 of the access token; every algorithm of ours uses SHA-256.
#[must_use]
pub fn at_hash(access_token: &str) -> String {
    let hash = Sha256::digest(access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #[test]
    fn at_hash_of_a_published_example() {
        // OpenID Connect Core, Appendix A.3 (code id_token token example).
        assert_eq!(super::at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
