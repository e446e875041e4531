//! Time as a parameter.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Seconds since the epoch (RFC 7519 §2, NumericDate, without a fraction).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Add<i64> for Timestamp {
    type Output = Self;
    fn add(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

impl Sub for Timestamp {
    type Output = i64;
    fn sub(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }
}

/// Where `now` comes from: the system in a server, a fixed value in a test.
pub trait Clock: Send + Sync {
    /// The present, to the second.
    fn now(&self) -> Timestamp;
}
