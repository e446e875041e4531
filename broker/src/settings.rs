//! Identity providers and portals as the configuration declares them.

use std::collections::BTreeSet;

use assurance_policy::{Factor, Held, Offer, Proofing};
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
    /// Each time.
    Always,
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
}

/// What one `acr` value of an identity provider stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelMap {
    /// The provider's own `acr` value.
    pub acr: String,
    /// The methods, by name in our policy, that it vouches for.
    pub methods: Vec<String>,
    /// The identity level that it vouches for, 0-2.
    pub identity: u8,
}

/// An identity provider.
#[derive(Debug, Clone)]
pub struct IdpSettings {
    /// Its name in links and evidence; part of the callback's path.
    pub id: String,
    /// The name that people see.
    pub name: LocalizedText,
    /// What it is good for, as people see it.
    pub description: LocalizedText,
    /// Its issuer identifier.
    pub issuer: String,
    /// Our client identifier there.
    pub client_id: String,
    /// Signs our client assertions (RFC 7523).
    pub key: SigningKey,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// The highest level, by name in our policy, that its accreditation allows.
    pub cap: String,
    /// Its vocabulary, from weak to strong. A value that is not here gives no level.
    pub levels: Vec<LevelMap>,
    /// Whether it may state the personal number by which people are recognised.
    pub states_personal_number: bool,
    /// Whether its claims replace those of other providers.
    pub authoritative: bool,
}

impl IdpSettings {
    /// What it can give, for the policy.
    #[must_use]
    pub fn offer(&self) -> Offer {
        let methods: BTreeSet<String> = self.levels.iter().flat_map(|l| l.methods.iter().cloned()).collect();
        Offer {
            source: self.id.clone(),
            cap: self.cap.clone(),
            methods: methods.into_iter().collect(),
            identity: self.levels.iter().map(|l| l.identity).max().unwrap_or(0),
        }
    }

    /// What one of its `acr` values says, as if it were shown at `at`; nothing for a value that the
    /// configuration does not map.
    #[must_use]
    pub fn evidence(&self, acr: Option<&str>, at: i64) -> Option<Held> {
        let level = self.levels.iter().find(|l| Some(l.acr.as_str()) == acr)?;
        let factor = |method: &String| Factor { method: method.clone(), source: self.id.clone(), at, in_request: true };
        Some(Held {
            factors: level.methods.iter().map(factor).collect(),
            proofing: vec![Proofing { source: self.id.clone(), level: level.identity }],
        })
    }
}
