//! The assurance policy that a file names, or the one that is built in.

use std::path::PathBuf;

use assurance_policy::{Policy, PolicyError};

/// The policy that is built in.
const DEFAULT_POLICY: &str = include_str!("../../../assurance-policy/policies/default.toml");

/// The policy that is built in.
///
/// # Errors
/// None, as a test holds.
pub fn default_policy() -> Result<Policy, PolicyError> {
    Policy::parse(DEFAULT_POLICY)
}

/// A policy from a file, or the default one.
pub(super) fn load_policy(path: Option<&PathBuf>) -> Result<Policy, String> {
    let Some(path) = path else { return default_policy().map_err(|e| e.to_string()) };
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Policy::parse(&text).map_err(|e| format!("{}:\n{e}", path.display()))
}

/// Whether the policy knows something; one that could not be read is a finding of its own.
pub(super) fn knows(policy: Option<&Policy>, known: impl Fn(&Policy) -> bool) -> bool {
    policy.is_none_or(known)
}
