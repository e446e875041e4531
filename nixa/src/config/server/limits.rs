//! `[server.limits]`: rate limits, and by which address requests are counted.

use std::str::FromStr as _;

use axum::http::HeaderName;
use ipnet::IpNet;
use nixa_provider::RateLimits;
use serde::{Deserialize, Serialize};

use crate::config::finding::Finding;

/// `[server.limits]`: how often may be asked, in a minute; 0 for as often as one likes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// By one address: requests of browsers, and those of programs that are refused.
    pub per_address: u64,
    /// By one client that has authenticated.
    pub per_client: u64,
    /// Networks that are not counted by address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exempt: Vec<IpNet>,
    /// The header in which a proxy in front puts the address; it must replace or extend what comes from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_header: Option<String>,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self { per_address: 6_000, per_client: 60_000, exempt: Vec::new(), address_header: None }
    }
}

impl LimitsSection {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        if self.address_header.as_ref().is_some_and(|name| HeaderName::from_str(name).is_err()) {
            findings.push(Finding::new("server.limits.address_header", "is not the name of a header"));
        }
    }

    /// The limits as the engine takes them.
    #[must_use]
    pub fn limits(&self) -> RateLimits {
        RateLimits {
            per_address: self.per_address,
            per_client: self.per_client,
            exempt: self.exempt.clone(),
            address_header: self.address_header.as_deref().and_then(|name| HeaderName::from_str(name).ok()),
        }
    }
}
