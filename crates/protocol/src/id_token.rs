//! The ID token (OpenID Connect Core §2).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha512};

use crate::jose::Algorithm;
use crate::time::Timestamp;

/// The claims of an ID token.
#[derive(Debug, Clone, Serialize)]
pub struct IdToken<'a> {
    /// The issuer identifier of this server.
    pub iss: &'a str,
    /// The person, as this client knows them.
    pub sub: &'a str,
    /// The identifier of the client that it is for.
    pub aud: &'a str,
    /// The second from which it is good no more.
    pub exp: Timestamp,
    /// When it was issued.
    pub iat: Timestamp,
    /// When the person authenticated, which a client holds against its `max_age` (OpenID Connect Core §2).
    pub auth_time: Timestamp,
    /// The `nonce` of the authorization request, if it had one; none after a refresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// The level that the login reached.
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

/// `at_hash`: the left half of the hash of the access token, by the hash function of the ID token's algorithm
/// (§3.1.3.6; that of Ed25519 is SHA-512, RFC 8032 §5.1).
#[must_use]
pub fn at_hash(algorithm: Algorithm, access_token: &str) -> String {
    let half = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => {
            Sha256::digest(access_token.as_bytes()).get(..16).map(<[u8]>::to_vec)
        }
        Algorithm::EdDsa => Sha512::digest(access_token.as_bytes()).get(..32).map(<[u8]>::to_vec),
    };
    URL_SAFE_NO_PAD.encode(half.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_hash_of_a_published_example() {
        // OpenID Connect Core, Appendix A.3 (code id_token token example).
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256] {
            assert_eq!(at_hash(algorithm, token), "77QmUPtjPfzWtF2AnpK9RQ");
        }
        assert_eq!(at_hash(Algorithm::EdDsa, token).len(), 43, "half of 512 bits");
    }
}
