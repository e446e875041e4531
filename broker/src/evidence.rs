//! From a request and a session to what the assurance policy judges.

use std::collections::BTreeSet;

use assurance_policy::{Evidence, Factor, Requirement};
use nixa_protocol::authorize::AuthorizationRequest;
use nixa_protocol::id;
use nixa_protocol::{Timestamp, id::Id};

use crate::settings::PortalSettings;
use crate::transaction::{KnownFactor, SessionData};

/// What a request needs: the strictest of what it asks for, the portal's registered minimum, and the
/// catalogue's entry for its transaction. A portal cannot ask for less than the last two say.
pub(crate) fn requirement(
    request: &AuthorizationRequest,
    portal: &PortalSettings,
    signals: BTreeSet<String>,
) -> Requirement {
    let service = request.service.as_ref().and_then(|code| portal.services.get(code));
    let youngest = [request.max_age, service.and_then(|s| s.max_age)].into_iter().flatten().min();
    Requirement {
        acr_values: request.acr_values.clone(),
        essential: request.essential_acr,
        minimums: portal.minimum_acr.iter().chain(service.map(|s| &s.acr)).cloned().collect(),
        max_age: youngest,
        reauthenticate: request.requires_reauthentication(),
        sso: service.is_none_or(|s| s.sso),
        risk: signals.into_iter().collect(),
    }
}

/// What a session has shown, seen from one transaction.
pub(crate) fn evidence(session: Option<&SessionData>, transaction: &Id<id::Transaction>) -> Evidence {
    let Some(session) = session else { return Evidence::default() };
    let factor = |f: &KnownFactor| Factor {
        method: f.method.clone(),
        source: f.source.clone(),
        at: f.at.0,
        in_request: f.shown_in.as_ref() == Some(transaction),
        qualities: f.qualities.clone(),
    };
    let factors = session.factors.iter().map(factor).collect();
    Evidence { factors, proofing: session.proofing.clone(), enrolled: session.enrolled.clone() }
}

/// The factors of a provider's answer, as the session will know them. Those that the session knew already
/// were not shown again, unless the provider had to ask for all of them anew.
pub(crate) fn known_factors(
    stated: Vec<Factor>,
    known: &[KnownFactor],
    transaction: &Id<id::Transaction>,
    all_new: bool,
) -> Vec<KnownFactor> {
    let remembered = |f: &Factor| !all_new && known.iter().any(|k| k.method == f.method && k.source == f.source);
    stated
        .into_iter()
        .map(|f| KnownFactor {
            shown_in: (!remembered(&f)).then(|| transaction.clone()),
            method: f.method,
            source: f.source,
            at: Timestamp(f.at),
            qualities: f.qualities,
        })
        .collect()
}

/// How many factors a session remembers; the oldest go first.
const MOST_FACTORS: usize = 32;

/// Adds factors to those known. They are kept per transaction, so that one tab's login does not take another
/// tab's evidence away.
pub(crate) fn merge(known: &mut Vec<KnownFactor>, new: &[KnownFactor]) {
    let key = |f: &KnownFactor| (f.method.clone(), f.source.clone(), f.shown_in.clone());
    known.retain(|old| !new.iter().any(|new| key(new) == key(old)));
    known.extend(new.iter().cloned());
    let too_many = known.len().saturating_sub(MOST_FACTORS);
    known.drain(..too_many);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(methods: &[&str]) -> Vec<Factor> {
        let factor = |m: &&str| Factor {
            method: (*m).to_owned(),
            source: "i".to_owned(),
            at: 5,
            in_request: true,
            qualities: BTreeSet::new(),
        };
        methods.iter().map(factor).collect()
    }

    #[test]
    fn what_the_session_knew_was_not_shown_again_unless_all_was() {
        let (first, second) = (Id::from_text("1"), Id::from_text("2"));
        let known = known_factors(stated(&["password"]), &[], &first, false);
        let shown = |all_new| -> Vec<Option<Id<id::Transaction>>> {
            let factors = known_factors(stated(&["password", "totp"]), &known, &second, all_new);
            factors.into_iter().map(|f| f.shown_in).collect()
        };
        assert_eq!(shown(false), [None, Some(second.clone())]);
        assert_eq!(shown(true), [Some(second.clone()), Some(second.clone())]);
    }

    #[test]
    fn factors_are_kept_per_login_and_bounded() {
        let mut known = Vec::new();
        for login in 0..40 {
            let login = Id::from_text(login.to_string());
            let new = known_factors(stated(&["password"]), &[], &login, true);
            merge(&mut known, &new);
            merge(&mut known, &new);
        }
        assert_eq!(known.len(), MOST_FACTORS);
        assert_eq!(known.last().and_then(|f| f.shown_in.clone()), Some(Id::from_text("39")));
    }
}
