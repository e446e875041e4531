use std::collections::BTreeSet;
use std::path::PathBuf;

use ipnet::IpNet;
use nixa_protocol::registration::Allowed;
use serde::{Deserialize, Serialize};

use crate::outbound::Reach;

/// `[server.registration]`: lets clients register by API with an initial access token (`nixa clients token`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationSection {
    /// The scopes that they may have.
    pub scopes: BTreeSet<String>,
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
            require_pkce: self.require_pkce,
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

    /// Where the guarded client may go.
    #[must_use]
    pub fn reach(&self) -> Reach {
        Reach { http: self.http, networks: self.networks.clone() }
    }
}
