//! The members of client metadata, each read and checked by its JSON type.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::uri::{HttpUris, check_web_uri};
use crate::error::{ErrorCode, OAuthError, printable_ascii};
use crate::jose::Algorithm;
use crate::jwe::{ContentEncryption, Encryption, KeyManagement};

/// The most entries of a list.
pub(super) const MAX_ENTRIES: usize = 20;
/// The longest text, in octets.
const MAX_TEXT: usize = 2_000;
/// The most characters that a refusal repeats of a value.
const MAX_QUOTED: usize = 60;

/// One thing that is wrong with client metadata.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{member}: {reason}")]
pub struct MetadataRefusal {
    /// The member, by its registered name.
    pub member: String,
    /// Which entry of the member, when it is a list and one entry is at fault.
    pub entry: Option<usize>,
    /// What is wrong, in the characters of an `error_description`.
    pub reason: String,
}

impl MetadataRefusal {
    /// A refusal of a whole member.
    #[must_use]
    pub fn new(member: &str, reason: impl Into<String>) -> Self {
        Self { member: member.to_owned(), entry: None, reason: reason.into() }
    }
}

impl From<MetadataRefusal> for OAuthError {
    fn from(refusal: MetadataRefusal) -> Self {
        let code = match refusal.member.as_str() {
            "redirect_uris" => ErrorCode::InvalidRedirectUri,
            _ => ErrorCode::InvalidClientMetadata,
        };
        Self::new(code, refusal.to_string())
    }
}

/// Everything that is wrong with client metadata, in the order in which the members are read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the client metadata has {} faults", .0.len())]
pub struct InvalidMetadata(pub Vec<MetadataRefusal>);

/// An error response names one member: the first (RFC 7591 §3.2.2).
impl From<InvalidMetadata> for OAuthError {
    fn from(InvalidMetadata(refusals): InvalidMetadata) -> Self {
        let unnamed = || Self::new(ErrorCode::InvalidClientMetadata, "the client metadata is not acceptable");
        refusals.into_iter().next().map_or_else(unnamed, Self::from)
    }
}

/// Somebody else's value as a refusal may repeat it.
pub(super) fn quoted(value: &str) -> String {
    printable_ascii(&value.chars().take(MAX_QUOTED).collect::<String>())
}

/// Reads members and collects what is refused. A member that is refused reads as absent. A `null` is as good as
/// none (RFC 7592 §2.2).
pub(super) struct MetadataReader<'m> {
    members: &'m Map<String, Value>,
    known: BTreeSet<String>,
    refusals: Vec<MetadataRefusal>,
}

impl<'m> MetadataReader<'m> {
    pub(super) fn new(members: &'m Map<String, Value>) -> Self {
        Self { members, known: BTreeSet::new(), refusals: Vec::new() }
    }

    /// Refuses a member, unless it is refused already.
    pub(super) fn refuse(&mut self, member: &str, reason: impl Into<String>) {
        self.add(MetadataRefusal::new(member, reason));
    }

    /// Refuses an entry of a list.
    pub(super) fn refuse_entry(&mut self, member: &str, entry: usize, reason: impl Into<String>) {
        self.add(MetadataRefusal { entry: Some(entry), ..MetadataRefusal::new(member, reason) });
    }

    fn add(&mut self, refusal: MetadataRefusal) {
        let same = |earlier: &MetadataRefusal| earlier.member == refusal.member && earlier.entry == refusal.entry;
        if !self.refusals.iter().any(same) {
            self.refusals.push(refusal);
        }
    }

    /// Refuses the members that nobody has asked for.
    pub(super) fn refuse_unknown(&mut self) {
        let unknown: Vec<&String> = self.members.keys().filter(|member| !self.known.contains(*member)).collect();
        for member in unknown {
            self.refuse(member, "is not client metadata that this server knows");
        }
    }

    /// Ends the reading, with every refusal if there was one.
    pub(super) fn finish(self) -> Result<(), InvalidMetadata> {
        if self.refusals.is_empty() { Ok(()) } else { Err(InvalidMetadata(self.refusals)) }
    }

    pub(super) fn value(&mut self, member: &str) -> Option<&'m Value> {
        self.known.insert(member.to_owned());
        self.members.get(member).filter(|value| !value.is_null())
    }

    /// What a check gives, or nothing and a refusal.
    fn checked<T>(&mut self, member: &str, check: impl FnOnce(&'m Value) -> Result<T, String>) -> Option<T> {
        match check(self.value(member)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.refuse(member, reason);
                None
            }
        }
    }

    pub(super) fn text(&mut self, member: &str) -> Option<String> {
        self.checked(member, |value| {
            let text = value.as_str().ok_or("must be a string")?;
            if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
                return Err("is empty, too long, or has control characters".to_owned());
            }
            Ok(text.to_owned())
        })
    }

    pub(super) fn texts(&mut self, member: &str) -> Option<Vec<String>> {
        self.checked(member, |value| {
            let wrong = || "must be an array of strings".to_owned();
            let list = value.as_array().ok_or_else(wrong)?;
            if list.len() > MAX_ENTRIES {
                return Err("has too many entries".to_owned());
            }
            let text =
                |entry: &Value| entry.as_str().filter(|t| !t.is_empty() && t.len() <= MAX_TEXT).map(str::to_owned);
            list.iter().map(|entry| text(entry).ok_or_else(wrong)).collect()
        })
    }

    /// A member whose value must be one of these.
    pub(super) fn choice<'c>(&mut self, member: &str, choices: &[&'c str]) -> Option<&'c str> {
        let text = self.text(member)?;
        let chosen = choices.iter().find(|choice| **choice == text).copied();
        if chosen.is_none() {
            self.refuse(member, format!("must be one of: {}", choices.join(", ")));
        }
        chosen
    }

    /// A list of some of these texts, with at least one of them.
    pub(super) fn subset(&mut self, member: &str, choices: &[&str]) -> Option<BTreeSet<String>> {
        let list = self.texts(member)?;
        if list.is_empty() || list.iter().any(|entry| !choices.contains(&entry.as_str())) {
            self.refuse(member, format!("must be some of: {}", choices.join(", ")));
            return None;
        }
        Some(list.into_iter().collect())
    }

    pub(super) fn web_uri(&mut self, member: &str, http: HttpUris) -> Option<String> {
        let text = self.text(member)?;
        match check_web_uri(&text, http) {
            Ok(()) => Some(text),
            Err(reason) => {
                self.refuse(member, reason);
                None
            }
        }
    }

    pub(super) fn flag(&mut self, member: &str) -> bool {
        let flag = self.checked(member, |value| value.as_bool().ok_or_else(|| "must be true or false".to_owned()));
        flag.unwrap_or_default()
    }

    pub(super) fn seconds(&mut self, member: &str) -> Option<i64> {
        self.checked(member, |value| {
            let seconds = value.as_i64().filter(|n| (0..=i64::from(u32::MAX)).contains(n));
            seconds.ok_or_else(|| "must be a number of seconds".to_owned())
        })
    }

    pub(super) fn algorithm(&mut self, member: &str) -> Option<Algorithm> {
        let names: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
        self.choice(member, &names).and_then(Algorithm::parse)
    }

    /// The members `{prefix}_alg` and `{prefix}_enc`.
    pub(super) fn encryption(&mut self, prefix: &str) -> Option<Encryption> {
        let (alg_member, enc_member) = (format!("{prefix}_alg"), format!("{prefix}_enc"));
        let alg = self.choice(&alg_member, &KeyManagement::NAMES);
        let enc = self.choice(&enc_member, &ContentEncryption::NAMES);
        let Some(alg) = alg else {
            // An encryption that was meant to be and is not must not go unnoticed (Registration §2).
            if enc.is_some() {
                self.refuse(&enc_member, "needs the alg beside it");
            }
            return None;
        };
        // The names are those that serde knows.
        let alg = serde_json::from_value(json!(alg)).ok()?;
        let enc = enc.and_then(|enc| serde_json::from_value(json!(enc)).ok()).unwrap_or_default();
        Some(Encryption { alg, enc })
    }
}
