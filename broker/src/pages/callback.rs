//! An identity provider's answer.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_audit::{Event, Kind};
use nixa_protocol::claims::AUTHENTICATORS;
use nixa_protocol::entropy::keyed_digest;
use nixa_protocol::id::Id;
use nixa_protocol::{Digest, Params, digest, random_token};
use nixa_provider::{PageError, ProviderError, Visitor, continue_path, see_other};
use nixa_storage::{Resolution, UpstreamAccount};
use nixa_web::{BrowserSession, Problem, lasting_cookie, read_cookie};
use serde_json::Value;

use super::{BrokerProvider, OpenLogin, callback_uri, session_of, upstream_requests};
use crate::evidence::{merge, stated_factors};
use crate::personal_number::PersonalNumber;
use crate::settings::IdpSettings;
use crate::transaction::{BrokerNotice, SessionData};
use crate::upstream::{AuthorizationResponse, UpstreamRequest, VerifiedIdentity};

/// How long a browser is known, in seconds: 400 days, the longest that browsers keep a cookie.
const DEVICE_LIFE: i64 = 400 * 86_400;

/// `GET /callback/{idp}`
pub(super) async fn receive(
    State(provider): State<Arc<BrokerProvider>>,
    visitor: Visitor,
    Path(idp): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let (device, cookie) = device(&provider, &headers);
    let result = respond(provider, visitor, &idp, device, query).await;
    let mut response = result.unwrap_or_else(IntoResponse::into_response);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The mark of the browser, with the cookie to set where it has none yet. Without a signal for new
/// browsers nobody is marked.
fn device(broker: &BrokerProvider, headers: &HeaderMap) -> (Option<Digest>, Option<HeaderValue>) {
    let settings = &broker.interaction.risk.settings;
    if settings.new_device.is_none() {
        return (None, None);
    }
    if let Some(known) = read_cookie(headers, &settings.device_cookie) {
        return (Some(digest(&known)), None);
    }
    let fresh = random_token(&*broker.runtime.entropy);
    let secure = broker.settings.is_secure();
    (Some(digest(&fresh)), lasting_cookie(&settings.device_cookie, &fresh, secure, DEVICE_LIFE))
}

async fn respond(
    provider: Arc<BrokerProvider>,
    visitor: Visitor,
    idp: &str,
    device: Option<Digest>,
    query: Option<String>,
) -> Result<Response, PageError> {
    let refused = |code| PageError::refused(StatusCode::BAD_REQUEST, code);
    let params = Params::parse(query.unwrap_or_default().as_bytes()).map_err(|_| refused(Problem::BadRequest))?;
    params.refuse_repeated().map_err(|_| refused(Problem::BadRequest))?;
    // Forged, foreign or too old: whoever made this request, no login of this browser is touched.
    let browser = visitor.browser.as_ref().ok_or_else(|| refused(Problem::LoginUnknown))?;
    let taken = take(&provider, browser, idp, &params).await?;
    let (asked, first) = taken.ok_or_else(|| refused(Problem::LoginUnknown))?;
    if !first {
        // The back button, or a reload: what the answer did is done.
        return Ok(see_other(&continue_path(&asked.transaction)));
    }
    let mut open = OpenLogin::open(provider, visitor, asked.transaction.as_str()).await?;
    match handle(&mut open, &asked, &params, device).await? {
        Outcome::LoggedIn { fell_short } => {
            open.change_and_go_on(|data| {
                data.notice = None;
                data.switching = false;
                if fell_short {
                    data.fell_short.insert(asked.idp.clone());
                }
            })
            .await
        }
        Outcome::Notice(notice) => open.change_and_go_on(|data| data.notice = Some(notice.clone())).await,
        Outcome::SessionEnded => Ok(open.go_on()),
        Outcome::Unmet => {
            open.change_and_go_on(|data| {
                data.fell_short.insert(asked.idp.clone());
            })
            .await
        }
    }
}

/// What an answer comes to.
enum Outcome {
    /// The session that asked has ended: its answer counts for nothing.
    SessionEnded,
    LoggedIn {
        fell_short: bool,
    },
    Notice(BrokerNotice),
    Unmet,
}

/// What was asked under the answer's `state`, and whether this is the first answer to it. It must come
/// back with the browser that was sent, at the address of the provider that was asked.
async fn take(
    broker: &BrokerProvider,
    browser: &BrowserSession,
    idp: &str,
    params: &Params,
) -> Result<Option<(UpstreamRequest, bool)>, ProviderError> {
    let now = broker.now();
    let Some(state) = params.get("state") else { return Ok(None) };
    let (requests, name) = (upstream_requests(broker), digest(state));
    let Some(stored) = requests.get(name.as_str(), now).await? else { return Ok(None) };
    if stored.browser != *browser.id() || stored.idp != idp {
        tracing::warn!(idp, "an answer came to the wrong browser or address");
        return Ok(None);
    }
    if stored.used {
        return Ok(Some((stored.into_value(), false)));
    }
    let used = UpstreamRequest { used: true, ..UpstreamRequest::clone(&stored) };
    let first = requests.replace(name.as_str(), &stored, used, now).await?.is_some();
    Ok(Some((stored.into_value(), first)))
}

async fn handle(
    open: &mut OpenLogin,
    asked: &UpstreamRequest,
    params: &Params,
    device: Option<Digest>,
) -> Result<Outcome, ProviderError> {
    let broker = open.provider.clone();
    match params.get("error") {
        Some("access_denied") => return Ok(Outcome::Notice(BrokerNotice::Cancelled)),
        Some("unmet_authentication_requirements") => return Ok(Outcome::Unmet),
        Some(_) => {
            tracing::warn!(idp = asked.idp, "an identity provider answered with an error");
            refused(open, &asked.idp, "error-of-idp").await?;
            return Ok(Outcome::Notice(BrokerNotice::IdpFailed));
        }
        None => {}
    }
    let failed = Ok(Outcome::Notice(BrokerNotice::IdpFailed));
    let (Some(idp), Some(code)) = (broker.interaction.idp(&asked.idp), params.get("code")) else { return failed };
    let response = AuthorizationResponse { code, iss: params.get("iss") };
    let stated = broker.interaction.upstream.exchange_code(idp, &callback_uri(&broker, &idp.id), asked, response).await;
    match stated {
        Ok(stated) => log_in(open, asked, idp, stated, device).await,
        Err(error) => {
            tracing::warn!(idp = idp.id, %error, "an identity provider's answer is not valid");
            refused(open, &idp.id, "invalid-answer-of-idp").await?;
            failed
        }
    }
}

/// A login that came to nothing, in the audit trail.
async fn refused(open: &OpenLogin, idp: &str, why: &str) -> Result<(), ProviderError> {
    let event = Event::new(Kind::LoginRefused).fact("idp", idp).fact("reason", why);
    let provider = &open.provider;
    provider.record(event.fact("client", open.client.client_id.as_str()), provider.now()).await
}

/// A login through an identity provider in the audit trail: the account there is personal data.
fn logged_in(who: &Resolution, open: &OpenLogin, idp: &str, acr: Option<&str>, account: &str) -> Event {
    let event = match who {
        Resolution::Person(person) => {
            Event::new(Kind::Login).about(person.as_str()).privately("account_at_idp", account)
        }
        Resolution::Conflict => Event::new(Kind::LoginRefused).fact("reason", "linked-to-another-person"),
    };
    let event = event.fact("idp", idp).fact("client", open.client.client_id.as_str());
    event.fact("acr_stated", acr.map_or(Value::Null, Value::from))
}

/// Resolves the person and adds the evidence to their session.
async fn log_in(
    open: &mut OpenLogin,
    asked: &UpstreamRequest,
    idp: &IdpSettings,
    stated: VerifiedIdentity,
    device: Option<Digest>,
) -> Result<Outcome, ProviderError> {
    let broker = open.provider.clone();
    let now = broker.now();
    let Some(evidence) = idp.evidence(stated.acr.as_deref(), &stated.amr, stated.auth_time.0) else {
        tracing::warn!(idp = idp.id, "what an identity provider states is not in its vocabulary: no level");
        return Ok(Outcome::Unmet);
    };
    let proofed = evidence.proofing.iter().any(|p| p.identity_level > 0);
    let number = PersonalNumber::from_claims(&stated.claims).filter(|_| idp.states_personal_number && proofed);
    // The label is part of every key that is stored.
    let match_key = number.map(|n| keyed_digest(&broker.interaction.match_key_secret, &["pivot", n.as_str()]));
    let mut attributes = stated.claims;
    // What a person has at the provider is for the broker, not for portals.
    attributes.remove(AUTHENTICATORS);
    if match_key.is_none() {
        // Portals key their files on the number: one that may not join people may not be released either.
        attributes.remove("personal_number");
    }
    let upstream = UpstreamAccount {
        idp: idp.id.clone(),
        subject: stated.subject.clone(),
        match_key,
        attributes,
        authoritative: idp.authoritative,
    };
    let trail = |who: &Resolution| vec![logged_in(who, open, &idp.id, stated.acr.as_deref(), &upstream.subject)];
    let new_id = Id::random(&*broker.runtime.entropy);
    let person = match broker.interaction.people.resolve(&upstream, &new_id, &trail, now).await? {
        Resolution::Person(person) => person,
        Resolution::Conflict => return Ok(Outcome::Notice(BrokerNotice::Conflict)),
    };
    let current = session_of(open).await?;
    let known = current.as_ref().map(|s| s.data.factors.as_slice()).unwrap_or_default();
    // `auth_time` is that of the oldest factor: after the request was sent, all of them were shown for it.
    let all_new = asked.reauthenticate || stated.auth_time > asked.sent_at;
    let factors = stated_factors(evidence.factors, known, &asked.transaction, all_new);
    let sid = match current {
        Some(sso) if sso.subject == person => sso.sid,
        // A step-up must come from the person who is logged in; the session stays as it was.
        Some(_) if asked.sid.is_some() => {
            refused(open, &idp.id, "another-person-than-logged-in").await?;
            return Ok(Outcome::Notice(BrokerNotice::OtherPerson));
        }
        // The session ended meanwhile: what the provider remembered from before a logout counts for nothing.
        None if !asked.reauthenticate => return Ok(Outcome::SessionEnded),
        _ => {
            if let Some(old) = broker.sessions.load(open.browser.sid(), now).await? {
                broker.session_end.end(&old.sid).await?;
            }
            let known = broker.interaction.people.person(&person).await?.map(|p| p.attributes).unwrap_or_default();
            let name = known.get("name").and_then(|n| n.as_str()).unwrap_or_default().to_owned();
            let new_device = broker.interaction.risk.is_new(&person, device.as_ref()).await?;
            let data = SessionData { name, device, new_device, ..SessionData::default() };
            let sid = Id::random(&*broker.runtime.entropy);
            broker.sessions.start(sid, person, data, now).await?.sid
        }
    };
    let added = broker.sessions.change(&sid, now, |session| {
        merge(&mut session.data.factors, &factors);
        session.data.proofing.retain(|p| p.source != idp.id);
        session.data.proofing.extend(evidence.proofing.iter().cloned());
        if let Some(methods) = &stated.authenticators {
            session.data.enrolled.insert(idp.id.clone(), methods.clone());
        }
    });
    let Some(session) = added.await? else { return Ok(Outcome::Notice(BrokerNotice::IdpFailed)) };
    open.browser.log_in(sid).await?;
    // Less than it was asked for. A need that rose when it was seen who is there is another question.
    let assessment = broker.interaction.assess_now(&open.transaction, Some(&session), now).await?;
    let fell_short = assessment.decision.asks(&idp.id, &asked.level);
    Ok(Outcome::LoggedIn { fell_short })
}
