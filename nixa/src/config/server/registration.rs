//! `[server.registration]`: what clients may register by API.

use std::collections::BTreeSet;

use nixa_protocol::registration::{HttpUris, RegistrationPolicy};
use serde::{Deserialize, Serialize};

use crate::config::client::portal_scopes;
use crate::config::finding::Finding;

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
    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        if let Some(unknown) = self.scopes.iter().find(|scope| !portal_scopes().any(|known| known == *scope)) {
            findings.push(Finding::new("server.registration.scopes", format!("`{unknown}` is not a scope")));
        }
    }

    /// What they may register, on a server with these levels.
    #[must_use]
    pub fn policy(&self, acr_values: &[String], secure: bool) -> RegistrationPolicy {
        let mut scopes = self.scopes.clone();
        scopes.insert("openid".to_owned());
        RegistrationPolicy {
            scopes,
            acr_values: acr_values.iter().cloned().collect(),
            http: if secure { HttpUris::Refused } else { HttpUris::Allowed },
            public_subjects: self.public_subjects,
            require_pkce: self.require_pkce,
            ..RegistrationPolicy::default()
        }
    }
}
