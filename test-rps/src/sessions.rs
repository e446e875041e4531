//! Sessions of people who are logged in at this portal.

use crate::claims::ClaimSet;
use crate::expiring::ExpiringMap;
use crate::filing::Filing;
use crate::pending::Demand;
use openidconnect::AccessToken;
use std::sync::{Arc, Mutex};

const IDLE_SECONDS: i64 = 30 * 60;
const CAPACITY: usize = 5_000;

/// A person who is logged in. The claims and the tokens stay on the server.
pub(crate) struct Session {
    pub(crate) subject: String,
    /// The session at the exchange (Back-Channel Logout 1.0, section 2.1).
    pub(crate) exchange_session: Option<String>,
    pub(crate) claims: ClaimSet,
    /// Kept for `id_token_hint` at logout.
    pub(crate) id_token: String,
    /// What the API is shown.
    pub(crate) access_token: AccessToken,
    /// What was asked of the login.
    pub(crate) demand: Demand,
    /// What waits to be filed now that the person is logged in.
    pub(crate) waiting: Mutex<Option<Filing>>,
    /// What the forms must carry.
    pub(crate) csrf: String,
}

/// What a session cookie stands for.
pub(crate) enum Visit {
    /// Nothing.
    Stranger,
    /// A session that another service ended; told once.
    EndedElsewhere,
    /// A session, now renewed.
    LoggedIn(Arc<Session>),
}

enum Slot {
    Live(Arc<Session>),
    EndedElsewhere,
}

/// Whom a logout token is about (Back-Channel Logout 1.0, section 2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// One session at the exchange.
    Session(String),
    /// Every session of one person.
    Subject(String),
}

/// Sessions by the value of the session cookie.
pub(crate) struct Sessions(ExpiringMap<Slot>);

impl Sessions {
    pub(crate) fn new() -> Self {
        Self(ExpiringMap::new(CAPACITY))
    }

    /// Keeps a session under an id that no browser has seen before; `previous` ends with it, so
    /// that an id fixed in the browser before the login is worth nothing after.
    pub(crate) fn start(&mut self, id: String, session: Session, previous: Option<&str>, now: i64) {
        if let Some(previous) = previous {
            self.0.take(previous, now);
        }
        let slot = Slot::Live(Arc::new(session));
        self.0.insert(id, slot, now + IDLE_SECONDS, now);
    }

    /// Who comes with this cookie. Renews a session; forgets one that was ended elsewhere.
    pub(crate) fn visit(&mut self, id: &str, now: i64) -> Visit {
        match self.0.get(id, now) {
            None => Visit::Stranger,
            Some(Slot::EndedElsewhere) => {
                self.0.take(id, now);
                Visit::EndedElsewhere
            }
            Some(Slot::Live(session)) => {
                let session = Arc::clone(session);
                self.0.renew(id, now + IDLE_SECONDS, now);
                Visit::LoggedIn(session)
            }
        }
    }

    /// The living session of that id, without renewing it.
    pub(crate) fn find(&self, id: &str, now: i64) -> Option<Arc<Session>> {
        match self.0.get(id, now)? {
            Slot::Live(session) => Some(Arc::clone(session)),
            Slot::EndedElsewhere => None,
        }
    }

    /// Ends a session at its owner's wish.
    pub(crate) fn end(&mut self, id: &str, now: i64) {
        self.0.take(id, now);
    }

    /// Ends every session that the logout token is about, leaving for each browser a notice. Gives
    /// how many ended.
    pub(crate) fn end_elsewhere(&mut self, target: &Target, now: i64) -> usize {
        let mut ended = 0;
        for slot in self.0.living_mut(now) {
            let meant = match (&*slot, target) {
                (Slot::EndedElsewhere, _) => false,
                (Slot::Live(session), Target::Session(sid)) => session.exchange_session.as_ref() == Some(sid),
                (Slot::Live(session), Target::Subject(subject)) => session.subject == *subject,
            };
            if meant {
                *slot = Slot::EndedElsewhere;
                ended += 1;
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(subject: &str, sid: Option<&str>) -> Session {
        Session {
            subject: subject.to_owned(),
            exchange_session: sid.map(str::to_owned),
            claims: ClaimSet::default(),
            id_token: String::new(),
            access_token: AccessToken::new(String::new()),
            demand: Demand::Portal,
            waiting: Mutex::new(None),
            csrf: String::new(),
        }
    }

    fn with(entries: &[(&str, &str, Option<&str>)]) -> Sessions {
        let mut sessions = Sessions::new();
        for (id, subject, sid) in entries {
            sessions.start((*id).to_owned(), session(subject, *sid), None, 0);
        }
        sessions
    }

    #[test]
    fn a_visit_renews_and_idleness_ends() {
        let mut sessions = with(&[("id", "an", None)]);
        assert!(matches!(sessions.visit("id", IDLE_SECONDS - 1), Visit::LoggedIn(_)));
        assert!(matches!(sessions.visit("id", 2 * IDLE_SECONDS - 2), Visit::LoggedIn(_)));
        assert!(matches!(sessions.visit("id", 3 * IDLE_SECONDS - 2), Visit::Stranger));
    }

    #[test]
    fn a_new_login_replaces_the_old_session() {
        let mut sessions = with(&[("old", "an", None)]);
        sessions.start("new".to_owned(), session("an", None), Some("old"), 1);
        assert!(sessions.find("old", 1).is_none());
        assert!(sessions.find("new", 1).is_some());
    }

    #[test]
    fn ending_elsewhere_hits_the_target_and_tells_once() {
        let entries = [("a", "an", Some("1")), ("b", "an", Some("2")), ("c", "binh", None)];
        let mut sessions = with(&entries);
        assert_eq!(sessions.end_elsewhere(&Target::Session("1".to_owned()), 1), 1);
        assert!(sessions.find("a", 1).is_none());
        assert!(sessions.find("b", 1).is_some());
        assert!(matches!(sessions.visit("a", 1), Visit::EndedElsewhere));
        assert!(matches!(sessions.visit("a", 1), Visit::Stranger));

        let mut sessions = with(&entries);
        assert_eq!(sessions.end_elsewhere(&Target::Subject("an".to_owned()), 1), 2);
        assert_eq!(sessions.end_elsewhere(&Target::Subject("an".to_owned()), 1), 0);
        assert!(sessions.find("c", 1).is_some());
    }
}
