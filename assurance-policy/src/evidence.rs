//! What a login has shown so far, and what could be added to it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::authentication_level::Quality;

/// One factor that a person showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// The method's name in the policy, with an authenticator class after a colon (`passkey:certified`).
    /// An unknown method counts for nothing; an unknown class counts as the method without one.
    pub method: String,
    /// The identity provider that verified it.
    pub source: String,
    /// When it was verified, in seconds since the epoch.
    pub at: i64,
    /// Shown for the request that is being judged, not remembered from single sign-on.
    #[serde(default)]
    pub in_request: bool,
    /// Qualities that were established at this use; they count as far as the policy says that the method
    /// may have them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub qualities: BTreeSet<Quality>,
}

/// How well an identity provider knows who the person is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proofing {
    /// The identity provider that states it.
    pub source: String,
    /// Identity level 0-2 (account levels of Decree 69/2024/NĐ-CP; 0: nothing checked).
    #[serde(rename = "level")]
    pub identity_level: u8,
    /// How it was done, by name in the policy, which limits the level; an unknown name is level 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// When it was done, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
}

impl Proofing {
    /// A statement of an identity level without method and time.
    #[must_use]
    pub fn stated(source: &str, identity_level: u8) -> Self {
        Self { source: source.to_owned(), identity_level, method: None, at: None }
    }
}

/// Everything known about one person at the time of a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The factors that were shown, whether or not they count.
    #[serde(default)]
    pub factors: Vec<Factor>,
    /// The proofing statements; of several by one source the best counts.
    #[serde(default)]
    pub proofing: Vec<Proofing>,
    /// The methods that the person has at a source, where that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub enrolled: BTreeMap<String, BTreeSet<String>>,
}

/// What one identity provider is able and allowed to give.
///
/// A source of evidence that is not among the capabilities that a decision is given counts for nothing: it is not allowed
/// for this relying party, or it is gone from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdpCapability {
    /// The identity provider, by its name in the evidence.
    pub source: String,
    /// The highest level that its accreditation allows; an unknown name caps to nothing.
    pub cap: String,
    /// The strength of the channel to it, by name in the policy; an unknown name caps to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The methods that can be asked of it; empty when it can only be counted, not asked.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The best identity level that it can state.
    #[serde(default)]
    pub identity: u8,
}
