//! Encryption at rest: AES-256-GCM under a key that is kept elsewhere.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

use crate::entropy::Entropy;

/// A key is not one of 256 bits, or what it is to encrypt is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cannot be encrypted with this key")]
pub struct EncryptionError;

/// What was encrypted cannot be read: it was changed, it belongs to another place, or the key is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("what was encrypted cannot be read with this key")]
pub struct DecryptionError;

/// A key of 256 bits that encrypts secrets. Nonces are random, so that one key must not encrypt more than
/// 2^32 times (NIST SP 800-38D §8.3).
pub struct EncryptionKey(LessSafeKey);

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey")
    }
}

impl EncryptionKey {
    /// A key from its octets. In practice it never fails: every 32 octets are a key.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, EncryptionError> {
        Ok(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| EncryptionError)?)))
    }

    /// A key from the text of its file: 32 octets in base64url, white space around them aside.
    pub fn from_text(text: &str) -> Result<Self, EncryptionError> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| EncryptionError)?;
        Self::new(&bytes.try_into().map_err(|_| EncryptionError)?)
    }

    /// Encrypts. `place` says what it is and where it belongs, and must be the same when it is decrypted, so that
    /// nobody who can write to the store can put one secret in another one's place. Nonce, ciphertext and tag come
    /// as base64url.
    pub fn encrypt(&self, entropy: &dyn Entropy, place: &str, plain: &[u8]) -> Result<String, EncryptionError> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut ciphertext = plain.to_vec();
        let (aad, at) = (Aad::from(place.as_bytes()), Nonce::assume_unique_for_key(nonce));
        self.0.seal_in_place_append_tag(at, aad, &mut ciphertext).map_err(|_| EncryptionError)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &ciphertext].concat()))
    }

    /// Decrypts what [`encrypt`](Self::encrypt) gave for the same place.
    pub fn decrypt(&self, place: &str, encrypted: &str) -> Result<Vec<u8>, DecryptionError> {
        let bytes = URL_SAFE_NO_PAD.decode(encrypted).map_err(|_| DecryptionError)?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_LEN).ok_or(DecryptionError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DecryptionError)?;
        let mut buffer = ciphertext.to_vec();
        let plain =
            self.0.open_in_place(nonce, Aad::from(place.as_bytes()), &mut buffer).map_err(|_| DecryptionError)?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    struct Counting(AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, Ordering::SeqCst));
        }
    }

    #[test]
    fn what_is_encrypted_is_read_in_its_place_only() {
        let entropy = Counting(AtomicU8::new(0));
        let key = EncryptionKey::new(&[7; 32]).unwrap();
        for plain in [&b""[..], b"secret", &[0xff; 4_000]] {
            let encrypted = key.encrypt(&entropy, "secret:pivot", plain).unwrap();
            assert_eq!(key.decrypt("secret:pivot", &encrypted).unwrap(), plain);
            assert_eq!(key.decrypt("secret:pairwise", &encrypted), Err(DecryptionError), "another place");
            assert_eq!(EncryptionKey::new(&[8; 32]).unwrap().decrypt("secret:pivot", &encrypted), Err(DecryptionError));
            assert_ne!(key.encrypt(&entropy, "secret:pivot", plain).unwrap(), encrypted, "a nonce is not used twice");
            let mut changed = URL_SAFE_NO_PAD.decode(&encrypted).unwrap();
            for place in [0, NONCE_LEN, changed.len() - 1] {
                changed[place] ^= 1;
                assert_eq!(key.decrypt("secret:pivot", &URL_SAFE_NO_PAD.encode(&changed)), Err(DecryptionError));
                changed[place] ^= 1;
            }
        }
        for text in ["", "AAAA", "not base64!"] {
            assert_eq!(key.decrypt("secret:pivot", text), Err(DecryptionError));
        }
    }

    #[test]
    fn a_key_is_256_bits() {
        let text = URL_SAFE_NO_PAD.encode([1; 32]);
        assert!(EncryptionKey::from_text(&format!("{text}\n")).is_ok());
        for bad in ["", "short", &text[1..], &format!("{text}AA")] {
            assert!(EncryptionKey::from_text(bad).is_err());
        }
    }
}
