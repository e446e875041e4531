//! The fewest new factors that would satisfy a level.

use serde::{Deserialize, Serialize};

use crate::input::{Input, Source};
use crate::policy::{CompiledLevel, CompiledMethod, FactorSet};

/// A way to reach what is asked: what to ask of which identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The identity provider to ask.
    pub source: String,
    /// The level to reach there.
    pub acr: String,
    /// The methods that are missing, the least burden first.
    pub methods: Vec<String>,
}

/// The best plan of each identity provider, best first: fewest new factors, then a source that the person already
/// uses (another one may not know them), then the least burden, then by name.
pub(crate) fn plans(input: &Input<'_>, rank: usize) -> Vec<Plan> {
    let Some(level) = input.policy.levels().get(rank) else { return Vec::new() };
    let mut found: Vec<(usize, bool, u32, Plan)> = Vec::new();
    for (place, source) in input.sources.iter().enumerate() {
        if !input.admits(source, rank, level, true) {
            continue;
        }
        let Some((chosen, burden)) = best(input, place, source, level) else { continue };
        let unused = !input.factors.iter().any(|f| f.source == Some(place));
        let methods = chosen.iter().map(|m| m.name.clone()).collect();
        let plan = Plan { source: source.capability.source.clone(), acr: level.definition.acr.clone(), methods };
        found.push((chosen.len(), unused, burden, plan));
    }
    found.sort_by(|a, b| (a.0, a.1, a.2, &a.3.source).cmp(&(b.0, b.1, b.2, &b.3.source)));
    found.into_iter().map(|(_, _, _, plan)| plan).collect()
}

/// A search through the sets of one size.
struct Search<'k, 'c> {
    level: &'c CompiledLevel,
    methods: &'k [(usize, &'c CompiledMethod)],
    best: Option<(Vec<usize>, u32)>,
}

/// The smallest set of methods that, added to what is held, satisfies the level; of equal ones the one
/// with the least burden, then the first by name.
fn best<'c>(
    input: &Input<'c>,
    place: usize,
    source: &Source<'c>,
    level: &'c CompiledLevel,
) -> Option<(Vec<&'c CompiledMethod>, u32)> {
    let (shown, _) = input.factor_set(place, level);
    let methods = input.available_methods(source);
    let all = methods.iter().fold(shown, |set, (_, m)| set.with(m, m.traits));
    if !level.meets(all) {
        return None;
    }
    let mut search = Search { level, methods: &methods, best: None };
    // At least one: evidence that needs nothing more would have been satisfied, unless something must be
    // shown for the request or the source has yet to say who the person is.
    for size in 1..=methods.len() {
        search.walk(0, size, shown, &mut Vec::new(), 0);
        if let Some((chosen, burden)) = search.best {
            return Some((chosen.iter().filter_map(|i| methods.get(*i)).map(|(_, m)| *m).collect(), burden));
        }
    }
    None
}

impl Search<'_, '_> {
    fn walk(&mut self, from: usize, left: usize, set: FactorSet, chosen: &mut Vec<usize>, burden: u32) {
        if left == 0 {
            let better = self.best.as_ref().is_none_or(|(_, least)| burden < *least);
            if better && self.level.meets(set) {
                self.best = Some((chosen.clone(), burden));
            }
            return;
        }
        for (i, (_, method)) in self.methods.iter().enumerate().skip(from) {
            chosen.push(i);
            let burden = burden.saturating_add(method.definition.burden);
            self.walk(i + 1, left - 1, set.with(method, method.traits), chosen, burden);
            chosen.pop();
        }
    }
}
