//! For the record: which evidence counted, and why the rest did not.

use serde::{Deserialize, Serialize};

use crate::case::{Case, Item};
use crate::decision::Decision;
use crate::evidence::{Held, Offer};
use crate::policy::Policy;
use crate::requirement::Requirement;

/// What became of one factor in a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// It reached the level.
    Counted,
    /// It would count for the level that is aimed at, which needs more.
    NotEnough,
    /// Another source's evidence reached the level.
    OtherSource,
    /// Its source may not serve this relying party.
    SourceNotAllowed,
    /// The policy does not know its method.
    UnknownMethod,
    /// It is said to have been shown later than now.
    FromTheFuture,
    /// It is older than the relying party allows.
    OlderThanMaxAge,
    /// The relying party wants the person to log in again, and it was shown before.
    NotShownAgain,
    /// It is older than the level allows.
    TooOldForLevel,
}

/// What became of every factor, in the order in which they are held.
#[must_use]
pub fn weigh(
    policy: &Policy,
    requirement: &Requirement,
    held: &Held,
    offers: &[Offer],
    now: i64,
    decision: &Decision,
) -> Vec<Use> {
    let case = Case::new(policy, requirement, held, offers, now);
    let (acr, source) = match decision {
        Decision::Satisfied(s) => (Some(s.rung.as_str()), Some(s.source.as_str())),
        Decision::StepUp { plans } => (plans.first().map(|p| p.acr.as_str()), None),
        Decision::Unmet { acr, .. } => (acr.as_deref(), None),
    };
    let rank = acr.and_then(|acr| policy.rank(acr)).unwrap_or(0);
    let mut uses = vec![Use::UnknownMethod; held.factors.len()];
    for item in &case.items {
        if let Some(slot) = uses.get_mut(item.place) {
            *slot = judge(&case, item, rank, source);
        }
    }
    uses
}

fn judge(case: &Case<'_>, item: &Item<'_>, rank: usize, reached_by: Option<&str>) -> Use {
    let (requirement, age) = (case.requirement, case.now.saturating_sub(item.factor.at));
    let Some(step) = case.policy.steps().get(rank) else { return Use::UnknownMethod };
    if item.entry.is_none() {
        Use::UnknownMethod
    } else if item.source.is_none() {
        Use::SourceNotAllowed
    } else if item.factor.at > case.now {
        Use::FromTheFuture
    } else if requirement.reauthenticate && !item.factor.in_request {
        Use::NotShownAgain
    } else if !item.factor.in_request && requirement.max_age.is_some_and(|most| age > most) {
        Use::OlderThanMaxAge
    } else if !case.is_fresh(item, step) {
        Use::TooOldForLevel
    } else {
        match reached_by {
            Some(source) if source == item.factor.source => Use::Counted,
            Some(_) => Use::OtherSource,
            None => Use::NotEnough,
        }
    }
}
