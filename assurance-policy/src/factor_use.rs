//! For the record: which evidence counted, and why the rest did not.

use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::evidence::{Evidence, IdpCapability};
use crate::input::{Input, ResolvedFactor};
use crate::policy::Policy;
use crate::requirement::Requirement;

/// What became of one factor in a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactorUse {
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

/// What became of every factor, in the order of the evidence.
#[must_use]
pub fn explain_factors(
    policy: &Policy,
    requirement: &Requirement,
    evidence: &Evidence,
    capabilities: &[IdpCapability],
    now: i64,
    decision: &Decision,
) -> Vec<FactorUse> {
    let input = Input::new(policy, requirement, evidence, capabilities, now);
    let (acr, source) = match decision {
        Decision::Satisfied(s) => (Some(s.level.as_str()), Some(s.source.as_str())),
        Decision::StepUp { plans } => (plans.first().map(|p| p.acr.as_str()), None),
        Decision::Unmet { acr, .. } => (acr.as_deref(), None),
    };
    let rank = acr.and_then(|acr| policy.rank(acr)).unwrap_or(0);
    let mut uses = vec![FactorUse::UnknownMethod; evidence.factors.len()];
    for factor in &input.factors {
        if let Some(slot) = uses.get_mut(factor.place) {
            *slot = factor_use(&input, factor, rank, source);
        }
    }
    uses
}

fn factor_use(input: &Input<'_>, factor: &ResolvedFactor<'_>, rank: usize, reached_by: Option<&str>) -> FactorUse {
    let (requirement, age) = (input.requirement, input.now.saturating_sub(factor.stated.at));
    let Some(level) = input.policy.levels().get(rank) else { return FactorUse::UnknownMethod };
    if factor.method.is_none() {
        FactorUse::UnknownMethod
    } else if factor.source.is_none() {
        FactorUse::SourceNotAllowed
    } else if factor.stated.at > input.now {
        FactorUse::FromTheFuture
    } else if requirement.reauthenticate && !factor.stated.in_request {
        FactorUse::NotShownAgain
    } else if !factor.stated.in_request && requirement.max_age.is_some_and(|most| age > most) {
        FactorUse::OlderThanMaxAge
    } else if !input.is_fresh(factor, level) {
        FactorUse::TooOldForLevel
    } else {
        match reached_by {
            Some(source) if source == factor.stated.source => FactorUse::Counted,
            Some(_) => FactorUse::OtherSource,
            None => FactorUse::NotEnough,
        }
    }
}
