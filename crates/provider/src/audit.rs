//! The engine's records in the audit trail. None holds a token, a claim's value or a session's identifier.

use nixa_audit::{AuditEvent, ClientChange, ConfigurationEvent, GrantType, IssuedGrant, RevocationReason};
use nixa_protocol::digest;
use nixa_protocol::id::{Grant, Id, Sso, Subject};
use nixa_storage::{GrantRecord, Rotation};

/// Tokens that a client was given.
pub(crate) fn tokens_issued(grant: &GrantRecord, by: GrantType) -> AuditEvent {
    AuditEvent::TokensIssued {
        client: grant.client_id.clone(),
        by,
        scopes: grant.body.scopes.clone(),
        grant: Some(IssuedGrant {
            person: grant.subject.clone(),
            grant: grant.id.clone(),
            acr: grant.body.acr.clone(),
            claims_in_id_token: grant.body.id_token_claims.clone(),
        }),
    }
}

/// What was taken back, and why.
pub(crate) fn grant_revoked(
    grant: &Id<Grant>,
    person: &Id<Subject>,
    client: &str,
    reason: RevocationReason,
) -> AuditEvent {
    AuditEvent::GrantRevoked {
        person: Some(person.clone()),
        client: client.to_owned(),
        grant: Some(grant.clone()),
        reason,
    }
}

/// What using a refresh token came to.
pub(crate) fn refresh_token_used(grant: &GrantRecord, outcome: Rotation) -> Vec<AuditEvent> {
    match outcome {
        Rotation::Rotated => vec![tokens_issued(grant, GrantType::RefreshToken)],
        Rotation::Reused => {
            let reason = RevocationReason::RefreshTokenReused;
            vec![grant_revoked(&grant.id, &grant.subject, &grant.client_id, reason)]
        }
        Rotation::Recent => vec![tokens_issued(grant, GrantType::RefreshTokenAgain)],
        Rotation::Refused => Vec::new(),
    }
}

/// A session's end; with `only`, one client's part in it.
pub(crate) fn session_ended(person: &Id<Subject>, sid: &Id<Sso>, clients: usize, only: Option<&str>) -> AuditEvent {
    AuditEvent::Logout { person: person.clone(), session: session_digest(sid), clients, only: only.map(str::to_owned) }
}

/// A session is named by the beginning of a digest: whoever reads the records cannot speak of it elsewhere.
pub(crate) fn session_digest(sid: &Id<Sso>) -> String {
    digest(sid.as_str()).as_str().chars().take(16).collect()
}

/// What a client itself or the configuration did to its registration.
#[must_use]
pub fn client_changed(client_id: &str, change: ClientChange) -> AuditEvent {
    AuditEvent::Configuration(ConfigurationEvent::Client { client: client_id.to_owned(), change, by: None })
}
