//! Methods and levels in a form that decides fast.

use super::file::{Level, Method};
use crate::authentication_level::Traits;

/// A method, ready to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompiledMethod {
    pub(crate) name: String,
    pub(crate) definition: Method,
    pub(crate) traits: Traits,
    pub(crate) may: Traits,
    /// Itself, and the method that it is a class of.
    pub(super) bits: u64,
}

/// A level, ready to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompiledLevel {
    pub(crate) definition: Level,
    pub(super) rules: Vec<CompiledRule>,
    /// The greatest age by method.
    pub(super) limits: Vec<i64>,
}

/// A [`Rule`](super::file::Rule), ready to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CompiledRule {
    pub(super) authentication_level: u8,
    pub(super) qualities: Traits,
    /// The methods that must all be there, a bit each.
    pub(super) methods: u64,
}

/// A set of factors, as far as rules look at it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FactorSet {
    pub(crate) traits: Traits,
    methods: u64,
}

impl FactorSet {
    pub(crate) fn with(self, method: &CompiledMethod, traits: Traits) -> Self {
        self.and(Self { traits, methods: method.bits })
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { traits: self.traits.and(other.traits), methods: self.methods | other.methods }
    }
}

impl CompiledLevel {
    /// Whether these factors satisfy the level's authentication rules, ages aside.
    pub(crate) fn meets(&self, set: FactorSet) -> bool {
        let reached = set.traits.authentication_level();
        let holds = |rule: &CompiledRule| {
            reached >= rule.authentication_level
                && set.traits.has_qualities(rule.qualities)
                && set.methods & rule.methods == rule.methods
        };
        self.rules.iter().any(holds)
    }

    /// The greatest age at which a method counts, in seconds.
    pub(crate) fn limit(&self, method: usize) -> i64 {
        self.limits.get(method).copied().unwrap_or(0)
    }
}
