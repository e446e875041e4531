//! The policy: methods, the ladder and its names.

mod check;
mod compiled;
mod error;
mod file;

use std::collections::BTreeMap;

pub(crate) use compiled::{CompiledLevel, CompiledMethod, FactorSet};
pub use error::{PolicyError, PolicyFinding};
pub use file::{Freshness, Level, Method, Rule};

/// A loaded policy, known to be consistent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    version: String,
    methods: Vec<CompiledMethod>,
    levels: Vec<CompiledLevel>,
    names: BTreeMap<String, usize>,
    channels: BTreeMap<String, usize>,
    proofing: BTreeMap<String, u8>,
    risk: BTreeMap<String, usize>,
}

impl Policy {
    /// The first 8 bytes, in hex, of the SHA-256 of the file: what a decision's record names.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The ladder from the lowest level up.
    pub fn ladder(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().map(|l| &l.definition)
    }

    /// The methods with their names, in alphabetical order.
    pub fn methods(&self) -> impl Iterator<Item = (&str, &Method)> {
        self.methods.iter().map(|m| (m.name.as_str(), &m.definition))
    }

    /// Whether the policy knows a method by exactly this name.
    #[must_use]
    pub fn knows_method(&self, name: &str) -> bool {
        self.methods.binary_search_by(|m| m.name.as_str().cmp(name)).is_ok()
    }

    /// Every name of a level: the `acr` values from the lowest up, then the cross-walk.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let other = self
            .names
            .iter()
            .filter(|(name, rank)| self.levels.get(**rank).is_some_and(|l| l.definition.acr != **name));
        self.ladder().map(|level| level.acr.as_str()).chain(other.map(|(name, _)| name.as_str()))
    }

    /// Whether the policy knows a level by this name.
    #[must_use]
    pub fn knows_level(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Whether the policy knows a channel strength by this name.
    #[must_use]
    pub fn knows_channel(&self, name: &str) -> bool {
        self.channels.contains_key(name)
    }

    /// Whether the policy knows a way of proofing by this name.
    #[must_use]
    pub fn knows_proofing(&self, name: &str) -> bool {
        self.proofing.contains_key(name)
    }

    /// Whether the policy knows a risk signal by this name.
    #[must_use]
    pub fn knows_signal(&self, name: &str) -> bool {
        self.risk.contains_key(name)
    }

    /// The level with this name; `None` for an unknown name, which is never replaced by a default.
    #[must_use]
    pub fn level(&self, name: &str) -> Option<&Level> {
        self.rank(name).and_then(|rank| self.levels.get(rank)).map(|l| &l.definition)
    }

    pub(crate) fn rank(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(crate) fn levels(&self) -> &[CompiledLevel] {
        &self.levels
    }

    pub(crate) fn method(&self, index: usize) -> Option<&CompiledMethod> {
        self.methods.get(index)
    }

    /// The place of a method; a class that is not known counts as its method, which is the careful one.
    pub(crate) fn method_index(&self, name: &str) -> Option<usize> {
        let find = |name: &str| self.methods.binary_search_by(|m| m.name.as_str().cmp(name)).ok();
        find(name).or_else(|| find(name.split_once(':')?.0))
    }

    /// The level that accreditation and channel allow together.
    pub(crate) fn cap(&self, cap: &str, channel: Option<&str>) -> Option<usize> {
        let accredited = self.rank(cap)?;
        match channel {
            None => Some(accredited),
            Some(channel) => Some(accredited.min(*self.channels.get(channel)?)),
        }
    }

    /// The identity level that a way of proofing can give at most.
    pub(crate) fn proofing_limit(&self, method: Option<&str>) -> u8 {
        method.map_or(2, |m| self.proofing.get(m).copied().unwrap_or(0))
    }

    /// The level that a risk signal raises to; the top for a signal that is not known.
    pub(crate) fn raised_by(&self, signal: &str) -> usize {
        self.risk.get(signal).copied().unwrap_or(self.levels.len().saturating_sub(1))
    }
}
