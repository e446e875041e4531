//! What an identity provider is asked for, so that a level of ours is reached.

use assurance_policy::{Decision, Evidence, Freshness, Policy, Requirement, decide};
use nixa_protocol::Timestamp;

use crate::settings::IdpSettings;

/// The oldest login at a provider that is taken over, in seconds: asking for a `max_age` at all makes
/// the provider state `auth_time` (OpenID Connect Core §2).
const OLDEST: i64 = 8 * 3600;

/// The assurance that an authorization request asks for, in the provider's own words.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestedAssurance {
    /// The provider's own `acr` value.
    pub(crate) acr: Option<String>,
    /// Whether the person must authenticate again: `prompt=login`.
    pub(crate) reauthenticate: bool,
    /// `max_age`, in seconds.
    pub(crate) max_age: i64,
}

impl RequestedAssurance {
    /// What to ask of a provider for a level of our policy. The `acr` is the weakest one in the provider's vocabulary
    /// that the policy finds sufficient under its cap.
    pub(crate) fn for_level(
        policy: &Policy,
        idp: &IdpSettings,
        level: &str,
        requirement: &Requirement,
        reauthenticate: bool,
        now: Timestamp,
    ) -> Self {
        let need = Requirement::at_least(level);
        let reaches = |evidence: &Evidence| {
            matches!(decide(policy, &need, evidence, &[idp.capability()], now.0), Decision::Satisfied(_))
        };
        let entry = idp.levels.iter().find(|entry| entry.acr.is_some() && reaches(&idp.vouched(entry, now.0)));
        let level = policy.level(level);
        let freshness = match level.map(|level| level.freshness) {
            Some(Freshness::Seconds(seconds)) => seconds,
            _ => OLDEST,
        };
        Self {
            acr: entry.and_then(|entry| entry.acr.clone()),
            // A factor that must be shown for the request is asked for with all others: a provider that added
            // only one could as well have remembered it.
            reauthenticate: reauthenticate
                || requirement.reauthenticate
                || !requirement.sso
                || level.is_some_and(|level| !level.sso),
            max_age: freshness.min(OLDEST).min(requirement.max_age.unwrap_or(OLDEST)),
        }
    }
}
