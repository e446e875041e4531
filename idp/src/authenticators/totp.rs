//! Authenticator-app codes: TOTP with SHA-1, 6 digits, 30 seconds (RFC 6238), each usable once.

use nixa_protocol::Timestamp;
use nixa_provider::ProviderError;
use nixa_storage::{ShortLived, StorageError};
use totp_rs::{Algorithm, Builder, Secret, Totp};

/// Seconds of one code.
const STEP: u64 = 30;

/// The code at a time, for tests and scripts that play the citizen.
#[must_use]
pub fn code_at(secret: &str, now: Timestamp) -> Option<String> {
    let time = u64::try_from(now.0).ok()?;
    Some(generator(secret)?.generate(time).to_string())
}

/// Checks a code, allowing one step of clock difference, and uses its step up: a code that was seen over
/// the shoulder, or one older than the last used, is worth nothing (RFC 6238 §5.2).
///
/// # Errors
/// [`ProviderError`] when the store fails.
pub async fn verify(
    short: &dyn ShortLived,
    account: &str,
    secret: &str,
    code: &str,
    now: Timestamp,
) -> Result<bool, ProviderError> {
    let time = u64::try_from(now.0).unwrap_or_default();
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let Some(step) = generator(secret).and_then(|totp| totp.check(&code, time)) else { return Ok(false) };
    let key = format!("totp:{account}");
    let bytes = step.to_be_bytes();
    // Until the code is outside the window that is accepted.
    let expires = now + i64::try_from(STEP * 3).unwrap_or(90);
    for _ in 0..16 {
        let won = match short.get(&key, now).await? {
            None => short.put_new(&key, &bytes, expires, now).await?,
            // Big-endian numbers of one length compare as octets do.
            Some(last) if last.as_slice() < bytes.as_slice() => {
                short.replace(&key, &last, &bytes, expires, now).await?
            }
            Some(_) => return Ok(false),
        };
        if won {
            return Ok(true);
        }
    }
    Err(StorageError::Contended.into())
}

fn generator(secret: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(1).with_step_duration(STEP);
    builder.with_secret(secret).build().ok()
}
