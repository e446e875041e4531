//! What a decision looks at, with every name looked up once, so that deciding compares numbers.

use crate::authentication_level::Traits;
use crate::evidence::{Evidence, Factor, IdpCapability};
use crate::policy::{CompiledLevel, CompiledMethod, FactorSet, Policy};
use crate::requirement::Requirement;

/// An identity provider that may serve the relying party.
pub(crate) struct Source<'c> {
    pub(crate) capability: &'c IdpCapability,
    /// The highest level that accreditation and channel allow.
    pub(crate) cap: Option<usize>,
    /// The identity level held, where the source has made a statement; with the time of the best one.
    pub(crate) proofed: Option<(u8, Option<i64>)>,
}

/// A factor, ready to be counted.
pub(crate) struct ResolvedFactor<'c> {
    /// The factor as the evidence has it.
    pub(crate) stated: &'c Factor,
    /// Its place in the evidence.
    pub(crate) place: usize,
    /// The place of its source among those of the decision.
    pub(crate) source: Option<usize>,
    /// The place of its method in the policy.
    pub(crate) method: Option<usize>,
    pub(crate) traits: Traits,
}

/// Everything that a decision looks at.
pub(crate) struct Input<'c> {
    pub(crate) policy: &'c Policy,
    pub(crate) requirement: &'c Requirement,
    pub(crate) evidence: &'c Evidence,
    pub(crate) sources: Vec<Source<'c>>,
    /// In the order in which one stands for its method: shown for the request before remembered, newer
    /// before older.
    pub(crate) factors: Vec<ResolvedFactor<'c>>,
    pub(crate) now: i64,
}

impl<'c> Input<'c> {
    pub(crate) fn new(
        policy: &'c Policy,
        requirement: &'c Requirement,
        evidence: &'c Evidence,
        capabilities: &'c [IdpCapability],
        now: i64,
    ) -> Self {
        let source = |capability: &'c IdpCapability| {
            let mine = evidence.proofing.iter().filter(|p| p.source == capability.source);
            Source {
                capability,
                cap: policy.cap(&capability.cap, capability.channel.as_deref()),
                proofed: mine.map(|p| (p.identity_level.min(policy.proofing_limit(p.method.as_deref())), p.at)).max(),
            }
        };
        let factor = |(place, stated): (usize, &'c Factor)| {
            let method = policy.method_index(&stated.method);
            let traits = method.and_then(|m| policy.method(m)).map_or_else(Traits::default, |method| {
                let qualities = Traits::new(&Default::default(), &stated.qualities);
                method.traits.with_qualities(qualities, method.may)
            });
            let source = capabilities.iter().position(|c| c.source == stated.source);
            ResolvedFactor { stated, place, source, method, traits }
        };
        let mut factors: Vec<ResolvedFactor<'c>> = evidence.factors.iter().enumerate().map(factor).collect();
        factors.sort_by_key(|f| (!f.stated.in_request, std::cmp::Reverse(f.stated.at), f.place));
        Self { policy, requirement, evidence, sources: capabilities.iter().map(source).collect(), factors, now }
    }

    /// Whether a factor counts for a level, its source aside. One that was shown for this very request is
    /// young enough for it, however long the person took to show the next one: a small `max_age` would
    /// never end otherwise.
    pub(crate) fn is_fresh(&self, factor: &ResolvedFactor<'_>, level: &CompiledLevel) -> bool {
        let Some(method) = factor.method else { return false };
        let age = self.now.saturating_sub(factor.stated.at);
        factor.stated.at <= self.now
            && age <= level.limit(method)
            && (factor.stated.in_request || self.requirement.max_age.is_none_or(|most| age <= most))
            && (!self.requirement.reauthenticate || factor.stated.in_request)
    }

    /// The factors of a source that count for a level. Two factors of one method both count, which changes
    /// nothing: rules look at kinds, qualities and methods.
    pub(crate) fn counted(&self, source: usize, level: &'c CompiledLevel) -> impl Iterator<Item = &ResolvedFactor<'c>> {
        self.factors.iter().filter(move |f| f.source == Some(source) && self.is_fresh(f, level))
    }

    /// What a source's factors show for a level, and whether one of them was shown for the request.
    pub(crate) fn factor_set(&self, source: usize, level: &'c CompiledLevel) -> (FactorSet, bool) {
        self.counted(source, level).fold((FactorSet::default(), false), |(set, anew), factor| {
            match factor.method.and_then(|m| self.policy.method(m)) {
                Some(method) => (set.with(method, factor.traits), anew || factor.stated.in_request),
                None => (set, anew),
            }
        })
    }

    /// Whether the level must be reached by a factor shown for the request.
    pub(crate) fn needs_new_factor(&self, level: &CompiledLevel) -> bool {
        !level.definition.sso || !self.requirement.sso
    }

    /// Whether cap and identity let a source reach a level. Where it has made no statement yet, its best
    /// one stands in when `promised` asks for what could be had.
    pub(crate) fn admits(&self, source: &Source<'_>, rank: usize, level: &CompiledLevel, promised: bool) -> bool {
        source.cap.is_some_and(|cap| cap >= rank) && self.identifies(source, level, promised)
    }

    pub(crate) fn identifies(&self, source: &Source<'_>, level: &CompiledLevel, promised: bool) -> bool {
        let needed = level.definition.identity;
        match source.proofed {
            Some((stated, at)) => {
                let in_time = level
                    .definition
                    .proofing_age
                    .is_none_or(|most| at.is_some_and(|at| at <= self.now && self.now.saturating_sub(at) <= most));
                stated >= needed && (in_time || needed == 0)
            }
            None if promised => source.capability.identity >= needed,
            None => needed == 0,
        }
    }

    /// Whether a source's evidence reaches a level.
    pub(crate) fn attains(&self, source: usize, rank: usize) -> bool {
        let (Some(from), Some(level)) = (self.sources.get(source), self.policy.levels().get(rank)) else {
            return false;
        };
        if !self.admits(from, rank, level, false) {
            return false;
        }
        let (set, anew) = self.factor_set(source, level);
        level.meets(set) && (anew || !self.needs_new_factor(level))
    }

    /// The methods that can be asked of a source: known, offered, and enrolled where that is known.
    pub(crate) fn available_methods(&self, source: &Source<'_>) -> Vec<(usize, &'c CompiledMethod)> {
        let enrolled = self.evidence.enrolled.get(&source.capability.source);
        let has = |name: &String| enrolled.is_none_or(|methods| methods.contains(name));
        let names = source.capability.methods.iter().filter(|m| has(m));
        let method = |name: &String| {
            let index = self.policy.method_index(name)?;
            Some((index, self.policy.method(index)?))
        };
        let mut methods: Vec<(usize, &'c CompiledMethod)> = names.filter_map(method).collect();
        methods.sort_by_key(|(index, method)| (method.definition.burden, *index));
        methods.dedup_by_key(|(index, _)| *index);
        methods
    }
}
