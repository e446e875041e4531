//! The fewest new factors that would satisfy a rung.

use serde::{Deserialize, Serialize};

use crate::case::{Case, Source};
use crate::policy::{Entry, Shown, Step};

/// A way to reach what is asked: what to ask of which identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The identity provider to ask.
    pub source: String,
    /// The rung to reach there.
    pub acr: String,
    /// The methods that are missing, the least burden first.
    pub methods: Vec<String>,
}

/// The best plan of each offer, best first: fewest new factors, then a source that the person already
/// uses (another one may not know them), then the least burden, then by name.
pub(crate) fn plans(case: &Case<'_>, rank: usize) -> Vec<Plan> {
    let Some(step) = case.policy.steps().get(rank) else { return Vec::new() };
    let mut found: Vec<(usize, bool, u32, Plan)> = Vec::new();
    for (place, source) in case.sources.iter().enumerate() {
        if !case.admits(source, rank, step, true) {
            continue;
        }
        let Some((chosen, burden)) = best(case, place, source, step) else { continue };
        let unused = !case.items.iter().any(|i| i.source == Some(place));
        let methods = chosen.iter().map(|e| e.name.clone()).collect();
        let plan = Plan { source: source.offer.source.clone(), acr: step.rung.acr.clone(), methods };
        found.push((chosen.len(), unused, burden, plan));
    }
    found.sort_by(|a, b| (a.0, a.1, a.2, &a.3.source).cmp(&(b.0, b.1, b.2, &b.3.source)));
    found.into_iter().map(|(_, _, _, plan)| plan).collect()
}

struct Search<'k, 'c> {
    step: &'c Step,
    methods: &'k [(usize, &'c Entry)],
    best: Option<(Vec<usize>, u32)>,
}

/// The smallest set of methods that, added to what is held, satisfies the rung; of equal ones the one
/// with the least burden, then the first by name.
fn best<'c>(case: &Case<'c>, place: usize, source: &Source<'c>, step: &'c Step) -> Option<(Vec<&'c Entry>, u32)> {
    let (held, _) = case.shown(place, step);
    let methods = case.askable(source);
    let all = methods.iter().fold(held, |shown, (_, e)| shown.with(e, e.traits));
    if !step.meets(all) {
        return None;
    }
    let mut search = Search { step, methods: &methods, best: None };
    // At least one: evidence that needs nothing more would have been satisfied, unless something must be
    // shown for the request or the source has yet to say who the person is.
    for size in 1..=methods.len() {
        search.walk(0, size, held, &mut Vec::new(), 0);
        if let Some((chosen, burden)) = search.best {
            return Some((chosen.iter().filter_map(|i| methods.get(*i)).map(|(_, e)| *e).collect(), burden));
        }
    }
    None
}

impl Search<'_, '_> {
    fn walk(&mut self, from: usize, left: usize, shown: Shown, chosen: &mut Vec<usize>, burden: u32) {
        if left == 0 {
            let better = self.best.as_ref().is_none_or(|(_, least)| burden < *least);
            if better && self.step.meets(shown) {
                self.best = Some((chosen.clone(), burden));
            }
            return;
        }
        for (i, (_, entry)) in self.methods.iter().enumerate().skip(from) {
            chosen.push(i);
            let burden = burden.saturating_add(entry.method.burden);
            self.walk(i + 1, left - 1, shown.with(entry, entry.traits), chosen, burden);
            chosen.pop();
        }
    }
}
