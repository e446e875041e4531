//! A case with its names looked up once, so that judging it compares numbers.

use crate::evidence::{Factor, Held, Offer};
use crate::level::Traits;
use crate::policy::{Entry, Policy, Shown, Step};
use crate::requirement::Requirement;

/// An offer, ready to be judged.
pub(crate) struct Source<'c> {
    pub(crate) offer: &'c Offer,
    /// The highest rung that accreditation and channel allow.
    pub(crate) cap: Option<usize>,
    /// The identity level held, where the source has made a statement; with the time of the best one.
    pub(crate) proofed: Option<(u8, Option<i64>)>,
}

/// A factor, ready to be counted.
pub(crate) struct Item<'c> {
    pub(crate) factor: &'c Factor,
    /// Its place among the factors held.
    pub(crate) place: usize,
    pub(crate) source: Option<usize>,
    pub(crate) entry: Option<usize>,
    pub(crate) traits: Traits,
}

/// Everything that a decision looks at.
pub(crate) struct Case<'c> {
    pub(crate) policy: &'c Policy,
    pub(crate) requirement: &'c Requirement,
    pub(crate) held: &'c Held,
    pub(crate) sources: Vec<Source<'c>>,
    /// In the order in which one stands for its method: shown for the request before remembered, newer
    /// before older.
    pub(crate) items: Vec<Item<'c>>,
    pub(crate) now: i64,
}

impl<'c> Case<'c> {
    pub(crate) fn new(
        policy: &'c Policy,
        requirement: &'c Requirement,
        held: &'c Held,
        offers: &'c [Offer],
        now: i64,
    ) -> Self {
        let source = |offer: &'c Offer| {
            let mine = held.proofing.iter().filter(|p| p.source == offer.source);
            Source {
                offer,
                cap: policy.cap(&offer.cap, offer.channel.as_deref()),
                proofed: mine.map(|p| (p.level.min(policy.proofing_limit(p.method.as_deref())), p.at)).max(),
            }
        };
        let item = |(place, factor): (usize, &'c Factor)| {
            let entry = policy.index(&factor.method);
            let traits = entry.and_then(|e| policy.entry(e)).map_or_else(Traits::default, |entry| {
                let stated = Traits::new(&Default::default(), &factor.qualities);
                entry.traits.with_qualities(stated, entry.may)
            });
            let source = offers.iter().position(|o| o.source == factor.source);
            Item { factor, place, source, entry, traits }
        };
        let mut items: Vec<Item<'c>> = held.factors.iter().enumerate().map(item).collect();
        items.sort_by_key(|i| (!i.factor.in_request, std::cmp::Reverse(i.factor.at), i.place));
        Self { policy, requirement, held, sources: offers.iter().map(source).collect(), items, now }
    }

    /// Whether a factor counts for a rung, its source aside. One that was shown for this very request is
    /// young enough for it, however long the person took to show the next one: a small `max_age` would
    /// never end otherwise.
    pub(crate) fn is_fresh(&self, item: &Item<'_>, step: &Step) -> bool {
        let Some(entry) = item.entry else { return false };
        let age = self.now.saturating_sub(item.factor.at);
        item.factor.at <= self.now
            && age <= step.limit(entry)
            && (item.factor.in_request || self.requirement.max_age.is_none_or(|most| age <= most))
            && (!self.requirement.reauthenticate || item.factor.in_request)
    }

    /// The factors of a source that count for a rung. Two factors of one method both count, which changes
    /// nothing: rules look at kinds, qualities and methods.
    pub(crate) fn counted(&self, source: usize, step: &'c Step) -> impl Iterator<Item = &Item<'c>> {
        self.items.iter().filter(move |i| i.source == Some(source) && self.is_fresh(i, step))
    }

    /// What a source's factors show for a rung, and whether one of them was shown for the request.
    pub(crate) fn shown(&self, source: usize, step: &'c Step) -> (Shown, bool) {
        self.counted(source, step).fold((Shown::default(), false), |(shown, anew), item| {
            match item.entry.and_then(|e| self.policy.entry(e)) {
                Some(entry) => (shown.with(entry, item.traits), anew || item.factor.in_request),
                None => (shown, anew),
            }
        })
    }

    /// Whether the rung must be reached by a factor shown for the request.
    pub(crate) fn needs_new_factor(&self, step: &Step) -> bool {
        !step.rung.sso || !self.requirement.sso
    }

    /// Whether cap and identity let a source reach a rung. Where it has made no statement yet, its best
    /// one stands in when `promised` asks for what could be had.
    pub(crate) fn admits(&self, source: &Source<'_>, rank: usize, step: &Step, promised: bool) -> bool {
        source.cap.is_some_and(|cap| cap >= rank) && self.identifies(source, step, promised)
    }

    pub(crate) fn identifies(&self, source: &Source<'_>, step: &Step, promised: bool) -> bool {
        let rung = &step.rung;
        match source.proofed {
            Some((level, at)) => {
                let in_time = rung
                    .proofing_age
                    .is_none_or(|most| at.is_some_and(|at| at <= self.now && self.now.saturating_sub(at) <= most));
                level >= rung.identity && (in_time || rung.identity == 0)
            }
            None if promised => source.offer.identity >= rung.identity,
            None => rung.identity == 0,
        }
    }

    /// Whether a source's evidence reaches a rung.
    pub(crate) fn attains(&self, source: usize, rank: usize) -> bool {
        let (Some(able), Some(step)) = (self.sources.get(source), self.policy.steps().get(rank)) else { return false };
        if !self.admits(able, rank, step, false) {
            return false;
        }
        let (shown, anew) = self.shown(source, step);
        step.meets(shown) && (anew || !self.needs_new_factor(step))
    }

    /// The methods that can be asked of a source: known, offered, and enrolled where that is known.
    pub(crate) fn askable(&self, source: &Source<'_>) -> Vec<(usize, &'c Entry)> {
        let enrolled = self.held.enrolled.get(&source.offer.source);
        let has = |name: &String| enrolled.is_none_or(|e| e.contains(name));
        let names = source.offer.methods.iter().filter(|m| has(m));
        let entry = |name: &String| {
            let index = self.policy.index(name)?;
            Some((index, self.policy.entry(index)?))
        };
        let mut methods: Vec<(usize, &'c Entry)> = names.filter_map(entry).collect();
        methods.sort_by_key(|(index, entry)| (entry.method.burden, *index));
        methods.dedup_by_key(|(index, _)| *index);
        methods
    }
}
