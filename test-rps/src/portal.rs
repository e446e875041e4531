//! What the handlers share, and the names of the cookies.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use moka::policy::EvictionPolicy;
use openidconnect::CsrfToken;
use tower_cookies::cookie::SameSite;
use tower_cookies::{Cookie, Cookies};

use crate::config::{PortalConfig, PortalError};
use crate::exchange::Exchange;
use crate::session::{Sessions, Transaction};
use crate::step_up::Filing;

const LOGIN_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The oldest logout token that is accepted, with the leeway of the clocks on both sides.
const LOGOUT_TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60);
const PAUSE_BETWEEN_KEY_FETCHES: Duration = Duration::from_secs(5);
const CAPACITY: u64 = 10_000;

/// What the handlers share. Everything that a stranger can make it remember is bounded in number and in time.
pub(crate) struct Portal {
    pub(crate) config: PortalConfig,
    pub(crate) exchange: Exchange,
    /// Open logins by `state`.
    pub(crate) transactions: Cache<String, Arc<Transaction>>,
    pub(crate) sessions: Sessions,
    /// What waits to be filed now that the person is logged in, by the form token of the session. Not in the session:
    /// two tabs may ask at once, and one of them must lose.
    pub(crate) waiting: Cache<String, Filing>,
    /// `jti` of logout tokens that were used (Back-Channel Logout 1.0, section 2.6, item 8).
    pub(crate) used_logout_tokens: Cache<String, ()>,
    /// Anyone can send a token signed with an unknown key; without a pause, each would make the portal call the
    /// exchange.
    pub(crate) key_fetches_for_strangers: Cache<(), ()>,
}

impl Portal {
    pub(crate) fn new(config: PortalConfig) -> Result<Self, PortalError> {
        config.check()?;
        Ok(Self {
            exchange: Exchange::new(&config)?,
            config,
            transactions: remember_for(LOGIN_LIFETIME),
            sessions: Sessions::new(),
            waiting: remember_for(LOGIN_LIFETIME),
            used_logout_tokens: remember_for(LOGOUT_TOKEN_LIFETIME),
            key_fetches_for_strangers: remember_for(PAUSE_BETWEEN_KEY_FETCHES),
        })
    }

    /// The name of one of the portal's cookies. Over HTTPS the prefix `__Host-` keeps a sibling host from planting a
    /// cookie here.
    pub(crate) fn cookie_name(&self, suffix: &str) -> String {
        let prefix = if self.config.is_secure() { "__Host-" } else { "" };
        format!("{prefix}{}{suffix}", self.config.name)
    }

    /// A cookie that no script sees and no other site's post brings; it ends with the browser.
    pub(crate) fn cookie(&self, suffix: &str, value: String) -> Cookie<'static> {
        Cookie::build((self.cookie_name(suffix), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.config.is_secure())
            .build()
    }

    pub(crate) fn read_cookie(&self, cookies: &Cookies, suffix: &str) -> Option<String> {
        cookies.get(&self.cookie_name(suffix)).map(|cookie| cookie.value().to_owned())
    }

    /// The value that binds open logins to this browser; one is given where there is none. It outlives a login, so that
    /// a second tab that was already at the exchange can still come back.
    pub(crate) fn browser(&self, cookies: &Cookies) -> String {
        self.read_cookie(cookies, "_browser").unwrap_or_else(|| {
            let browser = random_token();
            cookies.add(self.cookie("_browser", browser.clone()));
            browser
        })
    }
}

/// A fresh unguessable value of 256 bits, safe in a URL, in a form and in a cookie.
pub(crate) fn random_token() -> String {
    CsrfToken::new_random_len(32).into_secret()
}

/// When full, what was not used for longest makes room.
fn remember_for<K, V>(lifetime: Duration) -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let policy = EvictionPolicy::lru();
    Cache::builder().max_capacity(CAPACITY).time_to_live(lifetime).eviction_policy(policy).build()
}
