//! Taking a verified identity over: the person is found, and the evidence added to their session.

use nixa_audit::{AuditEvent, LoginMeans, LoginRefusal, LoginRefusalReason};
use nixa_protocol::Digest;
use nixa_protocol::claims::AUTHENTICATORS;
use nixa_protocol::entropy::keyed_digest;
use nixa_protocol::id::{Id, Subject};
use nixa_provider::ProviderError;
use nixa_storage::{Resolution, UpstreamAccount};

use super::login::{OpenLogin, session_of};
use crate::answer::{SessionChange, session_change};
use crate::evidence::{known_factors, merge};
use crate::personal_number::PersonalNumber;
use crate::settings::IdpSettings;
use crate::transaction::{BrokerNotice, BrokerSession, SessionData};
use crate::upstream::{UpstreamRequest, VerifiedIdentity};

/// What an identity provider's answer comes to.
pub(super) enum Outcome {
    /// The session that asked has ended: its answer counts for nothing.
    SessionEnded,
    /// The person is logged in.
    LoggedIn {
        /// Whether the provider gave less than it was asked for.
        fell_short: bool,
    },
    /// Nobody is logged in; the next page says why.
    Notice(BrokerNotice),
    /// The provider did not reach any level.
    Unmet,
}

/// Resolves the person and adds the evidence to their session.
pub(super) async fn accept_identity(
    open: &mut OpenLogin,
    request: &UpstreamRequest,
    idp: &IdpSettings,
    identity: VerifiedIdentity,
    device: Option<Digest>,
) -> Result<Outcome, ProviderError> {
    let provider = open.provider.clone();
    let (broker, now) = (&provider.interaction, provider.now());
    let Some(evidence) = idp.evidence(identity.acr.as_deref(), &identity.amr, identity.auth_time.0) else {
        tracing::warn!(idp = idp.id, "what an identity provider states is not in its vocabulary: no level");
        return Ok(Outcome::Unmet);
    };
    let proofed = evidence.proofing.iter().any(|p| p.identity_level > 0);
    let account = account(open, idp, &identity, proofed);
    let events = |who: &Resolution| vec![resolved(who, open, &account, identity.acr.as_deref())];
    let new_id = Id::random(&*provider.runtime.entropy);
    let person = match broker.people.resolve(&account, &new_id, &events, now).await? {
        Resolution::Person(person) => person,
        Resolution::Conflict => return Ok(Outcome::Notice(BrokerNotice::Conflict)),
    };
    let current = session_of(open).await?;
    let known = current.as_ref().map(|session| session.data.factors.as_slice()).unwrap_or_default();
    // `auth_time` is that of the oldest factor: after the request was sent, all of them were shown for it.
    let all_new = request.reauthenticate || identity.auth_time > request.sent_at;
    let factors = known_factors(evidence.factors, known, &request.transaction, all_new);
    let sid = match session_change(current.as_ref(), &person, request) {
        SessionChange::Join(sid) => sid,
        SessionChange::Start => start_session(open, person, device).await?.sid,
        SessionChange::OtherPerson => {
            record_refusal(open, &idp.id, LoginRefusalReason::AnotherPersonThanLoggedIn).await?;
            return Ok(Outcome::Notice(BrokerNotice::OtherPerson));
        }
        SessionChange::Ended => return Ok(Outcome::SessionEnded),
    };
    let added = provider.sessions.change(&sid, now, |session| {
        merge(&mut session.data.factors, &factors);
        session.data.proofing.retain(|p| p.source != idp.id);
        session.data.proofing.extend(evidence.proofing.iter().cloned());
        if let Some(methods) = &identity.authenticators {
            session.data.enrolled.insert(idp.id.clone(), methods.clone());
        }
    });
    let Some(session) = added.await? else { return Ok(Outcome::Notice(BrokerNotice::IdpFailed)) };
    open.browser.log_in(sid).await?;
    // Less than it was asked for. A need that rose when it was seen who is there is another question.
    let assessment = broker.assess_now(&open.transaction, Some(&session), now).await?;
    Ok(Outcome::LoggedIn { fell_short: assessment.decision.asks(&idp.id, &request.level) })
}

/// The account at the provider, with what the broker keeps of its claims.
fn account(open: &OpenLogin, idp: &IdpSettings, identity: &VerifiedIdentity, proofed: bool) -> UpstreamAccount {
    let number = PersonalNumber::from_claims(&identity.claims).filter(|_| idp.states_personal_number && proofed);
    let secret = &open.provider.interaction.match_key_secret;
    // The label is part of every key that is stored.
    let match_key = number.map(|number| keyed_digest(secret, &["pivot", number.as_str()]));
    let mut attributes = identity.claims.clone();
    // What a person has at the provider is for the broker, not for portals.
    attributes.remove(AUTHENTICATORS);
    if match_key.is_none() {
        // Portals key their files on the number: one that may not join people may not be released either.
        attributes.remove("personal_number");
    }
    let subject = identity.subject.clone();
    UpstreamAccount { idp: idp.id.clone(), subject, match_key, attributes, authoritative: idp.authoritative }
}

/// Begins a session of a person; the one that the browser had ends.
async fn start_session(
    open: &OpenLogin,
    person: Id<Subject>,
    device: Option<Digest>,
) -> Result<BrokerSession, ProviderError> {
    let (provider, broker, now) = (&open.provider, &open.provider.interaction, open.provider.now());
    if let Some(old) = open.session().await? {
        provider.session_end.end(&old.sid).await?;
    }
    let attributes = broker.people.person(&person).await?.map(|p| p.attributes).unwrap_or_default();
    let name = attributes.get("name").and_then(|name| name.as_str()).unwrap_or_default().to_owned();
    let new_device = broker.risk.is_new(&person, device.as_ref()).await?;
    let data = SessionData { name, device, new_device, ..SessionData::default() };
    provider.sessions.start(Id::random(&*provider.runtime.entropy), person, data, now).await
}

/// Records a login that came to nothing.
pub(super) async fn record_refusal(
    open: &OpenLogin,
    idp: &str,
    reason: LoginRefusalReason,
) -> Result<(), ProviderError> {
    let (provider, client) = (&open.provider, open.client.client_id.clone());
    let refusal = LoginRefusal::Idp { idp: idp.to_owned(), reason, client, acr_stated: None };
    provider.record(AuditEvent::LoginRefused { person: None, refusal }, provider.now()).await
}

/// What is recorded of whom an account belongs to: the account at the provider is personal data.
fn resolved(who: &Resolution, open: &OpenLogin, account: &UpstreamAccount, acr: Option<&str>) -> AuditEvent {
    let idp = account.idp.clone();
    let (client, acr_stated) = (open.client.client_id.clone(), acr.map(str::to_owned));
    match who {
        Resolution::Person(person) => {
            let account_at_idp = account.subject.clone();
            let means = LoginMeans::Idp { idp, client, acr_stated, account_at_idp };
            AuditEvent::Login { person: person.clone(), means }
        }
        Resolution::Conflict => {
            let reason = LoginRefusalReason::LinkedToAnotherPerson;
            AuditEvent::LoginRefused { person: None, refusal: LoginRefusal::Idp { idp, reason, client, acr_stated } }
        }
    }
}
