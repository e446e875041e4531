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

/// What a request needs: the strictest of what it asks for, the portal's registered minimum, and the
/// catalogue's entry for its transaction. A portal cannot ask for less than the last two say.
pub(crate) fn requirement(request: &AuthorizationRequest, portal: &PortalSettings) -> Requirement {
    let service = request.service.as_ref().and_then(|code| portal.services.get(code));
    let youngest = [request.max_age, service.and_then(|s| s.max_age)].into_iter().flatten().min();
    Requirement {
        acr_values: request.acr_values.clone(),
        essential: request.essential_acr,
        minimums: portal.minimum_acr.iter().chain(service.map(|s| &s.acr)).cloned().collect(),
        max_age: youngest,
        // `max_age=0` is `prompt=login` (OpenID Connect Core §3.1.2.1), also within the same second.
        reauthenticate: request.max_age == Some(0) || request.prompts(Prompt::Login),
        sso: service.is_none_or(|s| s.sso),
        risk: Vec::new(),
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
