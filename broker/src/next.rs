//! What a transaction needs next: a pure decision on what is stored.

use std::collections::BTreeSet;

use assurance_policy::Decision;
use nixa_protocol::authorize::{AuthorizationRequest, Prompt};
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::{Digest, ErrorCode, OAuthError, Timestamp};
use nixa_provider::{Authenticated, Next};

use crate::assessment::Assessment;
use crate::broker::Broker;
use crate::settings::SsoConfirmation;
use crate::transaction::{BrokerSession, BrokerTransaction, TransactionData, claims_by_name};

/// What the store says beside the transaction and the session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The signals that the operator has raised.
    pub(crate) signals: BTreeSet<String>,
    /// The scopes and claims whose release to this client the person has agreed to before.
    pub(crate) agreed: BTreeSet<String>,
}

/// A decision about a person, to be recorded.
#[derive(Debug)]
pub struct DecisionDraft {
    pub(crate) client_id: String,
    pub(crate) person: Id<Subject>,
    pub(crate) assessment: Assessment,
    /// The browser, when the person logs in with it for the first time.
    pub(crate) new_device: Option<Digest>,
}

impl DecisionDraft {
    pub(crate) fn new(transaction: &BrokerTransaction, session: &BrokerSession, assessment: Assessment) -> Self {
        let (client_id, person) = (transaction.request.client_id.clone(), session.subject.clone());
        Self { client_id, person, assessment, new_device: None }
    }
}

impl Broker {
    /// What a transaction needs next.
    pub(crate) fn decide(
        &self,
        transaction: &BrokerTransaction,
        session: Option<&BrokerSession>,
        facts: &Facts,
        now: Timestamp,
    ) -> Next<DecisionDraft> {
        if transaction.data.cancelled {
            return deny(ErrorCode::AccessDenied, "the person cancelled the login", None);
        }
        let session = session.filter(|_| !transaction.data.switching);
        if session.is_some_and(|session| must_select_account(transaction, session)) {
            return prompt(transaction, "confirm", ErrorCode::AccountSelectionRequired);
        }
        let assessment = self.assess(transaction, session, &facts.signals, now);
        match (assessment.decision.clone(), session) {
            (Decision::Satisfied(reached), Some(session)) => {
                if self.needs_consent(transaction, session, &facts.agreed) {
                    return prompt(transaction, "confirm", ErrorCode::ConsentRequired);
                }
                if self.needs_confirmation(transaction, session) {
                    return prompt(transaction, "confirm", ErrorCode::InteractionRequired);
                }
                let authenticated = Authenticated {
                    subject: session.subject.clone(),
                    sid: session.sid.clone(),
                    acr: Some(reached.acr),
                    amr: reached.amr,
                    auth_time: Timestamp(reached.auth_time),
                };
                let new_device = session.data.device.clone().filter(|_| session.data.new_device);
                let record = DecisionDraft { new_device, ..DecisionDraft::new(transaction, session, assessment) };
                Next::Issue { authenticated, record }
            }
            (Decision::Unmet { .. }, session) => {
                if !transaction.data.unmet_read && !transaction.request.prompts(Prompt::None) {
                    return prompt(transaction, "unmet", ErrorCode::UnmetAuthenticationRequirements);
                }
                // Of nobody it is not recorded: strangers could fill the store with requests alone.
                let record = session.map(|session| DecisionDraft::new(transaction, session, assessment));
                let unmet = "the level that the service needs cannot be reached";
                deny(ErrorCode::UnmetAuthenticationRequirements, unmet, record)
            }
            (Decision::StepUp { plans }, session) => {
                let straight = plans.iter().find(|plan| needs_no_choice(&transaction.data, session, &plan.source));
                let page = straight.map_or("choose".to_owned(), |plan| format!("go/{}", plan.source));
                prompt(transaction, &page, ErrorCode::LoginRequired)
            }
            // Satisfied without a session cannot be: there is no evidence then.
            (Decision::Satisfied(_), None) => prompt(transaction, "choose", ErrorCode::LoginRequired),
        }
    }

    /// Whether the person is asked before the portal learns who they are.
    fn needs_confirmation(&self, transaction: &BrokerTransaction, session: &BrokerSession) -> bool {
        if is_confirmed(transaction, session) {
            return false;
        }
        let client_id = &transaction.request.client_id;
        let shown_now = has_shown_factor(transaction, session);
        match self.portal(client_id).sso_confirmation {
            SsoConfirmation::Never => false,
            SsoConfirmation::First => !shown_now && !session.clients.contains(client_id),
            SsoConfirmation::Always => !shown_now,
        }
    }

    /// Whether the person must agree to the release of claims, and has not yet.
    fn needs_consent(
        &self,
        transaction: &BrokerTransaction,
        session: &BrokerSession,
        agreed: &BTreeSet<String>,
    ) -> bool {
        if is_confirmed(transaction, session) {
            return false;
        }
        let request = &transaction.request;
        request.prompts(Prompt::Consent)
            || self.portal(&request.client_id).ask_consent && !to_agree(request).is_subset(agreed)
    }
}

/// The scopes and claims that a person agrees to with a request.
pub(crate) fn to_agree(request: &AuthorizationRequest) -> BTreeSet<String> {
    request.scopes.iter().chain(claims_by_name(request)).cloned().collect()
}

fn is_confirmed(transaction: &BrokerTransaction, session: &BrokerSession) -> bool {
    transaction.data.confirmed.as_ref() == Some(&session.sid)
}

fn has_shown_factor(transaction: &BrokerTransaction, session: &BrokerSession) -> bool {
    session.data.factors.iter().any(|f| f.shown_in.as_ref() == Some(&transaction.id))
}

/// `prompt=select_account`, until the person agreed to go on with this account or logged in for it.
fn must_select_account(transaction: &BrokerTransaction, session: &BrokerSession) -> bool {
    transaction.request.prompts(Prompt::SelectAccount)
        && !is_confirmed(transaction, session)
        && !has_shown_factor(transaction, session)
}

/// Whether there is nothing to choose: the person already uses this provider in the session, and nothing has to
/// be said first.
fn needs_no_choice(data: &TransactionData, session: Option<&BrokerSession>, source: &str) -> bool {
    let used = session.is_some_and(|s| s.data.factors.iter().any(|f| f.source == source));
    used && data.notice.is_none() && data.fell_short.is_empty()
}

fn prompt(transaction: &BrokerTransaction, page: &str, silent: ErrorCode) -> Next<DecisionDraft> {
    Next::Prompt { path: transaction.page_path(page), silent }
}

fn deny(code: ErrorCode, description: &'static str, record: Option<DecisionDraft>) -> Next<DecisionDraft> {
    Next::Deny { error: OAuthError::new(code, description), record }
}
