//! The engine's records in the audit trail. None holds a token, a claim's value or a session's identifier.

use nixa_audit::{Event, Kind};
use nixa_protocol::digest;
use nixa_protocol::id::{Id, Sso};
use nixa_storage::{GrantRecord, Rotation};
use serde_json::json;

/// Tokens that a client was given.
pub(crate) fn issued(grant: &GrantRecord, how: &str) -> Event {
    Event::new(Kind::TokensIssued)
        .about(grant.subject.as_str())
        .fact("client", grant.client_id.as_str())
        .fact("grant", grant.id.as_str())
        .fact("by", how)
        .fact("scopes", json!(grant.body.scopes))
        .fact("acr", grant.body.acr.as_deref().map_or(json!(null), |acr| json!(acr)))
        .fact("claims_in_id_token", json!(grant.body.id_token_claims))
}

/// What was taken back, and why.
pub(crate) fn revoked(grant: &str, client: &str, why: &str) -> Event {
    Event::new(Kind::GrantRevoked).fact("client", client).fact("grant", grant).fact("reason", why)
}

/// What using a refresh token came to.
pub(crate) fn rotated(grant: &GrantRecord, outcome: Rotation) -> Vec<Event> {
    match outcome {
        Rotation::Rotated => vec![issued(grant, "refresh_token")],
        Rotation::Reused => {
            vec![revoked(grant.id.as_str(), &grant.client_id, "refresh-token-reused").about(grant.subject.as_str())]
        }
        Rotation::Recent => vec![issued(grant, "refresh_token-again")],
        Rotation::Refused => Vec::new(),
    }
}

/// A session's end. The session is named by a digest: whoever reads the trail cannot speak of it elsewhere.
pub(crate) fn session_ended(subject: &str, sid: &Id<Sso>, clients: usize) -> Event {
    Event::new(Kind::Logout).about(subject).fact("session", session(sid)).fact("clients", clients)
}

pub(crate) fn session(sid: &Id<Sso>) -> String {
    digest(sid.as_str()).as_str().chars().take(16).collect()
}
