//! `[idp]` and the tables in it.

use std::path::PathBuf;

use assurance_policy::Policy;
use nixa_protocol::registration::{AuthenticationMethod, RegistrationPolicy};
use nixa_protocol::{Client, claims};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::client::{Metadata, acr_values, operator_policy, read_declared};
use super::finding::Finding;
use super::policy::load_policy;

/// `[idp]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderServerSection {
    /// The policy's file with the levels that this provider states, relative to this one; the built-in
    /// default policy without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PathBuf>,
    /// How many passwords are verified at once; each takes 19 MiB and a core for some 20 ms.
    #[serde(default = "default_at_once")]
    pub passwords_at_once: usize,
    /// The brokers that may ask.
    #[serde(default)]
    pub client: Vec<ClientSection>,
}

/// `[[idp.client]]`: a broker, by its client metadata.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClientSection {
    /// The `client_id` that the broker sends.
    pub client_id: String,
    /// Its client metadata, by registered name (RFC 7591 §2).
    #[serde(flatten)]
    pub metadata: Metadata,
}

fn default_at_once() -> usize {
    2
}

impl IdentityProviderServerSection {
    /// Reads the policy's file, or the built-in default policy without one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn policy(&self) -> Result<Policy, String> {
        load_policy(self.policy.as_ref())
    }

    /// The brokers as clients, on a server with this policy; none for a section that was not checked.
    #[must_use]
    pub fn clients(&self, policy: &Policy) -> Vec<Client> {
        self.client.iter().filter_map(|section| section.read_client(Some(policy)).ok()).collect()
    }

    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        let policy = self.policy().map_err(|reason| findings.push(Finding::new("idp.policy", reason))).ok();
        if self.passwords_at_once == 0 {
            findings.push(Finding::new("idp.passwords_at_once", "must be at least 1"));
        }
        for (i, client) in self.client.iter().enumerate() {
            let key = format!("idp.client[{i}]");
            if self.client.iter().take(i).any(|earlier| earlier.client_id == client.client_id) {
                findings.push(Finding::new(format!("{key}.client_id"), "is used twice"));
            }
            if let Err(wrong) = client.read_client(policy.as_ref()) {
                findings.extend(wrong.into_iter().map(|f| Finding { key: format!("{key}.{}", f.key), ..f }));
            }
        }
    }
}

impl ClientSection {
    /// The client, or what is wrong with its metadata.
    ///
    /// Without a page of its own (`client_uri`), a login that cannot go on leads back to the broker's callback, which
    /// knows the service.
    fn read_client(&self, policy: Option<&Policy>) -> Result<Client, Vec<Finding>> {
        let mut metadata = self.metadata.clone();
        metadata.entry("token_endpoint_auth_method").or_insert_with(|| json!("private_key_jwt"));
        metadata.entry("id_token_signed_response_alg").or_insert_with(|| json!("ES256"));
        let named_sector = !metadata.contains_key("sector_identifier_uri");
        let policy = RegistrationPolicy {
            sector: named_sector.then(|| self.client_id.clone()),
            ..operator_policy(claims::SCOPES.iter().map(|(scope, _)| *scope), acr_values(policy, &metadata))
        };
        let (client, method) = read_declared(&metadata, &["client_name", "client_name#vi"], &policy)?;
        if method != AuthenticationMethod::PrivateKeyJwt {
            let reason = "must be private_key_jwt: it is how a broker authenticates here";
            return Err(vec![Finding::new("token_endpoint_auth_method", reason)]);
        }
        let client_id = self.client_id.clone();
        Ok(Client { client_id, authentication: method.with_secret(""), declared: true, ..client })
    }
}
