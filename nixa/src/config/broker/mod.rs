//! `[broker]` and the tables in it.

mod identity_provider;
mod portal;
mod risk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use assurance_policy::Policy;
use nixa_broker::{IdpSettings, PortalSettings};
use nixa_protocol::Client;
use nixa_protocol::jose::SigningKey;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::policy::load_policy;

pub use identity_provider::{UpstreamIdpSection, UpstreamLevelSection};
pub use portal::{PortalSection, ServiceSection};
pub use risk::{HeaderSection, RiskSection};

/// `[broker]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSection {
    /// The assurance policy's file, relative to this one; the built-in default policy without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PathBuf>,
    /// The identity providers, in the order in which people see them.
    #[serde(default)]
    pub identity_provider: Vec<UpstreamIdpSection>,
    /// The portals that are declared here; others may register by API.
    #[serde(default)]
    pub portal: Vec<PortalSection>,
    /// What may raise the level of a login.
    #[serde(default, skip_serializing_if = "RiskSection::is_empty")]
    pub risk: RiskSection,
}

impl BrokerSection {
    /// Reads the policy's file, or the built-in default policy without one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn policy(&self) -> Result<Policy, String> {
        load_policy(self.policy.as_ref())
    }

    /// The identity providers, with the key that signs our client assertions.
    #[must_use]
    pub fn idps(&self, key: &SigningKey) -> Vec<IdpSettings> {
        self.identity_provider.iter().map(|idp| idp.settings(key)).collect()
    }

    /// What the broker knows of each portal beside its registration.
    #[must_use]
    pub fn portals(&self) -> BTreeMap<String, PortalSettings> {
        self.portal.iter().map(|portal| (portal.client_id.clone(), portal.settings())).collect()
    }

    /// The portals as clients, on a broker with this policy; none for a section that was not checked.
    #[must_use]
    pub fn clients(&self, policy: &Policy) -> Vec<Client> {
        self.portal.iter().filter_map(|portal| portal.read_client(Some(policy)).ok()).collect()
    }

    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        let policy = self.policy().map_err(|reason| findings.push(Finding::new("broker.policy", reason))).ok();
        let policy = policy.as_ref();
        self.risk.check(policy, findings);
        let mut ids = BTreeSet::new();
        for (i, idp) in self.identity_provider.iter().enumerate() {
            let key = format!("broker.identity_provider[{i}]");
            idp.check(&key, policy, findings);
            if !ids.insert(idp.id.as_str()) {
                findings.push(Finding::new(format!("{key}.id"), "is used twice"));
            }
        }
        let mut clients = BTreeSet::new();
        for (i, portal) in self.portal.iter().enumerate() {
            let key = format!("broker.portal[{i}]");
            portal.check(&key, policy, &ids, findings);
            if !clients.insert(&portal.client_id) {
                findings.push(Finding::new(format!("{key}.client_id"), "is used twice"));
            }
        }
    }
}
