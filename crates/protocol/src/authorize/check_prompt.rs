//! The `prompt` parameter (OpenID Connect Core §3.1.2.1).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::{OAuthError, invalid_request};
use crate::params::Params;

/// What the person must or must not be asked (OpenID Connect Core §3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Nothing may be shown.
    None,
    /// Log in again, though there is a session.
    Login,
    /// Ask for consent, also for what was agreed to before.
    Consent,
    /// Let the person choose the account.
    SelectAccount,
}

pub(super) fn check_prompt(params: &Params) -> Result<BTreeSet<Prompt>, OAuthError> {
    let mut prompts = BTreeSet::new();
    for word in params.list("prompt") {
        prompts.insert(match word.as_str() {
            "none" => Prompt::None,
            "login" => Prompt::Login,
            "consent" => Prompt::Consent,
            "select_account" => Prompt::SelectAccount,
            _ => return Err(invalid_request("prompt has an unknown value")),
        });
    }
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return Err(invalid_request("prompt none stands alone"));
    }
    Ok(prompts)
}
