//! The decision: is the requirement satisfied, by what; if not, what would satisfy it, or why nothing can.

use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::evidence::{Held, Offer};
use crate::plan::{Plan, plans};
use crate::policy::{Policy, Shown};
use crate::requirement::Requirement;

/// The evidence that reached a rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Satisfied {
    /// The level to report, by the name that was asked for where one fits.
    pub acr: String,
    /// The rung reached.
    pub rung: String,
    /// The identity provider whose evidence reached it.
    pub source: String,
    /// The methods counted.
    pub methods: Vec<String>,
    /// Values for the `amr` claim (RFC 8176).
    pub amr: Vec<String>,
    /// The value for `auth_time`: when the oldest counted factor was shown. Those shown for the request are
    /// one authentication, which took place when the last of them was shown.
    pub auth_time: i64,
}

/// Why nothing on offer can satisfy the requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// No identity provider may serve the relying party.
    NoSource,
    /// A level that must be reached is not known, or none of those asked for is.
    UnknownLevel,
    /// The identity provider's accreditation, or the channel to it, ends below the rung.
    Cap {
        /// The identity provider.
        source: String,
        /// Its highest rung; none when cap or channel is not known.
        cap: Option<String>,
    },
    /// The identity provider cannot vouch for who the person is as well as the rung needs.
    Identity {
        /// The identity provider.
        source: String,
        /// The level that it states, or could state.
        best: u8,
        /// The level needed.
        needed: u8,
    },
    /// The identity provider, or the person there, has no set of methods strong enough.
    Methods {
        /// The identity provider.
        source: String,
    },
}

/// The outcome of judging a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Decision {
    /// What is held serves; at the highest rung that it reaches.
    Satisfied(Satisfied),
    /// One of these plans, best first, would satisfy it.
    StepUp {
        /// Never empty; one per identity provider that can help.
        plans: Vec<Plan>,
    },
    /// Nothing on offer reaches the rung.
    Unmet {
        /// The rung that was needed, when it is known.
        acr: Option<String>,
        /// Why, one or more per identity provider.
        reasons: Vec<Reason>,
    },
}

impl Decision {
    /// Whether a source would still be asked for this rung: after it answered, it gave less than that.
    #[must_use]
    pub fn asks(&self, source: &str, acr: &str) -> bool {
        match self {
            Self::StepUp { plans } => plans.iter().any(|p| p.source == source && p.acr == acr),
            Self::Satisfied(_) | Self::Unmet { .. } => false,
        }
    }
}

/// Judges what is held against what is required, given what could be added.
///
/// `offers` are the identity providers allowed for the relying party; evidence of any other counts for
/// nothing. Factors of several sources are not added up: a level is reached by one source's evidence
/// under that source's cap. A wish (`acr_values` that are not essential) falls back to whatever the
/// evidence reaches when nothing on offer can fulfil it; an essential level, the minimums and what a risk
/// signal raises to never do.
#[must_use]
pub fn decide(policy: &Policy, requirement: &Requirement, held: &Held, offers: &[Offer], now: i64) -> Decision {
    let Some(floor) = must_reach(policy, requirement) else {
        return Decision::Unmet { acr: None, reasons: vec![Reason::UnknownLevel] };
    };
    let case = Case::new(policy, requirement, held, offers, now);
    let wished = requirement.acr_values.iter().find_map(|name| policy.rank(name)).unwrap_or(0);
    let aim = wished.max(floor);
    let reached = highest(&case);
    for goal in [aim, floor] {
        if let Some((rank, source)) = reached
            && rank >= goal
        {
            return Decision::Satisfied(satisfied(&case, source, rank));
        }
        let plans = plans(&case, goal);
        if !plans.is_empty() {
            return Decision::StepUp { plans };
        }
    }
    let acr = policy.steps().get(floor).map(|s| s.rung.acr.clone());
    Decision::Unmet { acr, reasons: reasons(&case, floor) }
}

/// The lowest rung that the requirement insists on; none when it cannot be known.
fn must_reach(policy: &Policy, requirement: &Requirement) -> Option<usize> {
    let mut floor = requirement.risk.iter().map(|signal| policy.raised_by(signal)).max().unwrap_or(0);
    for name in &requirement.minimums {
        floor = floor.max(policy.rank(name)?);
    }
    if requirement.essential {
        // Any of the essential values will do (OpenID Connect Core §5.5.1.1), so the lowest known one insists.
        floor = floor.max(requirement.acr_values.iter().filter_map(|name| policy.rank(name)).min()?);
    }
    Some(floor)
}

/// The highest rung that any source reaches; of several sources the one with the freshest evidence.
fn highest(case: &Case<'_>) -> Option<(usize, usize)> {
    (0..case.policy.steps().len()).rev().find_map(|rank| {
        let reaching = (0..case.sources.len()).filter(|source| case.attains(*source, rank));
        reaching.max_by_key(|source| oldest(case, *source, rank)).map(|source| (rank, source))
    })
}

fn oldest(case: &Case<'_>, source: usize, rank: usize) -> Option<i64> {
    let step = case.policy.steps().get(rank)?;
    let times = |in_request: bool| {
        standing(case, source, step).map(|i| i.factor).filter(move |f| f.in_request == in_request).map(|f| f.at)
    };
    // Taken one by one, a code typed 20 seconds after the password would make the login 20 seconds old.
    let completed = times(true).max();
    times(false).chain(completed).min()
}

/// The factors that stand for the methods of a source: one each, the first in the case's order.
fn standing<'k, 'c>(
    case: &'k Case<'c>,
    source: usize,
    step: &'c crate::policy::Step,
) -> impl Iterator<Item = &'k crate::case::Item<'c>> {
    let mut seen = 0u64;
    case.counted(source, step).filter(move |item| {
        let bit = item.entry.map_or(0, |e| 1u64.wrapping_shl(e as u32));
        let first = seen & bit == 0;
        seen |= bit;
        first
    })
}

fn satisfied(case: &Case<'_>, source: usize, rank: usize) -> Satisfied {
    let (Some(step), Some(able)) = (case.policy.steps().get(rank), case.sources.get(source)) else {
        // `highest` gives places that exist.
        let (acr, rung, source) = Default::default();
        return Satisfied { acr, rung, source, methods: vec![], amr: vec![], auth_time: 0 };
    };
    let (mut methods, mut amr, mut shown) = (Vec::new(), Vec::new(), Shown::default());
    let auth_time = oldest(case, source, rank).unwrap_or_default();
    for item in standing(case, source, step) {
        let Some(entry) = item.entry.and_then(|e| case.policy.entry(e)) else { continue };
        methods.push(entry.name.clone());
        amr.extend(entry.method.amr.iter().cloned());
        shown = shown.with(entry, item.traits);
    }
    if shown.traits.number_of_kinds() > 1 {
        amr.push("mfa".to_owned());
    }
    methods.sort();
    amr.sort();
    amr.dedup();
    let rung = step.rung.acr.clone();
    let acr = reported(case, rank).unwrap_or_else(|| rung.clone());
    Satisfied { acr, rung, source: able.offer.source.clone(), methods, amr, auth_time }
}

/// The name to report: of essential values the highest that is reached, since the answer must be one of
/// them (OpenID Connect Core §5.5.1.1); of wished ones the one that names the rung itself.
fn reported(case: &Case<'_>, rank: usize) -> Option<String> {
    let asked = case.requirement.acr_values.iter().filter_map(|name| Some((case.policy.rank(name)?, name)));
    let fits = |(asked, _): &(usize, &String)| if case.requirement.essential { *asked <= rank } else { *asked == rank };
    // The first of equal ones: `max_by_key` would give the last.
    asked.filter(fits).reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, name)| name.clone())
}

fn reasons(case: &Case<'_>, rank: usize) -> Vec<Reason> {
    let Some(step) = case.policy.steps().get(rank) else { return vec![Reason::UnknownLevel] };
    let mut reasons = Vec::new();
    for source in &case.sources {
        let name = || source.offer.source.clone();
        if source.cap.is_none_or(|cap| cap < rank) {
            let cap = source.cap.and_then(|c| case.policy.steps().get(c)).map(|s| s.rung.acr.clone());
            reasons.push(Reason::Cap { source: name(), cap });
        }
        if !case.identifies(source, step, true) {
            let best = source.proofed.map_or(source.offer.identity, |(level, _)| level);
            reasons.push(Reason::Identity { source: name(), best, needed: step.rung.identity });
        }
        let all = case.askable(source).iter().fold(Shown::default(), |shown, (_, e)| shown.with(e, e.traits));
        if !step.meets(all) {
            reasons.push(Reason::Methods { source: name() });
        }
    }
    if reasons.is_empty() { vec![Reason::NoSource] } else { reasons }
}
