//! Lock-out after wrong answers: a pure state machine on time.

use nixa_protocol::{Timestamp, digest};
use nixa_provider::ProviderError;
use nixa_storage::{ShortLived, StorageError};
use serde::{Deserialize, Serialize};

/// Wrong answers that are let pass before the first wait.
const FREE: u32 = 5;
/// The first wait, in seconds; each further wrong answer doubles it.
const FIRST_WAIT: i64 = 60;
/// The longest wait, in seconds: about 100 tries a day at most (NIST SP 800-63B-4 §3.2.2). The price is
/// that somebody who knows a login name can keep its owner waiting by trying on.
const LONGEST_WAIT: i64 = 900;
/// How long wrong answers are remembered, in seconds.
const MEMORY: i64 = 86_400;

/// The wrong answers so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attempts {
    failures: u32,
    locked_until: Timestamp,
}

impl Attempts {
    /// Counts an attempt before its answer is looked at, so that many at once cannot slip under the limit.
    ///
    /// # Errors
    /// The time until which no attempt is let in.
    pub fn admit(self, now: Timestamp) -> Result<Self, Timestamp> {
        if now < self.locked_until {
            return Err(self.locked_until);
        }
        let failures = self.failures.saturating_add(1);
        let wait = match failures.checked_sub(FREE) {
            None => 0,
            Some(over) => FIRST_WAIT.checked_shl(over.min(10)).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT),
        };
        Ok(Self { failures, locked_until: now + wait })
    }
}

impl Attempts {
    /// Without one attempt, and without its wait; a wait that another attempt began stays.
    #[must_use]
    fn without(self, attempt: Self, now: Timestamp) -> Self {
        let its_own = self.locked_until == attempt.locked_until;
        let locked_until = if its_own { self.locked_until.min(now) } else { self.locked_until };
        Self { failures: self.failures.saturating_sub(1), locked_until }
    }
}

/// The outcome of asking to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// What the count is with this attempt.
    Admitted(Attempts),
    Locked(Timestamp),
}

/// Counts an attempt at an account's method. Names without an account are counted alike, so that the
/// lock-out does not tell which exist.
pub(crate) async fn admit(
    short: &dyn ShortLived,
    method: &str,
    name: &str,
    now: Timestamp,
) -> Result<Admission, ProviderError> {
    let key = key(method, name);
    for _ in 0..32 {
        let stored = short.get(&key, now).await?;
        let attempts: Attempts = match &stored {
            Some(bytes) => serde_json::from_slice(bytes)?,
            None => Attempts::default(),
        };
        let counted = match attempts.admit(now) {
            Ok(counted) => counted,
            Err(until) => return Ok(Admission::Locked(until)),
        };
        let next = serde_json::to_vec(&counted)?;
        let won = match &stored {
            Some(old) => short.replace(&key, old, &next, now + MEMORY, now).await?,
            None => short.put_new(&key, &next, now + MEMORY, now).await?,
        };
        if won {
            return Ok(Admission::Admitted(counted));
        }
    }
    Err(StorageError::Contended.into())
}

/// Takes an attempt back whose answer could not be looked at: a store that is away must lock nobody out.
/// As far as that is possible; it is the failure itself that is reported.
pub(crate) async fn take_back(short: &dyn ShortLived, method: &str, name: &str, admitted: Attempts, now: Timestamp) {
    let key = key(method, name);
    for _ in 0..32 {
        let Ok(Some(stored)) = short.get(&key, now).await else { return };
        let Ok(attempts) = serde_json::from_slice::<Attempts>(&stored) else { return };
        let Ok(fewer) = serde_json::to_vec(&attempts.without(admitted, now)) else { return };
        if !matches!(short.replace(&key, &stored, &fewer, now + MEMORY, now).await, Ok(false)) {
            return;
        }
    }
}

/// Forgets the wrong answers after a right one.
pub(crate) async fn clear(short: &dyn ShortLived, method: &str, name: &str) -> Result<(), ProviderError> {
    Ok(short.delete(&key(method, name)).await?)
}

fn key(method: &str, name: &str) -> String {
    format!("attempts:{method}:{}", digest(name).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded() {
        let mut state = Attempts::default();
        let mut now = Timestamp(1_000);
        let mut waits = Vec::new();
        for _ in 0..12 {
            state = state.admit(now).unwrap();
            waits.push(state.locked_until - now);
            if state.locked_until > now {
                assert_eq!(state.admit(now), Err(state.locked_until), "no attempt while locked");
                assert_eq!(state.admit(state.locked_until + -1), Err(state.locked_until));
            }
            now = now.max(state.locked_until);
        }
        assert_eq!(waits, [0, 0, 0, 0, 60, 120, 240, 480, 900, 900, 900, 900]);
    }
}
