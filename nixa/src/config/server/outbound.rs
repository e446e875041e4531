//! `[server.outbound]`: which addresses may be asked for what clients publish.

use std::path::PathBuf;

use ipnet::IpNet;
use nixa_http_client::AddressPolicy;
use serde::{Deserialize, Serialize};

use crate::config::finding::Finding;

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

    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        if let Some(file) = &self.authorities
            && let Err(error) = std::fs::read(file)
        {
            findings.push(Finding::new("server.outbound.authorities", format!("{}: {error}", file.display())));
        }
    }

    /// Which addresses the guarded client may ask.
    #[must_use]
    pub fn address_policy(&self) -> AddressPolicy {
        AddressPolicy { allow_http: self.http, allowed_networks: self.networks.clone() }
    }
}
