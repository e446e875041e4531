//! What a relying party needs of a login.

use serde::{Deserialize, Serialize};

/// The need that a decision is made for; the strictest of its parts wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// Rungs by name in order of preference; the first one that the policy knows is aimed at.
    /// Unknown names are passed over and never replaced by a default.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// Whether one of `acr_values` must be reached (OpenID Connect Core §5.5.1.1) or is only wished for (§3.1.2.1).
    #[serde(default)]
    pub essential: bool,
    /// The relying party's registered minimum; always essential.
    #[serde(default)]
    pub minimum: Option<String>,
    /// The greatest age of a factor that counts, in seconds (OpenID Connect Core §3.1.2.1).
    #[serde(default)]
    pub max_age: Option<i64>,
    /// Only factors shown for this very request count (`prompt=login`).
    #[serde(default)]
    pub reauthenticate: bool,
}
