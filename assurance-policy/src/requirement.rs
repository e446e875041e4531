//! What a relying party needs of a login.

use serde::{Deserialize, Serialize};

/// The need that a decision is made for; the strictest of its parts wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Requirement {
    /// Levels by any name that the policy knows, in order of preference; the first known one is aimed at.
    /// Unknown names are passed over and never replaced by a default.
    pub acr_values: Vec<String>,
    /// Whether one of `acr_values` must be reached (OpenID Connect Core §5.5.1.1) or is voluntary (§3.1.2.1).
    pub essential: bool,
    /// Levels that must be reached: the relying party's registered minimum, a transaction's level. An
    /// unknown one cannot be met.
    pub minimums: Vec<String>,
    /// The greatest age of a factor that counts, in seconds (OpenID Connect Core §3.1.2.1).
    pub max_age: Option<i64>,
    /// Only factors shown for this very request count (`prompt=login`).
    pub reauthenticate: bool,
    /// Whether single sign-on alone may serve; otherwise one factor must be shown for the request.
    pub sso: bool,
    /// Risk signals by name in the policy, which says what each raises the level to. They never lower it;
    /// a signal that the policy does not name raises to the top.
    pub risk: Vec<String>,
}

impl Default for Requirement {
    fn default() -> Self {
        Self {
            acr_values: Vec::new(),
            essential: false,
            minimums: Vec::new(),
            max_age: None,
            reauthenticate: false,
            sso: true,
            risk: Vec::new(),
        }
    }
}

impl Requirement {
    /// A need for this level, whatever else.
    #[must_use]
    pub fn at_least(acr: &str) -> Self {
        Self { minimums: vec![acr.to_owned()], ..Self::default() }
    }
}
