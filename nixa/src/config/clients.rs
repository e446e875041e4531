use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr as _;

use axum::http::HeaderName;
use ipnet::IpNet;
use nixa_http_client::AddressPolicy;
use nixa_protocol::registration::Allowed;
use nixa_provider::Limits;
use serde::{Deserialize, Serialize};

use super::Finding;

/// `[server.registration]`: lets clients register by API with an initial access token (`nixa clients token`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationSection {
    /// The scopes that they may have.
    pub scopes: BTreeSet<String>,
    /// Whether they may have public subjects, the same for every such client.
    #[serde(default)]
    pub public_subjects: bool,
    /// Whether confidential ones must use PKCE; public ones always must.
    #[serde(default = "default_true")]
    pub require_pkce: bool,
}

fn default_true() -> bool {
    true
}

impl RegistrationSection {
    /// What they may register, on a server with these levels.
    #[must_use]
    pub fn allowed(&self, acr_values: &[String], secure: bool) -> Allowed {
        let mut scopes = self.scopes.clone();
        scopes.insert("openid".to_owned());
        Allowed {
            scopes,
            acr_values: acr_values.iter().cloned().collect(),
            http: !secure,
            public_subjects: self.public_subjects,
            require_pkce: self.require_pkce,
        }
    }
}

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

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            per_address: self.per_address,
            per_client: self.per_client,
            exempt: self.exempt.clone(),
            address_header: self.address_header.as_deref().and_then(|name| HeaderName::from_str(name).ok()),
        }
    }
}

/// `[server.outbound]`: where this server may fetch what clients publish (key sets, sectors, logos), and tell
/// registered clients of logouts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundSection {
    /// Whether `http` is allowed.
    #[serde(default)]
    pub http: bool,
    /// Networks that are allowed though they are private or loopback, as `10.20.0.0/16`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNet>,
    /// PEM file with certificate authorities that are trusted beside the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<PathBuf>,
}

impl OutboundSection {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Which addresses the guarded client may ask.
    #[must_use]
    pub fn address_policy(&self) -> AddressPolicy {
        AddressPolicy { allow_http: self.http, allowed_networks: self.networks.clone() }
    }
}
