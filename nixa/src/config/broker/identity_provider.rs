//! `[[broker.identity_provider]]`: an identity provider, and what its levels and methods mean here.

use std::collections::BTreeSet;

use assurance_policy::{Policy, Quality};
use nixa_broker::{IdpSettings, LevelMap};
use nixa_protocol::LocalizedText;
use nixa_protocol::jose::SigningKey;
use serde::{Deserialize, Serialize};

use crate::config::finding::Finding;
use crate::config::policy::knows;
use crate::config::uri::check_uri;

/// `[[broker.identity_provider]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamIdpSection {
    /// A short name: part of the callback `ISSUER/callback/ID` that is registered there.
    pub id: String,
    /// The name that people see.
    pub name: LocalizedText,
    /// What it is good for, as people see it.
    pub description: LocalizedText,
    /// Its issuer identifier, at which its metadata is found.
    pub issuer: String,
    /// Our client identifier there.
    pub client_id: String,
    /// The scopes to ask for.
    #[serde(default = "default_upstream_scopes")]
    pub scopes: Vec<String>,
    /// The highest level of our ladder that its accreditation allows.
    pub cap: String,
    /// The strength of the channel to it, by name in our policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The methods that can be asked of it; without it, all of its vocabulary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_request: Option<BTreeSet<String>>,
    /// Whether it says which methods a person has there (scope and claim `authenticators`).
    #[serde(default)]
    pub states_authenticators: bool,
    /// Whether it may state the personal number by which people are recognised.
    #[serde(default)]
    pub states_personal_number: bool,
    /// Whether its claims replace those of other providers.
    #[serde(default)]
    pub authoritative: bool,
    /// Its vocabulary, from weak to strong.
    pub level: Vec<UpstreamLevelSection>,
}

/// `[[broker.identity_provider.level]]`: what one of its statements stands for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamLevelSection {
    /// The provider's own `acr` value, when it must be this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// `amr` values that must all be stated.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub amr: BTreeSet<String>,
    /// The methods, by name in our policy.
    pub methods: Vec<String>,
    /// Qualities that it vouches for at each use.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub qualities: BTreeSet<Quality>,
    /// The identity level, 0-2.
    pub identity: u8,
    /// How that was established, by name in our policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proofing: Option<String>,
}

fn default_upstream_scopes() -> Vec<String> {
    ["profile", "email", "phone", "address", "personal_number"].map(str::to_owned).to_vec()
}

impl UpstreamLevelSection {
    fn map(&self) -> LevelMap {
        LevelMap {
            acr: self.acr.clone(),
            amr: self.amr.clone(),
            methods: self.methods.clone(),
            qualities: self.qualities.clone(),
            identity: self.identity,
            proofing: self.proofing.clone(),
        }
    }
}

impl UpstreamIdpSection {
    pub(super) fn settings(&self, key: &SigningKey) -> IdpSettings {
        IdpSettings {
            id: self.id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            key: key.clone(),
            scopes: self.scopes.clone(),
            cap: self.cap.clone(),
            channel: self.channel.clone(),
            levels: self.level.iter().map(UpstreamLevelSection::map).collect(),
            on_request: self.on_request.clone(),
            states_authenticators: self.states_authenticators,
            states_personal_number: self.states_personal_number,
            authoritative: self.authoritative,
        }
    }

    pub(super) fn check(&self, key: &str, policy: Option<&Policy>, findings: &mut Vec<Finding>) {
        let mut refuse = |field: &str, reason: &str| findings.push(Finding::new(format!("{key}.{field}"), reason));
        if self.id.is_empty() || !self.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            refuse("id", "must be lower-case letters, digits and hyphens");
        }
        if !knows(policy, |p| p.knows_level(&self.cap)) {
            refuse("cap", "is not on the policy's ladder");
        }
        if self.channel.as_ref().is_some_and(|c| !knows(policy, |p| p.knows_channel(c))) {
            refuse("channel", "is not a channel of the policy");
        }
        if self.level.is_empty() {
            refuse("level", "must map at least one statement");
        }
        for (i, level) in self.level.iter().enumerate() {
            if level.identity > 2 {
                refuse(&format!("level[{i}].identity"), "must be 0, 1 or 2");
            }
            if level.acr.is_none() && level.amr.is_empty() {
                refuse(&format!("level[{i}]"), "must name an acr value, amr values, or both");
            }
            if level.proofing.as_ref().is_some_and(|name| !knows(policy, |p| p.knows_proofing(name))) {
                refuse(&format!("level[{i}].proofing"), "is not a way of proofing of the policy");
            }
            if let Some(unknown) = level.methods.iter().find(|m| !knows(policy, |p| p.knows_method(m))) {
                refuse(&format!("level[{i}].methods"), &format!("`{unknown}` is not a method of the policy"));
            }
        }
        if let Some(unknown) = self.on_request.iter().flatten().find(|m| !knows(policy, |p| p.knows_method(m))) {
            refuse("on_request", &format!("`{unknown}` is not a method of the policy"));
        }
        check_uri(&format!("{key}.issuer"), &self.issuer, findings);
    }
}
