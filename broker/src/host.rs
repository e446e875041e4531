//! What an open login still needs: which identity provider, which factors, whose agreement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assurance_policy::{Decision, Held, Offer, Policy, Proofing, Requirement, decide, sentence, weigh};
use async_trait::async_trait;
use axum::http::HeaderMap;
use nixa_audit::{AuditEvent, DecisionOutcome};
use nixa_protocol::authorize::Prompt;
use nixa_protocol::id::{Id, Sso, Subject};
use nixa_protocol::{Digest, Entropy, ErrorCode, OAuthError, Timestamp, digest};
use nixa_provider::{Authenticated, Interaction, Next, ProviderError, SsoSession, Transaction};
use nixa_storage::{DecisionRecord, People};
use nixa_web::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::evidence::{KnownFactor, held, requirement};
use crate::risk::Risk;
use crate::settings::{IdpSettings, PortalSettings, SsoConfirmation};
use crate::upstream::Upstreams;

/// The broker's side of the engine.
pub struct Broker {
    /// People, links, decisions, consents.
    pub people: Arc<dyn People>,
    /// The levels.
    pub policy: Policy,
    /// The identity providers, in the order in which people see them.
    pub idps: Vec<IdpSettings>,
    /// The portals by client identifier.
    pub portals: BTreeMap<String, PortalSettings>,
    /// The way to the identity providers.
    pub upstreams: Upstreams,
    /// The secret under which personal numbers are recognised.
    pub pivot_key: [u8; 32],
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What may raise the level.
    pub risk: Risk,
}

/// A single sign-on session at the broker.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BrokerSession {
    /// The name to greet with.
    pub name: String,
    /// The factors that identity providers vouched for.
    pub factors: Vec<KnownFactor>,
    /// How well they know who it is.
    pub proofing: Vec<Proofing>,
    /// The methods that the person has at an identity provider, where it says so.
    #[serde(default)]
    pub enrolled: BTreeMap<String, BTreeSet<String>>,
    /// The mark of the browser.
    #[serde(default)]
    pub device: Option<Digest>,
    /// Whether the person had not logged in before in this browser when the session began; it stays so
    /// while the session lasts.
    #[serde(default)]
    pub new_device: bool,
}

/// What a page has to say when it is shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// The person cancelled at the identity provider.
    Cancelled,
    /// The identity provider failed or gave an answer that is not valid.
    IdpFailed,
    /// The identity provider vouches for another person than the one who is logged in.
    OtherPerson,
    /// The account is linked to a person with another personal number.
    Conflict,
}

/// What is remembered of one open login.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BrokerTransaction {
    /// The person gave up.
    pub cancelled: bool,
    /// The person has read that the level cannot be reached.
    pub unmet_read: bool,
    /// The person who is logged in is not the one who wants to log in.
    pub switching: bool,
    /// The session in which the person agreed to go on: another one's agreement counts for nothing.
    pub confirmed: Option<Id<Sso>>,
    /// Identity providers that were asked and did not reach the level.
    pub fell_short: BTreeSet<String>,
    /// What the next page has to say.
    pub notice: Option<Notice>,
    /// The risk signals that came with requests of this login.
    #[serde(default)]
    pub signals: BTreeSet<String>,
}

/// Everything that a decision was made from.
pub(crate) struct Judged {
    pub(crate) requirement: Requirement,
    pub(crate) held: Held,
    pub(crate) offers: Vec<Offer>,
    pub(crate) decision: Decision,
}

type Session = SsoSession<BrokerSession>;

impl Broker {
    /// The settings of a portal; a client without any has the careful defaults.
    #[must_use]
    pub fn portal(&self, client_id: &str) -> PortalSettings {
        self.portals.get(client_id).cloned().unwrap_or_default()
    }

    /// What the person reads about the transaction that a login is for.
    pub(crate) fn transaction(&self, transaction: &Transaction<BrokerTransaction>, text: Text) -> Option<String> {
        let portal = self.portals.get(&transaction.request.client_id)?;
        let service = portal.services.get(transaction.request.service.as_ref()?)?;
        Some(text.pick(&service.text).to_owned())
    }

    /// The identity provider with this name.
    #[must_use]
    pub fn idp(&self, id: &str) -> Option<&IdpSettings> {
        self.idps.iter().find(|i| i.id == id)
    }

    /// The identity providers that may serve a portal.
    pub(crate) fn allowed(&self, client_id: &str) -> Vec<&IdpSettings> {
        let portal = self.portal(client_id);
        self.idps.iter().filter(|i| portal.idps.as_ref().is_none_or(|list| list.contains(&i.id))).collect()
    }

    /// Judges an open login.
    pub(crate) async fn judge(
        &self,
        transaction: &Transaction<BrokerTransaction>,
        sso: Option<&Session>,
        now: Timestamp,
    ) -> Result<Judged, ProviderError> {
        let client_id = &transaction.request.client_id;
        let mut signals = self.risk.of_operator(now).await?;
        signals.extend(transaction.data.signals.iter().cloned());
        signals
            .extend(self.risk.settings.new_device.iter().filter(|_| sso.is_some_and(|s| s.data.new_device)).cloned());
        let requirement = requirement(&transaction.request, &self.portal(client_id), signals);
        let held = held(sso.map(|s| &s.data), &transaction.id);
        let mut offers: Vec<Offer> = self.allowed(client_id).into_iter().map(IdpSettings::offer).collect();
        for offer in offers.iter_mut().filter(|o| transaction.data.fell_short.contains(&o.source)) {
            // It was asked in this login and gave what it could: its evidence counts, more is not to be had.
            offer.methods.clear();
        }
        let decision = decide(&self.policy, &requirement, &held, &offers, now.0);
        Ok(Judged { requirement, held, offers, decision })
    }

    /// Keeps a decision with everything that it was made from. Nobody's decision is not kept: strangers
    /// could fill the store with requests alone.
    pub(crate) async fn record(
        &self,
        transaction: &Transaction<BrokerTransaction>,
        person: &Id<Subject>,
        judged: &Judged,
        now: Timestamp,
    ) -> Result<(), ProviderError> {
        let record = json!({
            "requirement": judged.requirement,
            "held": judged.held,
            "offers": judged.offers,
            "uses": weigh(&self.policy, &judged.requirement, &judged.held, &judged.offers, now.0, &judged.decision),
            "decision": judged.decision,
            "sentence": sentence(&judged.decision),
        });
        let decision = DecisionRecord {
            id: Id::random(&*self.entropy),
            at: now,
            client_id: transaction.request.client_id.clone(),
            person: Some(person.clone()),
            policy: self.policy.version().to_owned(),
            record,
        };
        let audit = decision_made(&decision, &judged.decision);
        Ok(self.people.record_decision(&decision, &[audit]).await?)
    }

    /// The claims that the portal would be given.
    pub(crate) fn claims_for(
        &self,
        transaction: &Transaction<BrokerTransaction>,
        client: &nixa_protocol::Client,
    ) -> BTreeSet<String> {
        let request = &transaction.request;
        let by_name = request.claims.userinfo.keys().chain(request.claims.id_token.keys());
        nixa_protocol::claims::released(client, &request.scopes, by_name)
    }

    /// Whether the person is asked before the portal learns who they are.
    fn needs_confirmation(&self, transaction: &Transaction<BrokerTransaction>, sso: &Session) -> bool {
        let shown_now = sso.data.factors.iter().any(|f| f.shown_in.as_ref() == Some(&transaction.id));
        if transaction.data.confirmed.as_ref() == Some(&sso.sid) {
            return false;
        }
        match self.portal(&transaction.request.client_id).sso_confirmation {
            SsoConfirmation::Never => false,
            SsoConfirmation::First => !shown_now && !sso.clients.contains(&transaction.request.client_id),
            SsoConfirmation::Always => !shown_now,
        }
    }

    /// Whether there is nothing to choose: the person already uses this provider in the session, and
    /// nothing has to be said first.
    fn goes_straight(&self, step: &BrokerTransaction, sso: Option<&Session>, source: &str) -> bool {
        let used = sso.is_some_and(|s| s.data.factors.iter().any(|f| f.source == source));
        used && step.notice.is_none() && step.fell_short.is_empty()
    }

    /// Whether the person must agree to the release of claims, and has not yet.
    async fn needs_consent(
        &self,
        transaction: &Transaction<BrokerTransaction>,
        sso: &Session,
    ) -> Result<bool, ProviderError> {
        if transaction.data.confirmed.as_ref() == Some(&sso.sid) {
            return Ok(false);
        }
        if transaction.request.prompts(Prompt::Consent) {
            return Ok(true);
        }
        let client_id = &transaction.request.client_id;
        if !self.portal(client_id).ask_consent {
            return Ok(false);
        }
        let agreed: BTreeSet<String> =
            self.people.consent(&sso.subject, client_id).await?.unwrap_or_default().into_iter().collect();
        let by_name = transaction.request.claims.userinfo.keys().chain(transaction.request.claims.id_token.keys());
        let asked: BTreeSet<String> = transaction.request.scopes.iter().chain(by_name).cloned().collect();
        Ok(!asked.is_subset(&agreed))
    }
}

/// The decision in the audit trail; the whole of it stands in the table of decisions.
fn decision_made(record: &DecisionRecord, decision: &Decision) -> AuditEvent {
    let (outcome, acr) = match decision {
        Decision::Satisfied(reached) => (DecisionOutcome::Satisfied, Some(reached.rung.as_str())),
        Decision::StepUp { plans } => (DecisionOutcome::StepUp, plans.first().map(|plan| plan.acr.as_str())),
        Decision::Unmet { acr, .. } => (DecisionOutcome::Unmet, acr.as_deref()),
    };
    AuditEvent::Decision {
        person: record.person.clone(),
        decision: record.id.clone(),
        client: record.client_id.clone(),
        policy: record.policy.clone(),
        outcome,
        acr: acr.map(str::to_owned),
        record: digest(&record.record.to_string()),
    }
}

fn visit(transaction: &Transaction<BrokerTransaction>, page: &str, silent: ErrorCode) -> Next {
    Next::Prompt { path: format!("/login/{}/{page}", transaction.id.as_str()), silent }
}

fn refuse(code: ErrorCode, description: &'static str) -> Next {
    Next::Deny(OAuthError::new(code, description))
}

#[async_trait]
impl Interaction for Broker {
    type TransactionData = BrokerTransaction;
    type SessionData = BrokerSession;

    async fn next(
        &self,
        transaction: &Transaction<BrokerTransaction>,
        sso: Option<&Session>,
        now: Timestamp,
    ) -> Result<Next, ProviderError> {
        let step = &transaction.data;
        if step.cancelled {
            return Ok(refuse(ErrorCode::AccessDenied, "the person cancelled the login"));
        }
        let sso = sso.filter(|_| !step.switching);
        if let Some(sso) = sso
            && transaction.request.prompts(Prompt::SelectAccount)
            && step.confirmed.as_ref() != Some(&sso.sid)
            && !sso.data.factors.iter().any(|f| f.shown_in.as_ref() == Some(&transaction.id))
        {
            return Ok(visit(transaction, "confirm", ErrorCode::AccountSelectionRequired));
        }
        let judged = self.judge(transaction, sso, now).await?;
        match (&judged.decision, sso) {
            (Decision::Satisfied(reached), Some(sso)) => {
                if self.needs_consent(transaction, sso).await? {
                    return Ok(visit(transaction, "confirm", ErrorCode::ConsentRequired));
                }
                if self.needs_confirmation(transaction, sso) {
                    return Ok(visit(transaction, "confirm", ErrorCode::InteractionRequired));
                }
                // Kept before anything is issued: no login without its reason.
                self.record(transaction, &sso.subject, &judged, now).await?;
                if let (true, Some(device)) = (sso.data.new_device, &sso.data.device) {
                    self.risk.remember(&sso.subject, device, now).await?;
                }
                Ok(Next::Issue(Authenticated {
                    subject: sso.subject.clone(),
                    sid: sso.sid.clone(),
                    acr: Some(reached.acr.clone()),
                    amr: reached.amr.clone(),
                    auth_time: Timestamp(reached.auth_time),
                }))
            }
            (Decision::Unmet { .. }, sso) => {
                if step.unmet_read || transaction.request.prompts(Prompt::None) {
                    if let Some(sso) = sso {
                        self.record(transaction, &sso.subject, &judged, now).await?;
                    }
                    return Ok(refuse(
                        ErrorCode::UnmetAuthenticationRequirements,
                        "the level that the service needs cannot be reached",
                    ));
                }
                Ok(visit(transaction, "unmet", ErrorCode::UnmetAuthenticationRequirements))
            }
            (Decision::StepUp { plans }, sso) => {
                let page = match plans.iter().find(|plan| self.goes_straight(step, sso, &plan.source)) {
                    Some(plan) => format!("go/{}", plan.source),
                    None => "choose".to_owned(),
                };
                Ok(visit(transaction, &page, ErrorCode::LoginRequired))
            }
            // Satisfied without a session cannot be: nothing is held then.
            (Decision::Satisfied(_), None) => Ok(visit(transaction, "choose", ErrorCode::LoginRequired)),
        }
    }

    fn observe(&self, headers: &HeaderMap, step: &mut BrokerTransaction) -> bool {
        let before = step.signals.len();
        step.signals.extend(self.risk.of_headers(headers));
        step.signals.len() > before
    }

    async fn claims(&self, subject: &Id<Subject>, _: &BTreeSet<String>) -> Result<Map<String, Value>, ProviderError> {
        Ok(self.people.person(subject).await?.map(|p| p.attributes).unwrap_or_default())
    }
}
