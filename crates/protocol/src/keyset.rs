//! The server's own keys in time: one is published before it signs and after it has signed, so that a client
//! that keeps the key set for a day never meets an unknown one.

use serde_json::{Value, json};

use crate::jose::{Algorithm, JoseRefusal, SigningKey, VerifyingKey};
use crate::time::Timestamp;

/// How long a client may keep the key set, in seconds. A new key is published that long before it signs.
pub const CACHED_FOR: i64 = 86_400;

/// The longest life of a token that clients verify with these keys, in seconds; a replaced key is published
/// that long after its last signature, and as long again as clients may keep the set.
pub const LONGEST_TOKEN: i64 = 3_600;

/// The times of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRotation {
    /// When the new key begins to sign.
    pub active_at: Timestamp,
    /// When the key before it is no longer published.
    pub retired_at: Timestamp,
}

impl KeyRotation {
    /// A rotation whose new key is published now.
    #[must_use]
    pub fn begin(now: Timestamp) -> Self {
        let active_at = now + CACHED_FOR;
        Self { active_at, retired_at: active_at + LONGEST_TOKEN + CACHED_FOR }
    }
}

/// A signing key with its times.
#[derive(Debug, Clone)]
pub struct TimedKey {
    key: SigningKey,
    verifying: VerifyingKey,
    active_at: Timestamp,
    retired_at: Option<Timestamp>,
}

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Published, and not yet signing.
    Next,
    /// Published, and signing.
    Current,
    /// Published, and signing no more.
    Replaced,
    /// No longer published; still known, for a hint at logout.
    Retired,
}

impl Stage {
    /// The word that operators read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Replaced => "replaced",
            Self::Retired => "retired",
        }
    }
}

/// A key with where it stands.
#[derive(Debug, Clone, Copy)]
pub struct KeyStage<'k> {
    /// The key.
    pub key: &'k SigningKey,
    /// Where it stands.
    pub stage: Stage,
    /// When it begins to sign, or began.
    pub active_at: Timestamp,
    /// When it is no longer published, once it is replaced.
    pub retired_at: Option<Timestamp>,
}

impl TimedKey {
    /// A key that signs from `active_at` on and is published until `retired_at`.
    pub fn new(key: SigningKey, active_at: Timestamp, retired_at: Option<Timestamp>) -> Result<Self, JoseRefusal> {
        let verifying = VerifyingKey::from_jwk(&key.public_jwk())?;
        Ok(Self { key, verifying, active_at, retired_at })
    }

    fn is_published(&self, now: Timestamp) -> bool {
        self.retired_at.is_none_or(|end| now < end)
    }
}

/// The server's own signing keys, whatever their stage.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<TimedKey>);

impl KeySet {
    /// A set; it must have a key for each algorithm that clients are registered with.
    #[must_use]
    pub fn new(keys: Vec<TimedKey>) -> Self {
        Self(keys)
    }

    /// The key that signs now: of those that have begun and are published, the one that began last.
    pub fn signing(&self, algorithm: Algorithm, now: Timestamp) -> Result<&SigningKey, JoseRefusal> {
        let able = |k: &&TimedKey| k.key.algorithm() == algorithm && k.active_at <= now && k.is_published(now);
        let last = self.0.iter().filter(able).max_by_key(|k| (k.active_at, k.key.kid()));
        last.map(|k| &k.key).ok_or(JoseRefusal::UnknownKey)
    }

    /// The JWK Set document (RFC 7517 §5).
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Value {
        let published = self.0.iter().filter(|k| k.is_published(now));
        json!({ "keys": published.map(|k| k.key.public_jwk()).collect::<Vec<_>>() })
    }

    /// The public keys, to verify our own tokens when they come back (`id_token_hint`), also long after.
    #[must_use]
    pub fn verifying(&self) -> Vec<VerifyingKey> {
        self.0.iter().map(|k| k.verifying.clone()).collect()
    }

    /// Each key with where it stands, and since when or until when.
    pub fn stages(&self, now: Timestamp) -> impl Iterator<Item = KeyStage<'_>> {
        self.0.iter().map(move |k| {
            let current = self.signing(k.key.algorithm(), now).is_ok_and(|c| c.kid() == k.key.kid());
            let stage = match (current, k.is_published(now), k.active_at > now) {
                (true, _, _) => Stage::Current,
                (false, true, true) => Stage::Next,
                (false, true, false) => Stage::Replaced,
                (false, false, _) => Stage::Retired,
            };
            KeyStage { key: &k.key, stage, active_at: k.active_at, retired_at: k.retired_at }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    #[test]
    fn a_client_that_keeps_the_set_for_a_day_never_fails() {
        let keys: Vec<SigningKey> = (0..3).map(|_| SigningKey::generate(Algorithm::Es256).unwrap()).collect();
        // Rotated twice, ten days apart.
        let (first, second) = (KeyRotation::begin(NOW), KeyRotation::begin(NOW + 864_000));
        let set = KeySet::new(vec![
            TimedKey::new(keys[0].clone(), Timestamp(0), Some(first.retired_at)).unwrap(),
            TimedKey::new(keys[1].clone(), first.active_at, Some(second.retired_at)).unwrap(),
            TimedKey::new(keys[2].clone(), second.active_at, None).unwrap(),
        ]);
        let has = |at: Timestamp, kid: &str| set.jwks(at)["keys"].as_array().unwrap().iter().any(|k| k["kid"] == kid);
        for hours in 0..24 * 14 {
            let now = NOW + hours * 3_600;
            let kid = set.signing(Algorithm::Es256, now).unwrap().kid().to_owned();
            // Whoever fetched the set up to a day ago, or fetches it while the token lives, finds its key.
            for age in [0, 3_600, CACHED_FOR] {
                assert!(has(now + -age, &kid), "{hours} h, fetched {age} s before");
                assert!(has(now + LONGEST_TOKEN, &kid));
            }
        }
        let stages = |at: Timestamp| set.stages(at).map(|key| key.stage).collect::<Vec<_>>();
        assert_eq!(stages(NOW), [Stage::Current, Stage::Next, Stage::Next]);
        assert_eq!(stages(first.active_at), [Stage::Replaced, Stage::Current, Stage::Next]);
        assert_eq!(stages(second.retired_at), [Stage::Retired, Stage::Retired, Stage::Current]);
        assert_eq!(set.verifying().len(), 3, "a hint of long ago is still known");
        assert_eq!(set.signing(Algorithm::Rs256, NOW).err(), Some(JoseRefusal::UnknownKey));
    }

    #[test]
    fn a_retired_key_does_not_sign_though_nothing_else_can() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let set = KeySet::new(vec![TimedKey::new(key, Timestamp(0), Some(NOW)).unwrap()]);
        assert!(set.signing(Algorithm::Es256, NOW + -1).is_ok());
        assert_eq!(set.signing(Algorithm::Es256, NOW).err(), Some(JoseRefusal::UnknownKey));
    }
}
