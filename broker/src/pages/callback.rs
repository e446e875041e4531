//! An identity provider's answer.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_audit::{AuditEvent, LoginMeans, LoginRefusal, LoginRefusalReason};
use nixa_protocol::claims::AUTHENTICATORS;
use nixa_protocol::entropy::keyed_digest;
use nixa_protocol::id::Id;
use nixa_protocol::{Digest, Params, digest, random_token};
use nixa_provider::{Chosen, ProviderError, Step, see_other};
use nixa_storage::{Linked, Upstream};
use nixa_web::{BrowserSession, lasting_cookie, read_cookie};
use tower_sessions::Session;

use super::go::asked_key;
use super::{BrokerProvider, callback_uri, change_and_go_on, session_of};
use crate::evidence::{merge, stated_factors};
use crate::host::{BrokerSession, BrokerTransaction, Notice};
use crate::personal_number::PersonalNumber;
use crate::settings::IdpSettings;
use crate::upstream::{Answer, UpstreamRequest, VerifiedIdentity};

/// How long a browser is known, in seconds: 400 days, the longest that browsers keep a cookie.
const DEVICE_LIFE: i64 = 400 * 86_400;

/// `GET /callback/{idp}`
pub(super) async fn receive(
    State(broker): State<Arc<BrokerProvider>>,
    session: Session,
    Path(idp): Path<String>,
    chosen: Chosen,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let (device, marked) = device(&broker, &headers);
    let mut response = respond(&broker, session, idp, chosen, device, query).await;
    if let Some(cookie) = marked {
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
    let fresh = random_token(&*broker.entropy);
    let secure = broker.identity.issuer.starts_with("https://");
    (Some(digest(&fresh)), lasting_cookie(&settings.device_cookie, &fresh, secure, DEVICE_LIFE))
}

async fn respond(
    broker: &BrokerProvider,
    session: Session,
    idp: String,
    chosen: Chosen,
    device: Option<Digest>,
    query: Option<String>,
) -> Response {
    let known = match broker.known_browser(&session).await {
        Ok(known) => known,
        Err(response) => return response,
    };
    let text = broker.text_for(known.as_ref(), chosen, &[]);
    let problem = |status, code| broker.problem(text, status, code).into_response();
    let params = match Params::parse(query.unwrap_or_default().as_bytes()) {
        Ok(params) if params.refuse_repeated().is_ok() => params,
        _ => return problem(StatusCode::BAD_REQUEST, "bad-request"),
    };
    // Forged, foreign or too old: whoever made this request, no login of this browser is touched.
    let Some(browser) = known else { return problem(StatusCode::BAD_REQUEST, "login-unknown") };
    let (asked, first) = match take(broker, &browser, &idp, &params).await {
        Ok(Some(taken)) => taken,
        Ok(None) => return problem(StatusCode::BAD_REQUEST, "login-unknown"),
        Err(error) => return broker.failed(&error, text),
    };
    let again = format!("/continue/{}", asked.login.as_str());
    if !first {
        // The back button, or a reload: what the answer did is done.
        return see_other(&again);
    }
    let mut step = match broker.open_step(&session, asked.login.as_str(), Chosen::default()).await {
        Ok(step) => step,
        Err(response) => return response,
    };
    match handle(broker, &mut step, &asked, &params, device).await {
        Ok(Outcome::LoggedIn { fell_short }) => {
            let idp = asked.idp.clone();
            change_and_go_on(broker, &step, move |p| {
                p.data.notice = None;
                p.data.switching = false;
                if fell_short {
                    p.data.fell_short.insert(idp.clone());
                }
            })
            .await
        }
        Ok(Outcome::Notice(notice)) => {
            change_and_go_on(broker, &step, move |p| p.data.notice = Some(notice.clone())).await
        }
        Ok(Outcome::Nothing) => see_other(&again),
        Ok(Outcome::Unmet) => {
            change_and_go_on(broker, &step, |p| {
                p.data.fell_short.insert(asked.idp.clone());
            })
            .await
        }
        Err(error) => broker.failed(&error, step.text),
    }
}

enum Outcome {
    Nothing,
    LoggedIn { fell_short: bool },
    Notice(Notice),
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
    let key = asked_key(state);
    let Some(stored) = broker.stores.short.get(&key, now).await? else { return Ok(None) };
    let asked: UpstreamRequest = serde_json::from_slice(&stored)?;
    if asked.browser != *browser.id() || asked.idp != idp {
        tracing::warn!(idp, "an answer came to the wrong browser or address");
        return Ok(None);
    }
    if asked.used {
        return Ok(Some((asked, false)));
    }
    let used = serde_json::to_vec(&UpstreamRequest { used: true, ..asked.clone() })?;
    let first = broker.stores.short.replace(&key, &stored, &used, now + 3_600, now).await?;
    Ok(Some((asked, first)))
}

async fn handle(
    broker: &BrokerProvider,
    step: &mut Step<BrokerTransaction>,
    asked: &UpstreamRequest,
    params: &Params,
    device: Option<Digest>,
) -> Result<Outcome, ProviderError> {
    match params.get("error") {
        Some("access_denied") => return Ok(Outcome::Notice(Notice::Cancelled)),
        Some("unmet_authentication_requirements") => return Ok(Outcome::Unmet),
        Some(_) => {
            tracing::warn!(idp = asked.idp, "an identity provider answered with an error");
            refused(broker, step, &asked.idp, LoginRefusalReason::IdpError).await?;
            return Ok(Outcome::Notice(Notice::IdpFailed));
        }
        None => {}
    }
    let failed = Ok(Outcome::Notice(Notice::IdpFailed));
    let (Some(idp), Some(code)) = (broker.interaction.idp(&asked.idp), params.get("code")) else { return failed };
    let answer = Answer { code, iss: params.get("iss") };
    let stated = broker.interaction.upstreams.finish(idp, &callback_uri(broker, &idp.id), asked, answer).await;
    match stated {
        Ok(stated) => log_in(broker, step, (asked, idp), stated, device).await,
        Err(error) => {
            tracing::warn!(idp = idp.id, %error, "an identity provider's answer is not valid");
            refused(broker, step, &idp.id, LoginRefusalReason::InvalidIdpAnswer).await?;
            failed
        }
    }
}

/// A login that came to nothing, in the audit trail.
async fn refused(
    broker: &BrokerProvider,
    step: &Step<BrokerTransaction>,
    idp: &str,
    reason: LoginRefusalReason,
) -> Result<(), ProviderError> {
    let (idp, client) = (idp.to_owned(), step.client.client_id.clone());
    let refusal = LoginRefusal::Idp { idp, reason, client, acr_stated: None };
    broker.record(AuditEvent::LoginRefused { person: None, refusal }, broker.now()).await
}

/// A login through an identity provider in the audit trail: the account there is personal data.
fn logged_in(who: &Linked, step: &Step<BrokerTransaction>, idp: &str, acr: Option<&str>, account: &str) -> AuditEvent {
    let (idp, client, acr_stated) = (idp.to_owned(), step.client.client_id.clone(), acr.map(str::to_owned));
    match who {
        Linked::Person(person) => AuditEvent::Login {
            person: person.clone(),
            means: LoginMeans::Idp { idp, client, acr_stated, account_at_idp: account.to_owned() },
        },
        Linked::Conflict => {
            let reason = LoginRefusalReason::LinkedToAnotherPerson;
            AuditEvent::LoginRefused { person: None, refusal: LoginRefusal::Idp { idp, reason, client, acr_stated } }
        }
    }
}

/// Resolves the person and adds the evidence to their session.
async fn log_in(
    broker: &BrokerProvider,
    step: &mut Step<BrokerTransaction>,
    (asked, idp): (&UpstreamRequest, &IdpSettings),
    stated: VerifiedIdentity,
    device: Option<Digest>,
) -> Result<Outcome, ProviderError> {
    let now = broker.now();
    let Some(evidence) = idp.evidence(stated.acr.as_deref(), &stated.amr, stated.auth_time.0) else {
        tracing::warn!(idp = idp.id, "what an identity provider states is not in its vocabulary: no level");
        return Ok(Outcome::Unmet);
    };
    let proofed = evidence.proofing.iter().any(|p| p.level > 0);
    let number = PersonalNumber::stated(&stated.claims).filter(|_| idp.states_personal_number && proofed);
    let pivot = number.map(|n| keyed_digest(&broker.interaction.pivot_key, &["pivot", n.as_str()]));
    let mut attributes = stated.claims;
    // What a person has at the provider is for the broker, not for portals.
    attributes.remove(AUTHENTICATORS);
    if pivot.is_none() {
        // Portals key their files on the number: one that may not join people may not be released either.
        attributes.remove("personal_number");
    }
    let upstream = Upstream {
        idp: idp.id.clone(),
        subject: stated.subject.clone(),
        pivot,
        attributes,
        authoritative: idp.authoritative,
    };
    let audit = |who: &Linked| vec![logged_in(who, step, &idp.id, stated.acr.as_deref(), &upstream.subject)];
    let new_id = Id::random(&*broker.entropy);
    let person = match broker.interaction.people.resolve(&upstream, &new_id, &audit, now).await? {
        Linked::Person(person) => person,
        Linked::Conflict => return Ok(Outcome::Notice(Notice::Conflict)),
    };
    let current = session_of(broker, step).await?;
    let known = current.as_ref().map(|s| s.data.factors.as_slice()).unwrap_or_default();
    // `auth_time` is that of the oldest factor: after the request was sent, all of them were shown for it.
    let all_new = asked.anew || stated.auth_time > asked.at;
    let factors = stated_factors(evidence.factors, known, &asked.login, all_new);
    let sid = match current {
        Some(sso) if sso.subject == person => sso.sid,
        // A step-up must come from the person who is logged in; the session stays as it was.
        Some(_) if asked.sid.is_some() => {
            refused(broker, step, &idp.id, LoginRefusalReason::AnotherPersonThanLoggedIn).await?;
            return Ok(Outcome::Notice(Notice::OtherPerson));
        }
        // The session ended meanwhile: what the provider remembered from before a logout counts for nothing.
        None if !asked.anew => return Ok(Outcome::Nothing),
        _ => {
            if let Some(old) = broker.sessions.load(step.browser.sid(), now).await? {
                broker.end_session(&old.sid).await?;
            }
            let known = broker.interaction.people.person(&person).await?.map(|p| p.attributes).unwrap_or_default();
            let name = known.get("name").and_then(|n| n.as_str()).unwrap_or_default().to_owned();
            let new_device = broker.interaction.risk.is_new(&person, device.as_ref()).await?;
            let login = BrokerSession { name, device, new_device, ..BrokerSession::default() };
            let sid = Id::random(&*broker.entropy);
            broker.sessions.start(sid, person, login, now).await?.sid
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
    let Some(session) = added.await? else { return Ok(Outcome::Notice(Notice::IdpFailed)) };
    step.browser.log_in(sid).await?;
    // Less than it was asked for. A need that rose when it was seen who is there is another question.
    let judged = broker.interaction.judge(&step.current, Some(&session), now).await?;
    let fell_short = judged.decision.asks(&idp.id, &asked.rung);
    Ok(Outcome::LoggedIn { fell_short })
}
