//! A browser's session: one typed record around tower-sessions, and the CSRF tokens made from it.

use std::sync::Arc;

use nixa_protocol::entropy::keyed_digest;
use nixa_protocol::id::{self, Id, Sso};
use nixa_protocol::{Entropy, same_secret};
use serde::{Deserialize, Serialize};
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use crate::text::Lang;

/// Where the record stands in the session.
const KEY: &str = "b";

/// Why a session cannot be read or written: the store failed, or the record has another form.
pub type BrowserError = tower_sessions::session::Error;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    browser: Id<id::Browser>,
    csrf: [u8; 32],
    lang: Option<Lang>,
    sid: Option<Id<Sso>>,
}

/// What is known of the browser that sent a request.
#[derive(Clone)]
pub struct BrowserSession {
    session: Session,
    record: Record,
}

impl BrowserSession {
    /// The browser of a session; a session without a record is given one.
    pub async fn load(session: &Session, entropy: &Arc<dyn Entropy>) -> Result<Self, BrowserError> {
        if let Some(browser) = Self::existing(session).await? {
            return Ok(browser);
        }
        let mut csrf = [0; 32];
        entropy.fill(&mut csrf);
        let record = Record { browser: Id::random(&**entropy), csrf, lang: None, sid: None };
        session.insert(KEY, &record).await?;
        Ok(Self { session: session.clone(), record })
    }

    /// The browser of a session that has a record already.
    pub async fn existing(session: &Session) -> Result<Option<Self>, BrowserError> {
        let record: Option<Record> = session.get(KEY).await?;
        Ok(record.map(|record| Self { session: session.clone(), record }))
    }

    /// The identifier that authorization transactions are bound to. It outlives changes of the session id, so that
    /// a login in one tab does not break another tab.
    #[must_use]
    pub fn id(&self) -> &Id<id::Browser> {
        &self.record.browser
    }

    /// The single sign-on session, which may have ended meanwhile.
    #[must_use]
    pub fn sid(&self) -> Option<&Id<Sso>> {
        self.record.sid.as_ref()
    }

    /// The language that the person chose.
    #[must_use]
    pub fn lang(&self) -> Option<Lang> {
        self.record.lang
    }

    /// Keeps the language that the person chose; written only when it changes.
    pub async fn choose_lang(&mut self, lang: Lang) -> Result<(), BrowserError> {
        if self.record.lang == Some(lang) {
            return Ok(());
        }
        self.record.lang = Some(lang);
        self.session.insert(KEY, &self.record).await
    }

    /// Binds the browser to a single sign-on session under a new session id: one that an attacker
    /// planted before the login is worth nothing after it (session fixation).
    pub async fn log_in(&mut self, sid: Id<Sso>) -> Result<(), BrowserError> {
        self.record.sid = Some(sid);
        self.session.insert(KEY, &self.record).await?;
        self.session.cycle_id().await
    }

    /// Forgets the single sign-on session, again under a new session id.
    pub async fn log_out(&mut self) -> Result<(), BrowserError> {
        self.record.sid = None;
        self.session.insert(KEY, &self.record).await?;
        self.session.cycle_id().await
    }

    /// The CSRF token of a form; it is good for this browser and this purpose only, so that a token from
    /// one step cannot be used for another.
    #[must_use]
    pub fn csrf_token(&self, purpose: &str) -> String {
        keyed_digest(&self.record.csrf, &["csrf", purpose])
    }

    /// Whether a form carries its token.
    #[must_use]
    pub fn is_csrf_token(&self, purpose: &str, token: Option<&str>) -> bool {
        token.is_some_and(|t| same_secret(t, &self.csrf_token(purpose)))
    }
}

/// The session layer: `__Host-` prefix where TLS is on, `HttpOnly`, `SameSite=Lax` (a portal's link is
/// a cross-site navigation and must bring the session along; a cross-site post must not).
pub fn session_layer<S: SessionStore + Clone>(store: S, name: &str, secure: bool) -> SessionManagerLayer<S> {
    let name = if secure { format!("__Host-{name}") } else { name.to_owned() };
    SessionManagerLayer::new(store)
        .with_name(name)
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        // A cookie that ends with the browser: on a shared computer nothing stays behind.
        .with_expiry(Expiry::OnSessionEnd)
}
