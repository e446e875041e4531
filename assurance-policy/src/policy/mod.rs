//! The policy: methods, the ladder and its names, in a form that decides fast.

mod check;
mod file;

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::level::Traits;

pub use file::{Freshness, Method, Rule, Rung};

/// The most methods that a policy may have: a set of them fits one machine word.
const MOST_METHODS: usize = 64;

/// One thing that is wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyFinding {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
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
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) method: Method,
    pub(crate) traits: Traits,
    pub(crate) may: Traits,
    /// Itself, and the method that it is a class of.
    bits: u64,
}

/// A rung, ready to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) rung: Rung,
    rules: Vec<(u8, Traits, u64)>,
    /// The greatest age by method.
    limits: Vec<i64>,
}

/// A set of factors, as far as rules look at it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shown {
    pub(crate) traits: Traits,
    methods: u64,
}

impl Shown {
    pub(crate) fn with(self, entry: &Entry, traits: Traits) -> Self {
        self.and(Self { traits, methods: entry.bits })
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { traits: self.traits.and(other.traits), methods: self.methods | other.methods }
    }
}

impl Step {
    /// Whether these factors satisfy the rung's authentication rules, ages aside.
    pub(crate) fn meets(&self, shown: Shown) -> bool {
        let level = shown.traits.level();
        let holds = |(needed, qualities, methods): &(u8, Traits, u64)| {
            level >= *needed && shown.traits.has_qualities(*qualities) && shown.methods & methods == *methods
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
    entries: Vec<Entry>,
    steps: Vec<Step>,
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

    /// The ladder from the lowest rung up.
    pub fn ladder(&self) -> impl Iterator<Item = &Rung> {
        self.steps.iter().map(|s| &s.rung)
    }

    /// The methods with their names, in alphabetical order.
    pub fn methods(&self) -> impl Iterator<Item = (&str, &Method)> {
        self.entries.iter().map(|e| (e.name.as_str(), &e.method))
    }

    /// Whether the policy knows a method by exactly this name.
    #[must_use]
    pub fn knows_method(&self, name: &str) -> bool {
        self.entries.binary_search_by(|e| e.name.as_str().cmp(name)).is_ok()
    }

    /// Every name of a level: the `acr` values from the lowest up, then the cross-walk.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let other =
            self.names.iter().filter(|(name, rank)| self.steps.get(**rank).is_some_and(|s| s.rung.acr != **name));
        self.ladder().map(|r| r.acr.as_str()).chain(other.map(|(name, _)| name.as_str()))
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

    /// The rung with this name; `None` for an unknown name, which is never replaced by a default.
    #[must_use]
    pub fn rung(&self, name: &str) -> Option<&Rung> {
        self.rank(name).and_then(|rank| self.steps.get(rank)).map(|s| &s.rung)
    }

    pub(crate) fn rank(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// The entry for a method; a class that is not known counts as its method, which is the careful one.
    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        let find = |name: &str| self.entries.binary_search_by(|e| e.name.as_str().cmp(name)).ok();
        find(name).or_else(|| find(name.split_once(':')?.0))
    }

    /// The rung that accreditation and channel allow together.
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

    /// The rung that a risk signal raises to; the top for a signal that is not known.
    pub(crate) fn raised_by(&self, signal: &str) -> usize {
        self.risk.get(signal).copied().unwrap_or(self.steps.len().saturating_sub(1))
    }
}
