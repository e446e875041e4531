//! The only place where this crate reads the clock and the system's randomness.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::{SystemTime, UNIX_EPOCH};

/// Length of what [`token`] gives: 32 bytes in base64url without padding.
pub(crate) const TOKEN_LENGTH: usize = 43;

/// Randomness could not be read from the operating system.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no randomness")]
pub(crate) struct NoEntropy;

/// Seconds since 1970-01-01T00:00:00Z.
#[expect(clippy::disallowed_methods, reason = "the one clock of this crate; rules take `now` as a parameter")]
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| i64::try_from(elapsed.as_secs()).ok())
        .unwrap_or_default()
}

/// A fresh unguessable value of 256 bits, safe in a URL and in a cookie, and long enough to be a
/// PKCE verifier (RFC 7636, section 4.1).
///
/// # Errors
/// [`NoEntropy`]: going on with a weaker value would make states and session ids guessable.
#[expect(clippy::disallowed_methods, reason = "the one source of randomness of this crate")]
pub(crate) fn token() -> Result<String, NoEntropy> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The number of a receipt. It says nothing about the person, and is no secret.
///
/// # Errors
/// [`NoEntropy`].
#[expect(clippy::disallowed_methods, reason = "the one source of randomness of this crate")]
pub(crate) fn receipt() -> Result<String, NoEntropy> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(format!("{:012}", u64::from_le_bytes(bytes) % 1_000_000_000_000))
}

/// Whether `value` has the shape of a [`token`]; anything else was not made here.
pub(crate) fn is_token(value: &str) -> bool {
    value.len() == TOKEN_LENGTH
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_shaped_and_distinct() {
        let (one, two) = (token().unwrap(), token().unwrap());
        assert!(is_token(&one) && is_token(&two));
        assert_ne!(one, two);
        let (one_receipt, two_receipts) = (receipt().unwrap(), receipt().unwrap());
        assert!(one_receipt.len() == 12 && one_receipt.bytes().all(|byte| byte.is_ascii_digit()));
        assert_ne!(one_receipt, two_receipts);
        assert!(!is_token(""));
        assert!(!is_token(&one[1..]));
        assert!(!is_token(&format!("{};", &one[1..])));
    }
}
