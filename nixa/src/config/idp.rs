use std::path::PathBuf;

use assurance_policy::Policy;
use nixa_protocol::jose::Algorithm;
use nixa_protocol::{Client, ClientAuthentication, LocalizedText, claims};
use serde::{Deserialize, Serialize};

use super::Finding;
use super::broker::verifying;
use super::policy::load_policy;
use super::uri::check_uri;

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

/// `[[idp.client]]`: a broker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSection {
    /// The client identifier.
    pub client_id: String,
    /// The name that people see.
    pub name: LocalizedText,
    /// Where answers may go, compared exactly.
    pub redirect_uris: Vec<String>,
    /// Its public keys (JWK), for `private_key_jwt`.
    pub keys: Vec<serde_json::Value>,
}

fn default_at_once() -> usize {
    2
}

impl IdentityProviderServerSection {
    /// The policy.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn policy(&self) -> Result<Policy, String> {
        load_policy(self.policy.as_ref())
    }

    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        if let Err(reason) = self.policy() {
            findings.push(Finding::new("idp.policy", reason));
        }
        if self.passwords_at_once == 0 {
            findings.push(Finding::new("idp.passwords_at_once", "must be at least 1"));
        }
        for (i, client) in self.client.iter().enumerate() {
            let key = format!("idp.client[{i}]");
            if client.keys.is_empty() {
                findings.push(Finding::new(format!("{key}.keys"), "must name at least one key"));
            }
            if let Err((field, reason)) = verifying(&client.keys) {
                findings.push(Finding::new(format!("{key}.{field}"), reason));
            }
            if client.redirect_uris.is_empty() {
                findings.push(Finding::new(format!("{key}.redirect_uris"), "must name at least one URI"));
            }
            if self.client.iter().take(i).any(|earlier| earlier.client_id == client.client_id) {
                findings.push(Finding::new(format!("{key}.client_id"), "is used twice"));
            }
            for (n, uri) in client.redirect_uris.iter().enumerate() {
                check_uri(&format!("{key}.redirect_uris[{n}]"), uri, findings);
            }
        }
    }
}

impl ClientSection {
    /// The client registration; none for a section that was not checked.
    #[must_use]
    pub fn client(&self) -> Option<Client> {
        Some(Client {
            keys: self.keys.clone(),
            declared: true,
            redirect_uris: self.redirect_uris.clone(),
            // Without a page of its own (`client_uri`): a login that cannot go on leads back to the broker's
            // callback, which knows the service.
            scopes: claims::SCOPES.iter().map(|(s, _)| (*s).to_owned()).collect(),
            id_token_alg: Algorithm::Es256,
            ..Client::new(&self.client_id, self.name.clone(), ClientAuthentication::PrivateKeyJwt)
        })
    }
}
