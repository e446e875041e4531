//! Randomness as a parameter, and the values made from it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Where random bytes come from: the operating system in a server, a seeded generator in a test.
pub trait Entropy: Send + Sync {
    /// Fills the buffer with unpredictable bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// A random token of 256 bits in base64url, safe in URLs and headers (RFC 6749 §10.10).
#[must_use]
pub fn random_token(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The SHA-256 of a token in base64url: what is stored, so that a read of the store gives no usable token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(String);

impl Digest {
    /// A digest that was stored.
    #[must_use]
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The digest in base64url, as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The digest of a high-entropy token. Not for passwords.
#[must_use]
pub fn digest(token: &str) -> Digest {
    use sha2::Digest as _;
    Digest(URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes())))
}

/// Compares two secrets in a time that depends on neither content nor the first difference.
#[must_use]
pub fn same_secret(a: &str, b: &str) -> bool {
    use sha2::Digest as _;
    // Digests have one length, so that the length of the stored secret does not show either.
    Sha256::digest(a.as_bytes()).ct_eq(&Sha256::digest(b.as_bytes())).into()
}

/// HMAC-SHA-256 of the parts in base64url; parts are length-prefixed so that no two lists collide.
#[must_use]
pub fn keyed_digest(key: &[u8; 32], parts: &[&str]) -> String {
    URL_SAFE_NO_PAD.encode(keyed_bytes(key, parts))
}

/// HMAC-SHA-256 of the parts: also a key of its own for what the parts name.
#[must_use]
pub fn keyed_bytes(key: &[u8], parts: &[&str]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        // HMAC takes a key of any length (RFC 2104 §2): this arm cannot be reached.
        return [0; 32];
    };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyed_digests_tell_lists_apart() {
        let key = [7; 32];
        assert_ne!(keyed_digest(&key, &["ab", "c"]), keyed_digest(&key, &["a", "bc"]));
        assert_ne!(keyed_digest(&key, &["ab"]), keyed_digest(&[8; 32], &["ab"]));
        assert_eq!(keyed_digest(&key, &["ab"]).len(), 43);
    }

    #[test]
    fn secrets_compare_by_content() {
        assert!(same_secret("abc", "abc"));
        assert!(!same_secret("abc", "abd"));
        assert!(!same_secret("abc", "abcd"));
    }
}
