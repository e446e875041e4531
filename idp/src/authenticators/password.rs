//! Passwords: argon2id, off the async threads, few at once.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use nixa_protocol::Entropy;
use nixa_provider::ProviderError;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Longer input is refused before it is hashed.
pub(crate) const LONGEST: usize = 256;
/// How long a person waits for a place in the queue before being asked to try later.
const PATIENCE: Duration = Duration::from_secs(8);

/// A password could not be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the password could not be hashed")]
pub struct HashError;

/// The argon2id string of a password, with the parameters of the OWASP Password Storage Cheat Sheet
/// (19 MiB, 2 passes, 1 lane: the crate's defaults).
///
/// # Errors
/// [`HashError`] when the library refuses the input.
pub(crate) fn hash(password: &str, entropy: &dyn Entropy) -> Result<String, HashError> {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).map_err(|_| HashError)?;
    Ok(hash.to_string())
}

/// Verifies passwords, a bounded number at once: each takes 19 MiB and a core for some 20 ms, so that
/// unbounded ones would be the cheapest way to bring the server down.
pub struct Passwords {
    places: Arc<Semaphore>,
    /// Hash of nothing anyone knows: verified for names without an account, so that time does not tell.
    decoy: String,
}

impl Passwords {
    /// With this many verified at once.
    pub fn new(at_once: usize, entropy: &dyn Entropy) -> Result<Self, HashError> {
        let decoy = hash(&nixa_protocol::random_token(entropy), entropy)?;
        Ok(Self { places: Arc::new(Semaphore::new(at_once)), decoy })
    }

    /// Whether the password is the one of the hash; `None` stands for an account that does not exist.
    ///
    /// # Errors
    /// [`ProviderError::Overloaded`] when no place became free in time.
    pub async fn verify(&self, stored: Option<String>, password: String) -> Result<bool, ProviderError> {
        let place = tokio::time::timeout(PATIENCE, self.places.clone().acquire_owned());
        let place = place.await.map_err(|_| ProviderError::Overloaded)?.map_err(|_| ProviderError::Overloaded)?;
        let exists = stored.is_some();
        let hash = stored.unwrap_or_else(|| self.decoy.clone());
        let verified = spawn_blocking(move || {
            let matches = Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok();
            drop(place);
            matches
        });
        Ok(verified.await.map_err(|_| ProviderError::TaskFailed)? && exists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;
    impl Entropy for Zeros {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[tokio::test]
    async fn verifies_only_the_right_password_of_an_account_that_exists() {
        let passwords = Passwords::new(2, &Zeros).unwrap();
        let stored = hash("mật khẩu dài", &Zeros).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.verify(Some(stored.clone()), "mật khẩu dài".into()).await.unwrap());
        assert!(!passwords.verify(Some(stored), "mat khau dai".into()).await.unwrap());
        assert!(!passwords.verify(None, "mật khẩu dài".into()).await.unwrap());
        assert!(!passwords.verify(Some("not a hash".into()), "x".into()).await.unwrap());
    }
}
