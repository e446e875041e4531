//! What is asked of an identity provider, and what its answer does to the session: plain functions on values.

use assurance_policy::{Evidence, Plan};
use nixa_protocol::id::{Id, Sso, Subject};

use crate::transaction::BrokerSession;
use crate::upstream::UpstreamRequest;

/// What becomes of the browser's session when an identity provider has vouched for a person.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SessionChange {
    /// The evidence is added to it.
    Join(Id<Sso>),
    /// One begins, and another person's ends.
    Start,
    /// A step-up must come from the person who is logged in; the session stays as it was.
    OtherPerson,
    /// It ended while the person was away: what the provider remembered from before a logout counts for nothing.
    Ended,
}

/// Holds the person that an answer is about against the session of the browser and the session that asked.
pub(crate) fn session_change(
    current: Option<&BrokerSession>,
    person: &Id<Subject>,
    request: &UpstreamRequest,
) -> SessionChange {
    match current {
        Some(session) if session.subject == *person => SessionChange::Join(session.sid.clone()),
        Some(_) if request.sid.is_some() => SessionChange::OtherPerson,
        None if !request.reauthenticate => SessionChange::Ended,
        _ => SessionChange::Start,
    }
}

/// Whether the provider must authenticate the person again, whatever it remembers.
///
/// Outside a session of ours a login that the provider remembers counts for nothing: somebody else may have logged
/// out here and left it behind. So does a factor that the session knows and that has become too old: what is shown
/// again must not pass for what is remembered.
pub(crate) fn must_reauthenticate(
    session: Option<&BrokerSession>,
    other_person: bool,
    evidence: &Evidence,
    plan: &Plan,
) -> bool {
    let known = |method: &String| evidence.factors.iter().any(|f| f.method == *method && f.source == plan.source);
    session.is_none() || other_person || plan.methods.iter().any(known)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use assurance_policy::Factor;
    use nixa_protocol::Timestamp;

    use super::*;
    use crate::transaction::SessionData;

    fn session(subject: &str) -> BrokerSession {
        BrokerSession {
            sid: Id::from_text("s"),
            subject: Id::from_text(subject),
            expires: Timestamp(9),
            idle_timeout: 9,
            clients: BTreeSet::new(),
            data: SessionData::default(),
        }
    }

    fn request(sid: Option<&str>, reauthenticate: bool) -> UpstreamRequest {
        UpstreamRequest {
            transaction: Id::from_text("t"),
            browser: Id::from_text("b"),
            idp: "i".to_owned(),
            level: "l".to_owned(),
            sid: sid.map(Id::from_text),
            nonce: String::new(),
            code_verifier: String::new(),
            sent_at: Timestamp(1),
            reauthenticate,
            used: true,
        }
    }

    #[test]
    fn an_answer_joins_replaces_or_is_refused() {
        use SessionChange::{Ended, Join, OtherPerson, Start};
        let join = || Join(Id::from_text("s"));
        let cases = [
            (Some("mai"), Some("s"), false, join(), "a step-up of the person who is logged in"),
            (Some("mai"), None, true, join(), "the same person in another tab meanwhile"),
            (Some("binh"), Some("s"), true, OtherPerson, "a step-up by somebody else"),
            (Some("binh"), None, true, Start, "a login of another person, asked for without a session"),
            (None, None, true, Start, "a login"),
            (None, Some("s"), false, Ended, "the session that asked ended, and the provider only remembered"),
            (None, Some("s"), true, Start, "the session that asked ended, and the person authenticated again"),
        ];
        for (current, sid, reauthenticate, expected, why) in cases {
            let current = current.map(session);
            let change = session_change(current.as_ref(), &Id::from_text("mai"), &request(sid, reauthenticate));
            assert_eq!(change, expected, "{why}");
        }
    }

    #[test]
    fn what_a_provider_remembers_counts_only_where_the_session_lacks_it() {
        let plan = Plan { source: "i".to_owned(), acr: "l".to_owned(), methods: vec!["totp".to_owned()] };
        let factor = |method: &str, source: &str| Factor {
            method: method.to_owned(),
            source: source.to_owned(),
            at: 1,
            in_request: false,
            qualities: [].into(),
        };
        let evidence = |factors: Vec<Factor>| Evidence { factors, ..Evidence::default() };
        let mai = session("mai");
        let asks = |session, other, factors| must_reauthenticate(session, other, &evidence(factors), &plan);
        assert!(asks(None, false, vec![]), "outside a session");
        assert!(asks(Some(&mai), true, vec![]), "after somebody else answered");
        assert!(asks(Some(&mai), false, vec![factor("totp", "i")]), "a factor that became too old");
        assert!(!asks(Some(&mai), false, vec![factor("password", "i")]), "only what is missing");
        assert!(!asks(Some(&mai), false, vec![factor("totp", "other")]), "another provider's factor");
    }
}
