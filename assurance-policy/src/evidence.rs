//! What a login has shown so far, and what could be added to it.

use serde::{Deserialize, Serialize};

/// One factor that a person showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// The method's name in the policy; an unknown name counts for nothing.
    pub method: String,
    /// The identity provider that verified it.
    pub source: String,
    /// When it was verified, in seconds since the epoch.
    pub at: i64,
    /// Shown for the request that is being judged, not remembered from single sign-on.
    #[serde(default)]
    pub in_request: bool,
}

/// How well an identity provider knows who the person is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proofing {
    /// The identity provider that states it.
    pub source: String,
    /// Identity level 0-2 (account levels of Decree 69/2024/NĐ-CP; 0: nothing checked).
    pub level: u8,
}

/// Everything held about one person at the time of a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The factors shown.
    pub factors: Vec<Factor>,
    /// The proofing statements, at most one counted per source (the highest).
    pub proofing: Vec<Proofing>,
}

impl Held {
    /// The identity level that `source` vouches for; 0 when it has said nothing.
    #[must_use]
    pub fn identity(&self, source: &str) -> u8 {
        self.proofing.iter().filter(|p| p.source == source).map(|p| p.level).max().unwrap_or(0)
    }
}

/// What one identity provider is able and allowed to give.
///
/// A source that is held but not among the offers of a decision counts for nothing: it is not allowed
/// for this relying party, or it is gone from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The identity provider.
    pub source: String,
    /// The highest rung (by `acr`) that its accreditation and channel allow; an unknown name caps to nothing.
    pub cap: String,
    /// The methods that can be asked of it; empty when it can only be counted, not asked.
    pub methods: Vec<String>,
    /// The best identity level that it can state.
    pub identity: u8,
}
