//! From a request and a session to what the assurance policy judges.

use std::collections::BTreeSet;

use assurance_policy::{Factor, Held, Quality, Requirement};
use nixa_protocol::authorize::{AuthorizationRequest, Prompt};
use nixa_protocol::id::Login;
use nixa_protocol::{Timestamp, id::Id};
use serde::{Deserialize, Serialize};

use crate::host::BrokerLogin;
use crate::settings::PortalSettings;

/// A factor that an identity provider vouched for, and in which open login it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFactor {
    /// The method's name in the policy.
    pub method: String,
    /// The identity provider.
    pub source: String,
    /// When it was shown.
    pub at: Timestamp,
    /// Qualities that were established at this use.
    #[serde(default)]
    pub qualities: BTreeSet<Quality>,
    /// In which open login it was shown anew; none when the provider only remembered it.
    pub shown_in: Option<Id<Login>>,
}

/// What a request needs, with the portal's registered minimum.
pub(crate) fn requirement(request: &AuthorizationRequest, portal: &PortalSettings) -> Requirement {
    Requirement {
        acr_values: request.acr_values.clone(),
        essential: request.essential_acr,
        minimums: portal.minimum_acr.iter().cloned().collect(),
        max_age: request.max_age,
        reauthenticate: request.prompts(Prompt::Login),
        ..Requirement::default()
    }
}

/// What a session holds, seen from one open login.
pub(crate) fn held(login: Option<&BrokerLogin>, pending: &Id<Login>) -> Held {
    let Some(login) = login else { return Held::default() };
    let factor = |f: &KnownFactor| Factor {
        method: f.method.clone(),
        source: f.source.clone(),
        at: f.at.0,
        in_request: f.shown_in.as_ref() == Some(pending),
        qualities: f.qualities.clone(),
    };
    let factors = login.factors.iter().map(factor).collect();
    Held { factors, proofing: login.proofing.clone(), ..Held::default() }
}
