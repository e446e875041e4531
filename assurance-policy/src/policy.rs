//! The policy file: methods, the ladder, and the checks that refuse a bad one at load.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::level::{FactorKind, Quality, authentication_level};

/// Why a policy file was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// Not TOML, an unknown key, an unknown kind or quality; the text names line and key.
    #[error("{0}")]
    Syntax(String),
    /// No rung at all: every login would be unmet.
    #[error("ladder: has no rung")]
    Empty,
    /// Two rungs answer to one name, so that a relying party's wish would be ambiguous.
    #[error("ladder: the name `{0}` is defined twice")]
    Duplicate(String),
    /// A method without a factor kind counts for nothing and is a mistake.
    #[error("methods.{0}: has no factor kind")]
    NoKind(String),
    /// A rule names a method that the file does not define.
    #[error("ladder `{acr}`: unknown method `{method}`")]
    UnknownMethod {
        /// The rung.
        acr: String,
        /// The unknown name.
        method: String,
    },
    /// A number outside the Decree's scale.
    #[error("ladder `{acr}`: {what} is outside its scale")]
    OutOfScale {
        /// The rung.
        acr: String,
        /// The key.
        what: &'static str,
    },
    /// A combination of methods reaches a higher rung but not the one below it.
    #[error("ladder `{higher}`: is easier than `{lower}` below it ({why})")]
    NotMonotone {
        /// The rung that is too easy.
        higher: String,
        /// The rung below it.
        lower: String,
        /// What shows it.
        why: String,
    },
    /// No combination of the file's methods reaches the rung.
    #[error("ladder `{0}`: no combination of methods reaches it")]
    Unreachable(String),
}

/// How long a factor counts for a rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Freshness {
    /// As long as the single sign-on session lasts.
    Session,
    /// This many seconds.
    Seconds(i64),
}

impl Freshness {
    /// Whether a factor of this age still counts.
    #[must_use]
    pub fn allows(self, age: i64) -> bool {
        match self {
            Self::Session => true,
            Self::Seconds(limit) => age <= limit,
        }
    }

    fn limit(self) -> i64 {
        match self {
            Self::Session => i64::MAX,
            Self::Seconds(s) => s,
        }
    }
}

impl<'de> Deserialize<'de> for Freshness {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Word(String),
            Seconds(i64),
        }
        match Raw::deserialize(deserializer) {
            Ok(Raw::Word(word)) if word == "session" => Ok(Self::Session),
            Ok(Raw::Seconds(s)) if s > 0 => Ok(Self::Seconds(s)),
            _ => Err(serde::de::Error::custom("freshness is \"session\" or a number of seconds above 0")),
        }
    }
}

/// A way to authenticate, as the policy classes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// The factor kinds that it counts as.
    pub kinds: BTreeSet<FactorKind>,
    /// Its qualities.
    #[serde(default)]
    pub qualities: BTreeSet<Quality>,
    /// Values for the `amr` claim (RFC 8176).
    #[serde(default)]
    pub amr: Vec<String>,
    /// What it costs a person; the planner prefers the lower sum.
    #[serde(default = "default_burden")]
    pub burden: u32,
}

fn default_burden() -> u32 {
    10
}

/// One of the ways to satisfy a rung; every part of it must hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The Decree's authentication level, 1-4.
    pub level: u8,
    /// Qualities that the factors together must have.
    #[serde(default)]
    pub qualities: BTreeSet<Quality>,
    /// Methods that must all be among the factors.
    #[serde(default)]
    pub methods: BTreeSet<String>,
}

/// A level as relying parties see it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// The `acr` value.
    pub acr: String,
    /// The identity level needed, 0-2.
    pub identity: u8,
    /// The alternatives; one of them must hold.
    pub authentication: Vec<Rule>,
    /// How long a factor counts.
    pub freshness: Freshness,
    /// Whether single sign-on alone may serve; otherwise one factor must be shown for the request itself.
    #[serde(default = "default_true")]
    pub sso: bool,
    /// The NIST SP 800-63-4 equivalent, at most.
    #[serde(default)]
    pub nist: Option<String>,
    /// The eIDAS equivalent, at most.
    #[serde(default)]
    pub eidas: Option<String>,
}

fn default_true() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    methods: BTreeMap<String, Method>,
    ladder: Vec<Rung>,
}

/// A loaded policy, known to be consistent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    version: String,
    methods: BTreeMap<String, Method>,
    ladder: Vec<Rung>,
}

impl Policy {
    /// Loads a policy from the text of its TOML file, the ladder written from the lowest rung up.
    ///
    /// # Errors
    /// The first [`PolicyError`] found.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let file: File = toml::from_str(text).map_err(|e| PolicyError::Syntax(e.to_string()))?;
        let digest = Sha256::digest(text.as_bytes());
        let version = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        let policy = Self { version, methods: file.methods, ladder: file.ladder };
        policy.check_names()?;
        policy.check_order()?;
        policy.check_combinations()?;
        Ok(policy)
    }

    /// The first 8 bytes, in hex, of the SHA-256 of the file: what a decision's record names.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The ladder from the lowest rung up.
    #[must_use]
    pub fn ladder(&self) -> &[Rung] {
        &self.ladder
    }

    /// The methods by name.
    #[must_use]
    pub fn methods(&self) -> &BTreeMap<String, Method> {
        &self.methods
    }

    /// The place of a rung on the ladder; `None` for an unknown name, which is never replaced by a default.
    #[must_use]
    pub fn rank(&self, acr: &str) -> Option<usize> {
        self.ladder.iter().position(|r| r.acr == acr)
    }

    /// The methods that an `amr` value stands for.
    #[must_use]
    pub fn amr(&self, method: &str) -> &[String] {
        self.methods.get(method).map_or(&[], |m| &m.amr)
    }

    /// Whether these methods satisfy the rung's authentication rules, ages aside.
    pub(crate) fn meets(&self, rung: &Rung, methods: &[&str]) -> bool {
        let known: Vec<&Method> = methods.iter().filter_map(|m| self.methods.get(*m)).collect();
        let kinds: BTreeSet<FactorKind> = known.iter().flat_map(|m| m.kinds.iter().copied()).collect();
        let level = authentication_level(&kinds);
        rung.authentication.iter().any(|rule| {
            level >= rule.level
                && rule.qualities.iter().all(|q| known.iter().any(|m| m.qualities.contains(q)))
                && rule.methods.iter().all(|m| methods.contains(&m.as_str()))
        })
    }

    fn check_names(&self) -> Result<(), PolicyError> {
        if self.ladder.is_empty() {
            return Err(PolicyError::Empty);
        }
        if let Some((name, _)) = self.methods.iter().find(|(_, m)| m.kinds.is_empty()) {
            return Err(PolicyError::NoKind(name.clone()));
        }
        let mut seen = BTreeSet::new();
        for rung in &self.ladder {
            if !seen.insert(&rung.acr) {
                return Err(PolicyError::Duplicate(rung.acr.clone()));
            }
            if rung.identity > 2 {
                return Err(PolicyError::OutOfScale { acr: rung.acr.clone(), what: "identity" });
            }
            if rung.authentication.is_empty() || rung.authentication.iter().any(|r| !(1..=4).contains(&r.level)) {
                return Err(PolicyError::OutOfScale { acr: rung.acr.clone(), what: "authentication" });
            }
            let unknown = |rule: &Rule| rule.methods.iter().find(|m| !self.methods.contains_key(*m)).cloned();
            if let Some(method) = rung.authentication.iter().find_map(unknown) {
                return Err(PolicyError::UnknownMethod { acr: rung.acr.clone(), method });
            }
        }
        Ok(())
    }

    fn check_order(&self) -> Result<(), PolicyError> {
        for (lower, higher) in self.ladder.iter().zip(self.ladder.iter().skip(1)) {
            let refuse = |why: &str| PolicyError::NotMonotone {
                higher: higher.acr.clone(),
                lower: lower.acr.clone(),
                why: why.to_owned(),
            };
            if higher.identity < lower.identity {
                return Err(refuse("its identity level is lower"));
            }
            if higher.freshness.limit() > lower.freshness.limit() {
                return Err(refuse("its freshness is longer"));
            }
            if higher.sso && !lower.sso {
                return Err(refuse("single sign-on serves it but not the lower one"));
            }
        }
        Ok(())
    }

    /// Tries every combination of up to three methods: three kinds are all that a rule can ask for by
    /// kind, so a longer combination adds only qualities that a shorter one with the same method has.
    fn check_combinations(&self) -> Result<(), PolicyError> {
        let names: Vec<&str> = self.methods.keys().map(String::as_str).collect();
        let mut reached = vec![false; self.ladder.len()];
        for set in combinations(&names) {
            let met: Vec<bool> = self.ladder.iter().map(|rung| self.meets(rung, &set)).collect();
            for (seen, met) in reached.iter_mut().zip(&met) {
                *seen |= met;
            }
            let pairs = self.ladder.iter().zip(self.ladder.iter().skip(1)).zip(met.iter().zip(met.iter().skip(1)));
            for ((lower, higher), (low, high)) in pairs {
                if *high && !*low {
                    return Err(PolicyError::NotMonotone {
                        higher: higher.acr.clone(),
                        lower: lower.acr.clone(),
                        why: set.join(" + "),
                    });
                }
            }
        }
        match self.ladder.iter().zip(reached).find(|(_, reached)| !reached) {
            Some((rung, _)) => Err(PolicyError::Unreachable(rung.acr.clone())),
            None => Ok(()),
        }
    }
}

fn combinations<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut sets = Vec::new();
    for (i, a) in names.iter().enumerate() {
        sets.push(vec![*a]);
        for (j, b) in names.iter().enumerate().skip(i + 1) {
            sets.push(vec![*a, *b]);
            sets.extend(names.iter().skip(j + 1).map(|c| vec![*a, *b, *c]));
        }
    }
    sets
}
