//! Lock-out after wrong answers: a pure state machine on time.

use nixa_protocol::{Timestamp, digest};
use nixa_provider::ProviderError;
use nixa_storage::{Entries, Entry, Prefix, Stored, Update};
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

    /// Without one attempt, and without its wait; a wait that another attempt began stays.
    #[must_use]
    fn without(self, attempt: Self, now: Timestamp) -> Self {
        let its_own = self.locked_until == attempt.locked_until;
        let locked_until = if its_own { self.locked_until.min(now) } else { self.locked_until };
        Self { failures: self.failures.saturating_sub(1), locked_until }
    }
}

impl Entry for Attempts {
    const PREFIX: Prefix = Prefix::Attempts;

    fn expires(&self, now: Timestamp) -> Timestamp {
        now + MEMORY
    }
}

/// The attempts at one account's method. Names without an account are counted alike, so that the lock-out does not
/// tell which exist.
pub(crate) struct LockOut {
    entries: Entries<Attempts>,
    name: String,
}

impl LockOut {
    pub(crate) fn new(entries: Entries<Attempts>, method: &str, name: &str) -> Self {
        Self { entries, name: format!("{method}:{}", digest(name).as_str()) }
    }

    /// Counts an attempt. The inner error is the time until which none is let in.
    pub(crate) async fn admit(&self, now: Timestamp) -> Result<Result<Attempts, Timestamp>, ProviderError> {
        let counted =
            self.entries.update(&self.name, now, |stored| match stored.copied().unwrap_or_default().admit(now) {
                Ok(counted) => Update::Store(counted),
                Err(until) => Update::Leave(until),
            });
        Ok(counted.await?.map(Stored::into_value))
    }

    /// Takes an attempt back whose answer could not be looked at: a store that is away must lock nobody out.
    /// As far as that is possible; it is the failure itself that is reported.
    pub(crate) async fn take_back(&self, admitted: Attempts, now: Timestamp) {
        let taken = self.entries.update(&self.name, now, |stored| match stored {
            Some(attempts) => Update::Store(attempts.without(admitted, now)),
            None => Update::Leave(()),
        });
        if let Err(error) = taken.await {
            tracing::warn!(%error, "an attempt that could not be judged stays counted");
        }
    }

    /// Forgets the wrong answers after a right one.
    pub(crate) async fn clear(&self) -> Result<(), ProviderError> {
        Ok(self.entries.delete(&self.name).await?)
    }
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
