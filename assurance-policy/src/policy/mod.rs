//! The policy: methods, the ladder and its names, in a form that decides fast.

mod check;
mod file;

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::authentication_level::Traits;

pub use file::{Freshness, Level, Method, Rule};

/// The most methods that a policy may have: a set of them fits one machine word.
const MOST_METHODS: usize = 64;

/// One thing that is wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyFinding {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in words for whoever wrote the file.
    pub reason: String,
}

/// A policy file that was refused, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct PolicyError {
    /// In the order of lines; never empty.
    pub findings: Vec<PolicyFinding>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.findings.iter().map(|x| format!("line {}: {}", x.line, x.reason)).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// A method, ready to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompiledMethod {
    pub(crate) name: String,
    pub(crate) definition: Method,
    pub(crate) traits: Traits,
    pub(crate) may: Traits,
    /// Itself, and the method that it is a class of.
    bits: u64,
}

/// A level, ready to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompiledLevel {
    pub(crate) definition: Level,
    rules: Vec<CompiledRule>,
    /// The greatest age by method.
    limits: Vec<i64>,
}

/// A [`Rule`], ready to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CompiledRule {
    authentication_level: u8,
    qualities: Traits,
    /// The methods that must all be there, a bit each.
    methods: u64,
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
    /// Loads a policy from the text of its TOML file. The order of its lines does not matter.
    ///
    /// # Errors
    /// [`PolicyError`] with every finding.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let digest = Sha256::digest(text.as_bytes());
        let version = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        check::load(text, version)
    }

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
