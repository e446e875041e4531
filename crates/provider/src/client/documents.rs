//! What clients publish at addresses that they have registered.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{StatusCode, header};
use nixa_http_client::{HttpClient, HttpError, Response, get};
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

/// Why there is no document.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The address may not be asked, or does not answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It answers with another status than 200.
    #[error("the answer has status {0}")]
    Status(StatusCode),
}

/// What a client's address answered with status 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The whole body of the answer.
    pub body: Vec<u8>,
    /// Its media type, without parameters.
    pub media_type: String,
    /// How long it may be used, in seconds, where it says so.
    pub max_age: Option<i64>,
}

impl TryFrom<Response> for Document {
    type Error = FetchError;

    fn try_from(response: Response) -> Result<Self, FetchError> {
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let max_age = max_age(text(header::CACHE_CONTROL));
        Ok(Self { media_type, max_age, body: response.into_body() })
    }
}

/// How long an answer may be used, in seconds (RFC 9111 §5.2.2).
fn max_age(cache_control: &str) -> Option<i64> {
    let mut directives = cache_control.split(',').map(|directive| directive.trim().to_ascii_lowercase());
    if directives.clone().any(|directive| directive == "no-store" || directive == "no-cache") {
        return Some(0);
    }
    directives.find_map(|directive| directive.strip_prefix("max-age=")?.trim_matches('"').parse().ok())
}

/// What is known of an address: its last document, and when it was asked.
#[derive(Default)]
struct CachedDocument {
    tried_at: Option<Timestamp>,
    fetched_at: Timestamp,
    fresh_until: Timestamp,
    document: Option<Arc<Document>>,
}

/// Documents that were fetched, each as long as it says.
pub struct Documents {
    client: Arc<dyn HttpClient>,
    known: Mutex<HashMap<String, Arc<tokio::sync::Mutex<CachedDocument>>>>,
}

impl Documents {
    /// Nothing is fetched yet. The client must be a guarded one: the addresses are of the clients' choice.
    #[must_use]
    pub fn new(guarded: Arc<dyn HttpClient>) -> Self {
        Self { client: guarded, known: Mutex::default() }
    }

    /// The document at an address, as it was fetched not long ago; with `anew`, fetched again unless that was done
    /// in the last minute. Of requests at once, one fetches.
    pub async fn get(&self, url: &str, anew: bool, now: Timestamp) -> Option<Arc<Document>> {
        let cached = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST && !known.contains_key(url) {
                // A client that names ever new addresses costs fetches, and no memory.
                known.clear();
            }
            Arc::clone(known.entry(url.to_owned()).or_default())
        };
        let mut cached = cached.lock().await;
        let missing = anew && now - cached.fetched_at >= ANEW_AFTER;
        let due = cached.document.is_none() || now >= cached.fresh_until || missing;
        if due && cached.tried_at.is_none_or(|at| now - at >= RETRY_AFTER) {
            cached.tried_at = Some(now);
            if let Ok(document) = self.fetch(url).await {
                cached.fetched_at = now;
                cached.fresh_until = now + document.max_age.unwrap_or(FRESH).clamp(0, LONGEST_FRESH);
                cached.document = Some(Arc::new(document));
            }
        }
        cached.document.clone().filter(|_| now < cached.fresh_until + STALE)
    }

    /// The document at an address as it is now. Why there is none is logged, without the address: it may have a
    /// secret in its query.
    pub async fn fetch(&self, url: &str) -> Result<Document, FetchError> {
        let fetched = self.request(url).await;
        if let Err(error) = &fetched {
            tracing::warn!(%error, cause = ?error.source(), "what a client publishes cannot be fetched");
        }
        fetched
    }

    async fn request(&self, url: &str) -> Result<Document, FetchError> {
        Document::try_from(self.client.send(get(url)?).await?)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use nixa_http_client::Request;

    use super::*;

    struct Counting(Mutex<(usize, Option<i64>, bool)>);

    #[async_trait]
    impl HttpClient for Counting {
        async fn send(&self, _: Request) -> Result<Response, HttpError> {
            let mut state = self.0.lock().unwrap();
            state.0 += 1;
            let (count, max_age, fails) = *state;
            if fails {
                return Err(HttpError::TimedOut);
            }
            let mut response = Response::new(vec![u8::try_from(count).unwrap()]);
            let lifetime = max_age.map(|seconds| format!("max-age={seconds}").parse().unwrap());
            response.headers_mut().extend(lifetime.map(|value| (header::CACHE_CONTROL, value)));
            Ok(response)
        }
    }

    #[tokio::test]
    async fn fetched_when_due_and_seldom_anew() {
        let client = Arc::new(Counting(Mutex::new((0, None, false))));
        let documents = Documents::new(client.clone());
        let set = |max_age, fails| {
            let mut state = client.0.lock().unwrap();
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
        assert_eq!(client.0.lock().unwrap().0, 5, "and not tried at each request");
        assert_eq!(get(false, 1_410 + 2 * 86_400).await, None, "but not for ever");
    }
    #[test]
    fn what_an_answer_says_of_itself() {
        let answer = |status: u16, headers: &[(&str, &str)]| {
            let mut response = axum::http::Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            Document::try_from(response.body(b"{}".to_vec()).unwrap())
        };
        let document = answer(200, &[("content-type", "Image/PNG; x=y"), ("cache-control", "max-age=7")]).unwrap();
        assert_eq!(document, Document { body: b"{}".to_vec(), media_type: "image/png".into(), max_age: Some(7) });
        assert_eq!(answer(200, &[]).unwrap().max_age, None);
        for status in [201, 204, 302, 404, 500] {
            assert!(matches!(answer(status, &[]), Err(FetchError::Status(s)) if s == status), "{status}");
        }
    }

    #[test]
    fn how_long_an_answer_may_be_used() {
        for (cache_control, expected) in [
            ("", None),
            ("public, max-age=60", Some(60)),
            ("Max-Age=\"5\"", Some(5)),
            ("no-store", Some(0)),
            ("max-age=x", None),
        ] {
            assert_eq!(max_age(cache_control), expected, "{cache_control}");
        }
    }
}
