//! Authenticator-app codes: TOTP with SHA-1, 6 digits, 30 seconds (RFC 6238), each usable once.

use std::sync::Arc;

use nixa_protocol::Timestamp;
use nixa_provider::ProviderError;
use nixa_storage::{Entries, Entry, Prefix, ShortLived, Update};
use serde::{Deserialize, Serialize};
use totp_rs::{Algorithm, Builder, Secret, Totp};

/// Seconds of one code.
const STEP: u64 = 30;

/// The code at a time, for tests and scripts that play the citizen.
#[must_use]
pub fn code_at(secret: &str, now: Timestamp) -> Option<String> {
    let time = u64::try_from(now.0).ok()?;
    Some(generator(secret)?.generate(time).to_string())
}

/// The last time step whose code was used.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct UsedStep(u64);

impl Entry for UsedStep {
    const PREFIX: Prefix = Prefix::TotpStep;

    /// Until the code is outside the window that is accepted.
    fn expires(&self, now: Timestamp) -> Timestamp {
        now + i64::try_from(STEP * 3).unwrap_or(90)
    }
}

/// Checks a code, allowing one step of clock difference, and uses its step up: a code that was seen over
/// the shoulder, or one older than the last used, is worth nothing (RFC 6238 §5.2).
pub async fn verify(
    short: Arc<dyn ShortLived>,
    account: &str,
    secret: &str,
    code: &str,
    now: Timestamp,
) -> Result<bool, ProviderError> {
    let time = u64::try_from(now.0).unwrap_or_default();
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let Some(step) = generator(secret).and_then(|totp| totp.check(&code, time)) else { return Ok(false) };
    let entries = Entries::<UsedStep>::new(short);
    let used = entries.update(account, now, |last| match last {
        Some(last) if last.0 >= step => Update::Leave(()),
        _ => Update::Store(UsedStep(step)),
    });
    Ok(used.await?.is_ok())
}

fn generator(secret: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_skew(1).with_step_duration(STEP);
    builder.with_secret(secret).build().ok()
}
