//! The decision: is the requirement satisfied, by what; if not, what would satisfy it, or why nothing can.

use serde::{Deserialize, Serialize};

use crate::evidence::{Evidence, IdpCapability};
use crate::input::{Input, ResolvedFactor};
use crate::plan::{Plan, plans};
use crate::policy::{CompiledLevel, FactorSet, Policy};
use crate::requirement::Requirement;

/// The evidence that reached a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Satisfied {
    /// The level to report, by the name that was asked for where one fits.
    pub acr: String,
    /// The same level by its own name in the policy.
    #[serde(rename = "rung")]
    pub level: String,
    /// The identity provider whose evidence reached it.
    pub source: String,
    /// The methods that counted, by name in the policy.
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
    /// The identity provider's accreditation, or the channel to it, ends below the level.
    Cap {
        /// The identity provider, by its name in the evidence.
        source: String,
        /// Its highest level; none when cap or channel is not known.
        cap: Option<String>,
    },
    /// The identity provider cannot vouch for who the person is as well as the level needs.
    Identity {
        /// The identity provider, by its name in the evidence.
        source: String,
        /// The level that it states, or could state.
        best: u8,
        /// The lowest identity level that would do.
        needed: u8,
    },
    /// The identity provider, or the person there, has no set of methods strong enough.
    Methods {
        /// The identity provider, by its name in the evidence.
        source: String,
    },
}

/// The outcome of judging a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Decision {
    /// The evidence serves; at the highest level that it reaches.
    Satisfied(Satisfied),
    /// One of these plans, best first, would satisfy it.
    StepUp {
        /// Never empty; one per identity provider that can help.
        plans: Vec<Plan>,
    },
    /// Nothing on offer reaches the level.
    Unmet {
        /// The level that was needed, when it is known.
        acr: Option<String>,
        /// Why, one or more per identity provider.
        reasons: Vec<Reason>,
    },
}

impl Decision {
    /// Whether a source would still be asked for this level: after it answered, it gave less than that.
    #[must_use]
    pub fn asks(&self, source: &str, acr: &str) -> bool {
        match self {
            Self::StepUp { plans } => plans.iter().any(|p| p.source == source && p.acr == acr),
            Self::Satisfied(_) | Self::Unmet { .. } => false,
        }
    }
}

/// Judges the evidence against what is required, given what could be added.
///
/// `capabilities` are those of the identity providers allowed for the relying party; evidence of any other counts for
/// nothing. Factors of several sources are not added up: a level is reached by one source's evidence
/// under that source's cap. Voluntary `acr_values` fall back to whatever the
/// evidence reaches when nothing on offer can fulfil them; an essential level, the minimums and what a risk
/// signal raises to never do.
#[must_use]
pub fn decide(
    policy: &Policy,
    requirement: &Requirement,
    evidence: &Evidence,
    capabilities: &[IdpCapability],
    now: i64,
) -> Decision {
    let Some(floor) = must_reach(policy, requirement) else {
        return Decision::Unmet { acr: None, reasons: vec![Reason::UnknownLevel] };
    };
    let input = Input::new(policy, requirement, evidence, capabilities, now);
    let requested = requirement.acr_values.iter().find_map(|name| policy.rank(name)).unwrap_or(0);
    let aim = requested.max(floor);
    let reached = highest(&input);
    for goal in [aim, floor] {
        if let Some((rank, source)) = reached
            && rank >= goal
        {
            return Decision::Satisfied(satisfied(&input, source, rank));
        }
        let plans = plans(&input, goal);
        if !plans.is_empty() {
            return Decision::StepUp { plans };
        }
    }
    let acr = policy.levels().get(floor).map(|level| level.definition.acr.clone());
    Decision::Unmet { acr, reasons: reasons(&input, floor) }
}

/// The lowest level that the requirement insists on; none when it cannot be known.
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

/// The highest level that any source reaches; of several sources the one with the freshest evidence.
fn highest(input: &Input<'_>) -> Option<(usize, usize)> {
    (0..input.policy.levels().len()).rev().find_map(|rank| {
        let reaching = (0..input.sources.len()).filter(|source| input.attains(*source, rank));
        reaching.max_by_key(|source| oldest(input, *source, rank)).map(|source| (rank, source))
    })
}

fn oldest(input: &Input<'_>, source: usize, rank: usize) -> Option<i64> {
    let level = input.policy.levels().get(rank)?;
    let times = |in_request: bool| {
        one_per_method(input, source, level).map(|f| f.stated).filter(move |f| f.in_request == in_request).map(|f| f.at)
    };
    // Taken one by one, a code typed 20 seconds after the password would make the login 20 seconds old.
    let completed = times(true).max();
    times(false).chain(completed).min()
}

/// The factors that stand for the methods of a source: one each, the first in the order of the input.
fn one_per_method<'k, 'c>(
    input: &'k Input<'c>,
    source: usize,
    level: &'c CompiledLevel,
) -> impl Iterator<Item = &'k ResolvedFactor<'c>> {
    let mut seen = 0u64;
    input.counted(source, level).filter(move |factor| {
        let bit = factor.method.map_or(0, |m| 1u64.wrapping_shl(m as u32));
        let first = seen & bit == 0;
        seen |= bit;
        first
    })
}

fn satisfied(input: &Input<'_>, source: usize, rank: usize) -> Satisfied {
    let (Some(level), Some(from)) = (input.policy.levels().get(rank), input.sources.get(source)) else {
        // `highest` gives places that exist.
        let (acr, level, source) = Default::default();
        return Satisfied { acr, level, source, methods: vec![], amr: vec![], auth_time: 0 };
    };
    let (mut methods, mut amr, mut set) = (Vec::new(), Vec::new(), FactorSet::default());
    let auth_time = oldest(input, source, rank).unwrap_or_default();
    for factor in one_per_method(input, source, level) {
        let Some(method) = factor.method.and_then(|m| input.policy.method(m)) else { continue };
        methods.push(method.name.clone());
        amr.extend(method.definition.amr.iter().cloned());
        set = set.with(method, factor.traits);
    }
    if set.traits.number_of_kinds() > 1 {
        amr.push("mfa".to_owned());
    }
    methods.sort();
    amr.sort();
    amr.dedup();
    let level = level.definition.acr.clone();
    let acr = reported(input, rank).unwrap_or_else(|| level.clone());
    Satisfied { acr, level, source: from.capability.source.clone(), methods, amr, auth_time }
}

/// The name to report: of essential values the highest that is reached, since the answer must be one of
/// them (OpenID Connect Core §5.5.1.1); of voluntary ones the one that names the level itself.
fn reported(input: &Input<'_>, rank: usize) -> Option<String> {
    let asked = input.requirement.acr_values.iter().filter_map(|name| Some((input.policy.rank(name)?, name)));
    let fits =
        |(asked, _): &(usize, &String)| if input.requirement.essential { *asked <= rank } else { *asked == rank };
    // The first of equal ones: `max_by_key` would give the last.
    asked.filter(fits).reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, name)| name.clone())
}

fn reasons(input: &Input<'_>, rank: usize) -> Vec<Reason> {
    let Some(level) = input.policy.levels().get(rank) else { return vec![Reason::UnknownLevel] };
    let mut reasons = Vec::new();
    for source in &input.sources {
        let name = || source.capability.source.clone();
        if source.cap.is_none_or(|cap| cap < rank) {
            let cap = source.cap.and_then(|c| input.policy.levels().get(c)).map(|level| level.definition.acr.clone());
            reasons.push(Reason::Cap { source: name(), cap });
        }
        if !input.identifies(source, level, true) {
            let best = source.proofed.map_or(source.capability.identity, |(stated, _)| stated);
            reasons.push(Reason::Identity { source: name(), best, needed: level.definition.identity });
        }
        let methods = input.available_methods(source);
        let all = methods.iter().fold(FactorSet::default(), |set, (_, m)| set.with(m, m.traits));
        if !level.meets(all) {
            reasons.push(Reason::Methods { source: name() });
        }
    }
    if reasons.is_empty() { vec![Reason::NoSource] } else { reasons }
}
