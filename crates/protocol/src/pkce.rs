//! Proof Key for Code Exchange (RFC 7636), method S256 only.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::entropy::same_secret;
use crate::error::{OAuthError, invalid_grant, invalid_request};

/// The S256 challenge of a verifier (RFC 7636 §4.2).
#[must_use]
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// Whether a challenge has the form of an S256 one: 43 characters of base64url.
#[must_use]
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Checks the verifier of a token request against the challenge of the authorization request.
///
/// # Errors
/// `invalid_request` for a verifier of the wrong form, `invalid_grant` for a wrong, missing or
/// unexpected one. A verifier without a challenge is refused: it is the sign of a PKCE downgrade
/// (RFC 9700 §2.1.1), where an attacker removed the challenge from the authorization request.
pub fn check_verifier(challenge_stored: Option<&str>, verifier: Option<&str>) -> Result<(), OAuthError> {
    match (challenge_stored, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(invalid_grant("code_verifier without a code_challenge")),
        (Some(_), None) => Err(invalid_grant("code_verifier is missing")),
        (Some(stored), Some(verifier)) => {
            let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
            if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
                return Err(invalid_request("code_verifier is malformed"));
            }
            if same_secret(stored, &challenge(verifier)) {
                Ok(())
            } else {
                Err(invalid_grant("code_verifier does not match"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn rfc_7636_appendix_b() {
        assert_eq!(challenge(VERIFIER), CHALLENGE);
        assert!(is_challenge(CHALLENGE) && !is_challenge("short") && !is_challenge(&"=".repeat(43)));
    }

    #[test]
    fn verifier_table() {
        let other = VERIFIER.replace('d', "e");
        let table = [
            (Some(CHALLENGE), Some(VERIFIER), None),
            (None, None, None),
            (Some(CHALLENGE), None, Some(ErrorCode::InvalidGrant)),
            (None, Some(VERIFIER), Some(ErrorCode::InvalidGrant)),
            (Some(CHALLENGE), Some(other.as_str()), Some(ErrorCode::InvalidGrant)),
            (Some(CHALLENGE), Some(CHALLENGE), Some(ErrorCode::InvalidGrant)),
            (Some(CHALLENGE), Some("short"), Some(ErrorCode::InvalidRequest)),
        ];
        for (stored, verifier, expected) in table {
            assert_eq!(check_verifier(stored, verifier).err().map(|e| e.code), expected, "{verifier:?}");
        }
    }
}
