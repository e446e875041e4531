//! Risk signals: what may raise the level that a login needs. The policy says how far; nothing here can
//! lower it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::{Digest, Timestamp};
use nixa_storage::{Signals, StorageError};
use tokio::sync::RwLock;

/// How long the operator's signals are remembered before they are read again, in seconds.
const REMEMBERED: i64 = 5;

/// A header by which a proxy in front raises a signal.
#[derive(Debug, Clone)]
pub struct HeaderSignal {
    /// The header. The proxy must remove it from what comes from outside; a forged one could only make a
    /// login harder for whoever forged it.
    pub header: HeaderName,
    /// The value that it must have; any value without it.
    pub value: Option<String>,
    /// The signal, by name in the policy.
    pub signal: String,
}

/// Which signals are raised by what.
#[derive(Debug, Clone, Default)]
pub struct RiskSettings {
    /// Raised for a browser in which the person has not logged in before.
    pub new_device: Option<String>,
    /// The headers by which a proxy in front raises a signal.
    pub headers: Vec<HeaderSignal>,
    /// The cookie that marks a browser.
    pub device_cookie: String,
}

/// The signals of the running broker.
pub struct Risk {
    /// What raises a signal without the operator.
    pub settings: RiskSettings,
    store: Arc<dyn Signals>,
    raised: RwLock<(Timestamp, BTreeSet<String>)>,
}

impl Risk {
    /// With the store of devices and of the operator's signals.
    #[must_use]
    pub fn new(settings: RiskSettings, store: Arc<dyn Signals>) -> Self {
        Self { settings, store, raised: RwLock::new((Timestamp(i64::MIN), BTreeSet::new())) }
    }

    /// The signals that a request's headers raise.
    pub(crate) fn of_headers(&self, headers: &HeaderMap) -> BTreeSet<String> {
        let raises = |h: &&HeaderSignal| {
            let mut values = headers.get_all(&h.header).iter();
            values.any(|v| h.value.as_ref().is_none_or(|wanted| v.as_bytes() == wanted.as_bytes()))
        };
        self.settings.headers.iter().filter(raises).map(|h| h.signal.clone()).collect()
    }

    /// The signals that the operator has raised; read anew every few seconds, so that a switch works on
    /// every instance without a restart.
    ///
    /// # Errors
    /// [`StorageError`]: what cannot be read might have been raised, so that no login goes on without it.
    pub(crate) async fn of_operator(&self, now: Timestamp) -> Result<BTreeSet<String>, StorageError> {
        {
            let remembered = self.raised.read().await;
            let (read_at, known) = &*remembered;
            if now >= *read_at && now.0.saturating_sub(read_at.0) < REMEMBERED {
                return Ok(known.clone());
            }
        }
        let raised = self.store.raised().await?;
        *self.raised.write().await = (now, raised.clone());
        Ok(raised)
    }

    /// Whether the person has not logged in before in this browser; never when nothing is raised by that.
    pub(crate) async fn is_new(&self, person: &Id<Subject>, device: Option<&Digest>) -> Result<bool, StorageError> {
        match (&self.settings.new_device, device) {
            (None, _) => Ok(false),
            (Some(_), None) => Ok(true),
            (Some(_), Some(device)) => Ok(!self.store.knows_device(person, device).await?),
        }
    }

    /// From now on the person is known in this browser.
    pub(crate) async fn remember(
        &self,
        person: &Id<Subject>,
        device: &Digest,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.store.remember_device(person, device, now).await
    }
}
