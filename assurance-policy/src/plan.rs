//! The fewest new factors that would satisfy a rung.

use serde::{Deserialize, Serialize};

use crate::decision::attains;
use crate::evidence::{Factor, Held, Offer, Proofing};
use crate::policy::Policy;
use crate::requirement::Requirement;

/// A way to reach what is asked: what to ask of which identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The identity provider to ask.
    pub source: String,
    /// The rung to reach there.
    pub acr: String,
    /// The methods that are missing, in the order in which to ask for them.
    pub methods: Vec<String>,
}

/// The best plan of each offer, best first: fewest new factors, then a source that the person already
/// uses (another one may not know them), then the least burden, then by name.
pub(crate) fn plans(
    policy: &Policy,
    rank: usize,
    requirement: &Requirement,
    held: &Held,
    offers: &[Offer],
    now: i64,
) -> Vec<Plan> {
    let mut found: Vec<(usize, u32, Plan)> =
        offers.iter().filter_map(|offer| best(policy, rank, requirement, held, offer, now)).collect();
    let unused = |plan: &Plan| !held.factors.iter().any(|f| f.source == plan.source);
    found.sort_by(|a, b| (a.0, unused(&a.2), a.1, &a.2.source).cmp(&(b.0, unused(&b.2), b.1, &b.2.source)));
    found.into_iter().map(|(_, _, plan)| plan).collect()
}

fn best(
    policy: &Policy,
    rank: usize,
    requirement: &Requirement,
    held: &Held,
    offer: &Offer,
    now: i64,
) -> Option<(usize, u32, Plan)> {
    let acr = policy.ladder().get(rank)?.acr.clone();
    let mut candidates: Vec<(&str, u32)> =
        offer.methods.iter().filter_map(|name| policy.methods().get(name).map(|m| (name.as_str(), m.burden))).collect();
    candidates.sort_by_key(|(name, burden)| (*burden, *name));
    candidates.dedup();
    // More than 16 methods at one provider would make the search long; no deployment has them.
    candidates.truncate(16);
    (0u32..1 << candidates.len())
        .filter_map(|bits| {
            let chosen: Vec<(&str, u32)> =
                candidates.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, c)| *c).collect();
            let mut then = held.clone();
            then.proofing.push(Proofing { source: offer.source.clone(), level: offer.identity });
            then.factors.extend(chosen.iter().map(|(method, _)| Factor {
                method: (*method).to_owned(),
                source: offer.source.clone(),
                at: now,
                in_request: true,
            }));
            attains(policy, rank, requirement, &then, offer, now)?;
            let burden = chosen.iter().map(|(_, b)| b).sum();
            let methods = chosen.iter().map(|(m, _)| (*m).to_owned()).collect();
            Some((chosen.len(), burden, Plan { source: offer.source.clone(), acr: acr.clone(), methods }))
        })
        .min_by(|a, b| (a.0, a.1, &a.2.methods).cmp(&(b.0, b.1, &b.2.methods)))
}
