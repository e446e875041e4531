//! Logins that were sent to the exchange and have not come back.
//!
//! An entry answers one callback of one browser. Were it not bound to the browser, an attacker
//! could log a victim in to the attacker's own account with a link (RFC 6749, section 10.12).

use crate::config::PortalConfig;
use crate::expiring::ExpiringMap;
use crate::filing::Filing;

const LIFETIME_SECONDS: i64 = 60 * 60;
const CAPACITY: usize = 10_000;

/// How good a login must be, fixed when it is asked for and checked when it comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Demand {
    /// As the portal is configured.
    #[default]
    Portal,
    /// As the exchange's catalogue says for the service of this code.
    Service(String),
    /// As a challenge said (RFC 9470, section 4).
    Levels(Vec<String>),
}

impl Demand {
    /// The `acr_values` to ask for; none for a service, whose level the exchange knows.
    pub(crate) fn acr_values<'a>(&'a self, config: &'a PortalConfig) -> &'a [String] {
        match self {
            Self::Portal => &config.acr_values,
            Self::Service(_) => &[],
            Self::Levels(acr_values) => acr_values,
        }
    }
}

/// What must be known again when the browser comes back.
pub(crate) struct PendingLogin {
    /// The value of the browser's own cookie when the login began.
    pub(crate) browser: String,
    pub(crate) nonce: String,
    pub(crate) pkce_verifier: String,
    /// The `max_age` that was asked for, in seconds.
    pub(crate) max_age: Option<u32>,
    pub(crate) demand: Demand,
    /// What is to be filed after it.
    pub(crate) waiting: Option<Filing>,
}

/// Pending logins by `state`; several may belong to one browser, one per tab.
pub(crate) struct PendingLogins(ExpiringMap<PendingLogin>);

impl PendingLogins {
    pub(crate) fn new() -> Self {
        Self(ExpiringMap::new(CAPACITY))
    }

    pub(crate) fn begin(&mut self, state: String, login: PendingLogin, now: i64) {
        self.0.insert(state, login, now + LIFETIME_SECONDS, now);
    }

    /// Takes the login with that state if this browser began it. Another browser's attempt leaves
    /// it in place: a leaked state must not let a stranger break the owner's login.
    pub(crate) fn take(&mut self, state: &str, browser: Option<&str>, now: i64) -> Option<PendingLogin> {
        let owner = self.0.get(state, now)?.browser.as_str();
        (browser == Some(owner)).then_some(())?;
        self.0.take(state, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(browser: &str) -> PendingLogin {
        PendingLogin {
            browser: browser.to_owned(),
            nonce: "n".to_owned(),
            pkce_verifier: "v".to_owned(),
            max_age: None,
            demand: Demand::Portal,
            waiting: None,
        }
    }

    #[test]
    fn a_login_is_taken_once_by_its_own_browser_in_time() {
        let mut logins = PendingLogins::new();
        logins.begin("s".to_owned(), login("me"), 0);
        logins.begin("t".to_owned(), login("me"), 0);
        assert!(logins.take("s", None, 1).is_none());
        assert!(logins.take("s", Some("other"), 1).is_none());
        assert!(logins.take("s", Some("me"), 1).is_some());
        assert!(logins.take("s", Some("me"), 1).is_none(), "single use");
        assert!(logins.take("t", Some("me"), LIFETIME_SECONDS).is_none(), "expired");
    }
}
