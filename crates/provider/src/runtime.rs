//! What the engine takes from the process around it, or from a test: the time, randomness, the signing keys.

use std::sync::{Arc, PoisonError, RwLock};

use nixa_protocol::keyset::KeySet;
use nixa_protocol::{Clock, Entropy, Timestamp};

/// The sources of time and randomness.
#[derive(Clone)]
pub struct Runtime {
    /// Where the present comes from: the system, or a test.
    pub clock: Arc<dyn Clock>,
    /// Where identifiers and secrets come from: the system, or a test.
    pub entropy: Arc<dyn Entropy>,
}

impl Runtime {
    /// The present, by this clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The signing keys, which are replaced when they were rotated, here or at another instance.
#[derive(Default)]
pub struct SigningKeys {
    keys: RwLock<Arc<KeySet>>,
}

impl SigningKeys {
    /// The keys as they are now.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        // A panic elsewhere cannot leave half a pointer behind.
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other keys in their place.
    pub fn replace(&self, keys: KeySet) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}
