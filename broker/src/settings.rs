//! Identity providers and portals as the configuration declares them.

use std::collections::{BTreeMap, BTreeSet};

use assurance_policy::{Evidence, Factor, IdpCapability, Proofing, Quality};
use nixa_protocol::LocalizedText;
use nixa_protocol::jose::SigningKey;
use serde::{Deserialize, Serialize};

/// When a person who is logged in is asked before a portal learns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SsoConfirmation {
    /// Never: single sign-on is silent.
    Never,
    /// The first time that the portal is reached in a session.
    #[default]
    First,
    /// Each time that the portal is reached.
    Always,
}

/// A service in a portal's catalogue: what a transaction of it needs, whatever the portal asks for.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// The level that it needs, by name in the policy.
    pub acr: String,
    /// The greatest age of a factor, in seconds.
    pub max_age: Option<i64>,
    /// Whether single sign-on alone may serve.
    pub sso: bool,
    /// The name of the service, as the person reads it.
    pub text: LocalizedText,
}

/// What the broker knows of a portal beside its client registration.
#[derive(Debug, Clone, Default)]
pub struct PortalSettings {
    /// The level that the portal always needs, by name in the policy.
    pub minimum_acr: Option<String>,
    /// When "continue as" is shown.
    pub sso_confirmation: SsoConfirmation,
    /// Whether the person must agree to the release of claims; otherwise it rests on public law and the
    /// person is only told.
    pub ask_consent: bool,
    /// The identity providers that may serve it; none means all.
    pub idps: Option<BTreeSet<String>>,
    /// Its catalogue of services by code.
    pub services: BTreeMap<String, ServiceSettings>,
}

/// What one statement of an identity provider stands for: an `acr` value, `amr` values, or both together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelMap {
    /// The provider's own `acr` value, when it must be this one.
    pub acr: Option<String>,
    /// `amr` values that must all be stated.
    pub amr: BTreeSet<String>,
    /// The methods, by name in our policy, that it vouches for.
    pub methods: Vec<String>,
    /// Qualities that it vouches for at each use.
    pub qualities: BTreeSet<Quality>,
    /// The identity level that it vouches for, 0-2.
    pub identity: u8,
    /// How that was established, by name in our policy.
    pub proofing: Option<String>,
}

impl LevelMap {
    fn is_stated(&self, acr: Option<&str>, amr: &[String]) -> bool {
        self.acr.as_deref().is_none_or(|own| Some(own) == acr) && self.amr.iter().all(|own| amr.contains(own))
    }
}

/// An identity provider at which people can log in, as the configuration declares it.
#[derive(Debug, Clone)]
pub struct IdpSettings {
    /// Its name in links and evidence; part of the callback's path.
    pub id: String,
    /// The name that people see.
    pub name: LocalizedText,
    /// What it is good for, as people see it.
    pub description: LocalizedText,
    /// Its issuer identifier, at which its metadata is found (OpenID Connect Discovery §4).
    pub issuer: String,
    /// Our client identifier there.
    pub client_id: String,
    /// Signs our client assertions (RFC 7523).
    pub key: SigningKey,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// The highest level, by name in our policy, that its accreditation allows.
    pub cap: String,
    /// The strength of the channel to it, by name in our policy.
    pub channel: Option<String>,
    /// Its vocabulary, from weak to strong; of several that fit the last one stands. What is not here gives
    /// no level.
    pub levels: Vec<LevelMap>,
    /// The methods that can be asked of it; without it, all that its vocabulary has.
    pub on_request: Option<BTreeSet<String>>,
    /// Whether it says which methods a person has there (claim `authenticators`, by their names in our
    /// policy), so that nobody is sent there for one that they do not have.
    pub states_authenticators: bool,
    /// Whether it may state the personal number by which people are recognised.
    pub states_personal_number: bool,
    /// Whether its claims replace those of other providers.
    pub authoritative: bool,
}

impl IdpSettings {
    /// What it can give, for the policy.
    #[must_use]
    pub fn capability(&self) -> IdpCapability {
        let vocabulary = || self.levels.iter().flat_map(|l| l.methods.iter().cloned()).collect();
        let methods = self.on_request.clone().unwrap_or_else(vocabulary);
        IdpCapability {
            source: self.id.clone(),
            cap: self.cap.clone(),
            channel: self.channel.clone(),
            methods: methods.into_iter().collect(),
            identity: self.levels.iter().map(|l| l.identity).max().unwrap_or(0),
        }
    }

    /// What a statement of it says, as if it were shown at `at`; nothing for one that the configuration
    /// does not map.
    #[must_use]
    pub fn evidence(&self, acr: Option<&str>, amr: &[String], at: i64) -> Option<Evidence> {
        self.levels.iter().rfind(|l| l.is_stated(acr, amr)).map(|level| self.vouched(level, at))
    }

    /// What one entry of the vocabulary says, as if it were shown at `at`.
    pub(crate) fn vouched(&self, level: &LevelMap, at: i64) -> Evidence {
        let factor = |method: &String| Factor {
            method: method.clone(),
            source: self.id.clone(),
            at,
            in_request: true,
            qualities: level.qualities.clone(),
        };
        let (source, method) = (self.id.clone(), level.proofing.clone());
        Evidence {
            factors: level.methods.iter().map(factor).collect(),
            proofing: vec![Proofing { source, identity_level: level.identity, method, at: None }],
            ..Evidence::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use nixa_protocol::jose::Algorithm;

    use super::*;

    fn level(acr: Option<&str>, amr: &[&str], method: &str) -> LevelMap {
        LevelMap {
            acr: acr.map(Into::into),
            amr: amr.iter().map(|a| (*a).to_owned()).collect(),
            methods: vec![method.to_owned()],
            qualities: BTreeSet::new(),
            identity: 1,
            proofing: None,
        }
    }

    #[test]
    fn vocabulary_by_acr_by_amr_and_by_both() {
        let text = || LocalizedText { vi: String::new(), en: String::new() };
        let idp = IdpSettings {
            id: "i".into(),
            name: text(),
            description: text(),
            issuer: String::new(),
            client_id: String::new(),
            key: SigningKey::generate(Algorithm::Es256).unwrap(),
            scopes: vec![],
            cap: "c".into(),
            channel: None,
            levels: vec![
                level(Some("basic"), &[], "password"),
                level(None, &["hwk"], "passkey"),
                level(Some("basic"), &["otp", "pwd"], "totp"),
            ],
            on_request: None,
            states_authenticators: false,
            states_personal_number: false,
            authoritative: false,
        };
        let table: [(Option<&str>, &[&str], Option<&str>); 7] = [
            (Some("basic"), &[], Some("password")),
            (Some("basic"), &["otp"], Some("password")),
            (Some("basic"), &["pwd", "otp", "x"], Some("totp")),
            (None, &["hwk"], Some("passkey")),
            (Some("unknown"), &["hwk"], Some("passkey")),
            (Some("unknown"), &["pwd", "otp"], None),
            (None, &[], None),
        ];
        for (acr, amr, method) in table {
            let amr: Vec<String> = amr.iter().map(|a| (*a).to_owned()).collect();
            let found = idp.evidence(acr, &amr, 0).map(|h| h.factors[0].method.clone());
            assert_eq!(found.as_deref(), method, "{acr:?} {amr:?}");
        }
    }
}
