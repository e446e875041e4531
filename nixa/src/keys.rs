//! Keys and secrets: in the durable store, so that all instances have the same, each encrypted under a master
//! key that is not in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use nixa_audit::{AuditEvent, KeyEvent, SigningKeyFacts};
use nixa_protocol::encryption::{DecryptionError, EncryptionError, EncryptionKey};
use nixa_protocol::jose::{Algorithm, JoseRefusal, SigningKey};
use nixa_protocol::keyset::{KeyRotation, KeySet, TimedKey};
use nixa_protocol::{Entropy, Timestamp};
use nixa_storage::{KeyRecord, KeyStore, StorageError};
use thiserror::Error;

use crate::private_file::FileError;

/// Why keys cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The master key's file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The master key is not one.
    #[error("the master key is not 32 octets in base64url")]
    MasterKey,
    /// The master key is not the one under which this store's secrets were encrypted, or they were changed.
    #[error("the secrets of this store cannot be opened with this master key")]
    Decryption(#[from] DecryptionError),
    /// A secret cannot be encrypted.
    #[error("a secret cannot be encrypted")]
    Encryption(#[from] EncryptionError),
    /// The store has no key of the audit trail.
    #[error("the store has no key of the audit trail: it was never served from, or the key was taken away")]
    NoAuditKey,
    /// The store of keys and secrets failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A key cannot be made or read.
    #[error("a key cannot be made or read: {0}")]
    Jose(#[from] JoseRefusal),
}

/// The broker's key for authenticating at identity providers.
const CLIENT: &str = "client";
/// The key of the audit trail's checkpoints.
const AUDIT: &str = "audit";

/// The keys and secrets of a server.
pub struct KeyManager {
    store: Arc<dyn KeyStore>,
    master: EncryptionKey,
    entropy: Arc<dyn Entropy>,
}

impl KeyManager {
    /// The keys and secrets in a store, under a master key.
    #[must_use]
    pub fn new(store: Arc<dyn KeyStore>, master: EncryptionKey, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, master, entropy }
    }

    /// A secret of 256 bits; made when it is asked for the first time.
    pub async fn secret(&self, name: &str, now: Timestamp) -> Result<[u8; 32], KeyError> {
        let make = || {
            let mut bytes = [0; 32];
            self.entropy.fill(&mut bytes);
            Ok(bytes.to_vec())
        };
        self.load_or_make(name, now, make).await?.try_into().map_err(|_| KeyError::Decryption(DecryptionError))
    }

    /// The key with which a broker authenticates at identity providers.
    pub async fn client_key(&self, now: Timestamp) -> Result<SigningKey, KeyError> {
        let make = || Ok(SigningKey::generate(Algorithm::Es256)?.private_jwk().into_bytes());
        from_jwk(self.load_or_make(CLIENT, now, make).await?)
    }

    /// The key that signs the audit trail's checkpoints.
    pub async fn audit_key(&self, now: Timestamp) -> Result<SigningKey, KeyError> {
        let make = || Ok(SigningKey::generate(Algorithm::Es256)?.private_jwk().into_bytes());
        from_jwk(self.load_or_make(AUDIT, now, make).await?)
    }

    /// The key of the checkpoints, or [`KeyError::NoAuditKey`]: who verifies must not make one.
    pub async fn existing_audit_key(&self) -> Result<SigningKey, KeyError> {
        let encrypted = self.store.secret(AUDIT).await?.ok_or(KeyError::NoAuditKey)?;
        from_jwk(self.master.decrypt(&format!("secret:{AUDIT}"), &encrypted)?)
    }

    async fn load_or_make(
        &self,
        name: &str,
        now: Timestamp,
        make: impl FnOnce() -> Result<Vec<u8>, KeyError>,
    ) -> Result<Vec<u8>, KeyError> {
        let place = format!("secret:{name}");
        if let Some(encrypted) = self.store.secret(name).await? {
            return Ok(self.master.decrypt(&place, &encrypted)?);
        }
        let encrypted = self.master.encrypt(&*self.entropy, &place, &make()?)?;
        let event = AuditEvent::Key(KeyEvent::Made { name: name.to_owned() });
        self.store.insert_secret(name, &encrypted, &[event], now).await?;
        // Another instance may have been first: its secret counts.
        let kept = self.store.secret(name).await?.unwrap_or(encrypted);
        Ok(self.master.decrypt(&place, &kept)?)
    }

    /// The signing keys; the first ones are made when there are none.
    pub async fn signing_keys(&self, now: Timestamp) -> Result<KeySet, KeyError> {
        let mut stored = self.store.signing_keys().await?;
        let have: BTreeSet<&str> = stored.iter().map(|k| k.algorithm.as_str()).collect();
        let missing: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(|a| !have.contains(a.as_str())).collect();
        if !missing.is_empty() {
            for algorithm in missing {
                let key = self.make_signing_key(algorithm, now)?;
                let made = AuditEvent::Key(KeyEvent::First(facts(&key)));
                self.store.insert_first_key(&key, &[made], now).await?;
            }
            stored = self.store.signing_keys().await?;
        }
        let timed = |k: &KeyRecord| {
            let jwk = self.master.decrypt(&place_of(&k.kid), &k.encrypted)?;
            Ok(TimedKey::new(from_jwk(jwk)?, k.active_at, k.retired_at)?)
        };
        Ok(KeySet::new(stored.iter().map(timed).collect::<Result<_, KeyError>>()?))
    }

    /// Publishes a new key of each algorithm, which signs from a day later on; `by` is who has it done.
    pub async fn rotate(&self, by: &str, now: Timestamp) -> Result<(), KeyError> {
        let KeyRotation { active_at, retired_at } = KeyRotation::begin(now);
        for algorithm in Algorithm::ALL {
            let key = self.make_signing_key(algorithm, active_at)?;
            let events = [rotated(&key, by)];
            self.store.add_key(&key, retired_at, Timestamp(i64::MAX), &events, now).await?;
        }
        Ok(())
    }

    /// Publishes a new key of each algorithm whose newest one signs, or will sign, for so many days: it takes over
    /// at their end. Of several instances, one does it.
    pub async fn rotate_on_schedule(&self, days: u32, now: Timestamp) -> Result<(), KeyError> {
        let KeyRotation { active_at, retired_at } = KeyRotation::begin(now);
        let due = active_at + 1 + -i64::from(days) * 86_400;
        let stored = self.store.signing_keys().await?;
        for algorithm in Algorithm::ALL {
            let newest = stored.iter().filter(|k| k.algorithm == algorithm.as_str()).map(|k| k.active_at).max();
            if newest.is_none_or(|newest| newest >= due) {
                continue;
            }
            let key = self.make_signing_key(algorithm, active_at)?;
            let events = [rotated(&key, "schedule")];
            match self.store.add_key(&key, retired_at, due, &events, now).await {
                // Another instance was first.
                Ok(_) | Err(StorageError::Exists) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn make_signing_key(&self, algorithm: Algorithm, active_at: Timestamp) -> Result<KeyRecord, KeyError> {
        let key = SigningKey::generate(algorithm)?;
        let kid = key.kid().to_owned();
        let encrypted = self.master.encrypt(&*self.entropy, &place_of(&kid), key.private_jwk().as_bytes())?;
        Ok(KeyRecord { kid, algorithm: algorithm.as_str().to_owned(), encrypted, active_at, retired_at: None })
    }
}

fn facts(key: &KeyRecord) -> SigningKeyFacts {
    SigningKeyFacts { kid: key.kid.clone(), algorithm: key.algorithm.clone(), signs_from: key.active_at }
}

fn rotated(key: &KeyRecord, by: &str) -> AuditEvent {
    AuditEvent::Key(KeyEvent::Rotated { key: facts(key), by: by.to_owned() })
}

fn place_of(kid: &str) -> String {
    format!("signing-key:{kid}")
}

fn from_jwk(bytes: Vec<u8>) -> Result<SigningKey, KeyError> {
    let text = String::from_utf8(bytes).map_err(|_| JoseRefusal::Key)?;
    Ok(SigningKey::from_jwk(&text)?)
}

/// The text of a new master key.
#[must_use]
pub fn new_master_key(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A master key from its text.
pub fn master_key(text: &str) -> Result<EncryptionKey, KeyError> {
    EncryptionKey::from_text(text).map_err(|_| KeyError::MasterKey)
}
