//! What clients publish at addresses that they have registered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use nixa_protocol::Timestamp;
use thiserror::Error;

/// The most documents that are kept.
const MOST: usize = 500;
/// How long an answer is used that does not say it, in seconds.
const FRESH: i64 = 300;
/// The longest that one is used, whatever it says.
const LONGEST_FRESH: i64 = 86_400;
/// How long after a fetch another one is made because something was missing in the answer: who signs with a new
/// key waits no longer, and whoever invents keys has nothing fetched more often.
const ANEW_AFTER: i64 = 60;
/// How long after a fetch that failed the next one is tried.
const RETRY_AFTER: i64 = 10;
/// How long an answer that cannot be fetched anew is still used.
const STALE: i64 = 86_400;

/// Why an address was not fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FetchError {
    /// Its scheme or its network is not allowed.
    #[error("the address is not allowed")]
    NotAllowed,
    /// It did not answer, or not as it should.
    #[error("the address does not answer")]
    Failed,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its octets.
    pub body: Vec<u8>,
    /// Its media type, without parameters.
    pub media_type: String,
    /// How long it may be used, in seconds, where it says so.
    pub max_age: Option<i64>,
}

/// The way to addresses that a client has named. Whoever implements it keeps it off private networks.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Gets a document.
    async fn fetch(&self, url: &str) -> Result<Document, FetchError>;
    /// Posts a form; whether the answer was 200 or 204.
    async fn post(&self, url: &str, form: String) -> bool;
}

#[derive(Default)]
struct Entry {
    tried_at: Option<Timestamp>,
    fetched_at: Timestamp,
    fresh_until: Timestamp,
    document: Option<Arc<Document>>,
}

/// Documents that were fetched, each as long as it says.
pub struct Documents {
    outbound: Arc<dyn Outbound>,
    known: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Entry>>>>,
}

impl Documents {
    /// Nothing is fetched yet.
    #[must_use]
    pub fn new(outbound: Arc<dyn Outbound>) -> Self {
        Self { outbound, known: Mutex::default() }
    }

    /// The document at an address, as it was fetched not long ago; with `anew`, fetched again unless that was done
    /// in the last minute. Of requests at once, one fetches.
    pub async fn get(&self, url: &str, anew: bool, now: Timestamp) -> Option<Arc<Document>> {
        let entry = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST && !known.contains_key(url) {
                // A client that names ever new addresses costs fetches, and no memory.
                known.clear();
            }
            Arc::clone(known.entry(url.to_owned()).or_default())
        };
        let mut entry = entry.lock().await;
        let missing = anew && now - entry.fetched_at >= ANEW_AFTER;
        let due = entry.document.is_none() || now >= entry.fresh_until || missing;
        if due && entry.tried_at.is_none_or(|at| now - at >= RETRY_AFTER) {
            entry.tried_at = Some(now);
            match self.outbound.fetch(url).await {
                Ok(document) => {
                    entry.fetched_at = now;
                    entry.fresh_until = now + document.max_age.unwrap_or(FRESH).clamp(0, LONGEST_FRESH);
                    entry.document = Some(Arc::new(document));
                }
                Err(error) => tracing::warn!(%error, "what a client publishes cannot be fetched"),
            }
        }
        entry.document.clone().filter(|_| now < entry.fresh_until + STALE)
    }

    /// The document at an address as it is now.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&self, url: &str) -> Result<Document, FetchError> {
        self.outbound.fetch(url).await
    }

    /// Posts a form to an address.
    pub async fn post(&self, url: &str, form: String) -> bool {
        self.outbound.post(url, form).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(Mutex<(usize, Option<i64>, bool)>);

    #[async_trait]
    impl Outbound for Counting {
        async fn fetch(&self, _url: &str) -> Result<Document, FetchError> {
            let mut state = self.0.lock().unwrap();
            state.0 += 1;
            let (count, max_age, fails) = *state;
            if fails {
                return Err(FetchError::Failed);
            }
            Ok(Document { body: vec![u8::try_from(count).unwrap()], media_type: String::new(), max_age })
        }

        async fn post(&self, _url: &str, _form: String) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn fetched_when_due_and_seldom_anew() {
        let outbound = Arc::new(Counting(Mutex::new((0, None, false))));
        let documents = Documents::new(outbound.clone());
        let set = |max_age, fails| {
            let mut state = outbound.0.lock().unwrap();
            (state.1, state.2) = (max_age, fails);
        };
        let get = async |anew, at| documents.get("https://rp.example/", anew, Timestamp(at)).await.map(|d| d.body[0]);
        assert_eq!(get(false, 1_000).await, Some(1));
        assert_eq!(get(false, 1_299).await, Some(1), "fresh");
        set(Some(50), false);
        assert_eq!(get(false, 1_300).await, Some(2));
        assert_eq!(get(true, 1_349).await, Some(2), "anew, but not that soon");
        set(Some(1_000_000), false);
        assert_eq!(get(false, 1_350).await, Some(3));
        assert_eq!(get(true, 1_410).await, Some(4), "a minute later");
        assert_eq!(get(false, 1_409 + 86_400).await, Some(4), "for a day at most");
        set(None, true);
        assert_eq!(get(false, 1_410 + 86_400).await, Some(4), "the old one where there is no new one");
        assert_eq!(get(false, 1_419 + 86_400).await, Some(4));
        assert_eq!(outbound.0.lock().unwrap().0, 5, "and not tried at each request");
        assert_eq!(get(false, 1_410 + 2 * 86_400).await, None, "but not for ever");
    }
}
