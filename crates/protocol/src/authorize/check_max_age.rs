//! The `max_age` parameter (OpenID Connect Core §3.1.2.1).

use crate::error::{OAuthError, invalid_request};
use crate::params::Params;

/// A whole number of seconds, 0 included: `max_age=0` is `prompt=login` (OpenID Connect Core §3.1.2.1).
pub(super) fn check_max_age(params: &Params) -> Result<Option<i64>, OAuthError> {
    let Some(text) = params.get("max_age") else { return Ok(None) };
    let digits = text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = if digits { text.parse().ok() } else { None };
    seconds.map(Some).ok_or_else(|| invalid_request("max_age is not a number of seconds"))
}
