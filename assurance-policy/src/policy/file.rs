//! The policy file as it is written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use toml::Spanned;

use crate::authentication_level::{FactorKind, Quality};

/// How long a factor counts for a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Freshness {
    /// As long as the single sign-on session lasts.
    Session,
    /// This many seconds after it was shown.
    Seconds(i64),
}

impl Freshness {
    /// The greatest age in seconds.
    #[must_use]
    pub fn limit(self) -> i64 {
        match self {
            Self::Session => i64::MAX,
            Self::Seconds(seconds) => seconds,
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

/// A way to authenticate, or an authenticator class of one (`[methods."passkey:certified"]`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// The factor kinds that it counts as.
    pub kinds: BTreeSet<FactorKind>,
    /// The qualities that each use has.
    #[serde(default)]
    pub qualities: BTreeSet<Quality>,
    /// Further qualities that a use may have, when its evidence says so.
    #[serde(default)]
    pub may: BTreeSet<Quality>,
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

/// One of the ways to satisfy a level; every part of it must hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The Decree's authentication level, 1-4.
    #[serde(rename = "level")]
    pub authentication_level: u8,
    /// Qualities that the factors together must have.
    #[serde(default)]
    pub qualities: BTreeSet<Quality>,
    /// Methods that must all be among the factors; a class counts as its method.
    #[serde(default)]
    pub methods: BTreeSet<String>,
}

/// A level as relying parties see it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The `acr` value by which clients ask for it.
    pub acr: String,
    /// Its place on the ladder: a higher number is a higher level.
    pub rank: u32,
    /// The identity level needed, 0-2.
    pub identity: u8,
    /// How old the proofing may be, in seconds; without it, any age and none stated.
    #[serde(default)]
    pub proofing_age: Option<i64>,
    /// The alternatives; one of them must hold.
    pub authentication: Vec<Rule>,
    /// How long a factor counts.
    pub freshness: Freshness,
    /// Shorter times for single methods.
    #[serde(default)]
    pub factor_freshness: BTreeMap<String, Freshness>,
    /// Whether single sign-on alone may serve; otherwise one factor must be shown for the request itself.
    #[serde(default = "default_true")]
    pub sso: bool,
    /// The NIST SP 800-63-4 equivalent, at most: `IALn AALn`.
    #[serde(default)]
    pub nist: Option<String>,
    /// The eIDAS equivalent, at most: `low`, `substantial` or `high`.
    #[serde(default)]
    pub eidas: Option<String>,
}

fn default_true() -> bool {
    true
}

/// The strength of a channel to an identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Channel {
    pub(super) cap: String,
}

/// How a proofing was done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofingMethod {
    pub(super) level: u8,
}

/// What a risk signal does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Risk {
    pub(super) raise_to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) methods: BTreeMap<String, Spanned<Method>>,
    pub(super) ladder: Vec<Spanned<Level>>,
    #[serde(default)]
    pub(super) crosswalk: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(super) channels: BTreeMap<String, Spanned<Channel>>,
    #[serde(default)]
    pub(super) proofing: BTreeMap<String, Spanned<ProofingMethod>>,
    #[serde(default)]
    pub(super) risk: BTreeMap<String, Spanned<Risk>>,
}
