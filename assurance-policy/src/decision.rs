//! The decision: is the requirement satisfied, by what; if not, what would satisfy it, or why nothing can.

use serde::{Deserialize, Serialize};

use crate::evidence::{Factor, Held, Offer};
use crate::plan::{Plan, plans};
use crate::policy::Policy;
use crate::requirement::Requirement;

/// The evidence that reached a rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Satisfied {
    /// The rung reached.
    pub acr: String,
    /// The identity provider whose evidence reached it.
    pub source: String,
    /// The methods counted.
    pub methods: Vec<String>,
    /// Values for the `amr` claim (RFC 8176).
    pub amr: Vec<String>,
    /// When the oldest counted factor was shown: the careful value for `auth_time`.
    pub auth_time: i64,
}

/// Why nothing on offer can satisfy the requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// No identity provider may serve the relying party.
    NoSource,
    /// None of the names asked for is on the ladder.
    UnknownLevel,
    /// The identity provider's accreditation ends below the rung.
    Cap {
        /// The identity provider.
        source: String,
        /// Its highest rung.
        cap: String,
    },
    /// The identity provider cannot vouch for who the person is as well as the rung needs.
    Identity {
        /// The identity provider.
        source: String,
        /// The level that it can state.
        best: u8,
        /// The level needed.
        needed: u8,
    },
    /// The identity provider has no set of methods strong enough.
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

/// Judges what is held against what is required, given what could be added.
///
/// `offers` are the identity providers allowed for the relying party; evidence of any other counts for
/// nothing. Factors of several sources are not added up: a level is reached by one source's evidence
/// under that source's cap. A wish (`acr_values` that are not essential) falls back to whatever the
/// evidence reaches when nothing on offer can fulfil it; an essential level and the minimum never do.
#[must_use]
pub fn decide(policy: &Policy, requirement: &Requirement, held: &Held, offers: &[Offer], now: i64) -> Decision {
    let floor = match must_reach(policy, requirement) {
        Ok(floor) => floor,
        Err(reason) => return Decision::Unmet { acr: None, reasons: vec![reason] },
    };
    let wished = requirement.acr_values.iter().find_map(|name| policy.rank(name)).unwrap_or(0);
    let aim = wished.max(floor);
    for goal in [aim, floor] {
        let reached = highest(policy, requirement, held, offers, now);
        if let Some((rank, satisfied)) = reached
            && rank >= goal
        {
            return Decision::Satisfied(satisfied);
        }
        let plans = plans(policy, goal, requirement, held, offers, now);
        if !plans.is_empty() {
            return Decision::StepUp { plans };
        }
    }
    let acr = policy.ladder().get(floor).map(|r| r.acr.clone());
    Decision::Unmet { acr, reasons: reasons(policy, floor, offers) }
}

/// The lowest rung that the requirement insists on.
fn must_reach(policy: &Policy, requirement: &Requirement) -> Result<usize, Reason> {
    let minimum = match &requirement.minimum {
        Some(name) => policy.rank(name).ok_or(Reason::UnknownLevel)?,
        None => 0,
    };
    if !requirement.essential {
        return Ok(minimum);
    }
    // Any of the essential values will do (OpenID Connect Core §5.5.1.1), so the lowest known one is the floor.
    let essential = requirement.acr_values.iter().filter_map(|name| policy.rank(name)).min();
    Ok(essential.ok_or(Reason::UnknownLevel)?.max(minimum))
}

fn highest(
    policy: &Policy,
    requirement: &Requirement,
    held: &Held,
    offers: &[Offer],
    now: i64,
) -> Option<(usize, Satisfied)> {
    (0..policy.ladder().len()).rev().find_map(|rank| {
        offers
            .iter()
            .filter_map(|offer| attains(policy, rank, requirement, held, offer, now))
            .max_by_key(|s| s.auth_time)
            .map(|s| (rank, s))
    })
}

/// Whether the evidence of one source reaches a rung under that source's cap.
pub(crate) fn attains(
    policy: &Policy,
    rank: usize,
    requirement: &Requirement,
    held: &Held,
    offer: &Offer,
    now: i64,
) -> Option<Satisfied> {
    let rung = policy.ladder().get(rank)?;
    if policy.rank(&offer.cap)? < rank || held.identity(&offer.source) < rung.identity {
        return None;
    }
    let counted = counted(policy, rank, requirement, held, offer, now);
    let methods: Vec<&str> = counted.iter().map(|f| f.method.as_str()).collect();
    if !policy.meets(rung, &methods) || (!rung.sso && !counted.iter().any(|f| f.in_request)) {
        return None;
    }
    let mut amr: Vec<String> = methods.iter().flat_map(|m| policy.amr(m)).cloned().collect();
    if distinct_kinds(policy, &methods) > 1 {
        amr.push("mfa".to_owned());
    }
    amr.sort();
    amr.dedup();
    Some(Satisfied {
        acr: rung.acr.clone(),
        source: offer.source.clone(),
        auth_time: counted.iter().map(|f| f.at).min()?,
        methods: methods.iter().map(|m| (*m).to_owned()).collect(),
        amr,
    })
}

/// The factors that count: known, of this source, young enough for the rung and the request, and not
/// from the future. Per method one stands: shown for the request before remembered, newer before older.
fn counted<'h>(
    policy: &Policy,
    rank: usize,
    requirement: &Requirement,
    held: &'h Held,
    offer: &Offer,
    now: i64,
) -> Vec<&'h Factor> {
    let Some(rung) = policy.ladder().get(rank) else { return Vec::new() };
    let mut counted: Vec<&Factor> = held
        .factors
        .iter()
        .filter(|f| f.source == offer.source && policy.methods().contains_key(&f.method))
        .filter(|f| f.at <= now && rung.freshness.allows(now - f.at))
        .filter(|f| requirement.max_age.is_none_or(|max_age| now - f.at <= max_age))
        .filter(|f| !requirement.reauthenticate || f.in_request)
        .collect();
    counted.sort_by(|a, b| (&a.method, !a.in_request, -a.at).cmp(&(&b.method, !b.in_request, -b.at)));
    counted.dedup_by(|a, b| a.method == b.method);
    counted
}

fn distinct_kinds(policy: &Policy, methods: &[&str]) -> usize {
    let kinds = methods.iter().filter_map(|m| policy.methods().get(*m)).flat_map(|m| m.kinds.iter());
    kinds.collect::<std::collections::BTreeSet<_>>().len()
}

fn reasons(policy: &Policy, rank: usize, offers: &[Offer]) -> Vec<Reason> {
    let Some(rung) = policy.ladder().get(rank) else { return vec![Reason::UnknownLevel] };
    let mut reasons = Vec::new();
    for offer in offers {
        let source = offer.source.clone();
        if policy.rank(&offer.cap).is_none_or(|cap| cap < rank) {
            reasons.push(Reason::Cap { source: source.clone(), cap: offer.cap.clone() });
        }
        if offer.identity < rung.identity {
            let (best, needed) = (offer.identity, rung.identity);
            reasons.push(Reason::Identity { source: source.clone(), best, needed });
        }
        let methods: Vec<&str> = offer.methods.iter().map(String::as_str).collect();
        if !policy.meets(rung, &methods) {
            reasons.push(Reason::Methods { source });
        }
    }
    if reasons.is_empty() { vec![Reason::NoSource] } else { reasons }
}
