//! What a transaction still needs: which factors, in which order.

use std::collections::BTreeSet;
use std::sync::Arc;

use assurance_policy::{Decision, Evidence, Factor, IdpCapability, Policy, Proofing, Requirement, decide};
use async_trait::async_trait;
use nixa_credentials::Accounts;
use nixa_protocol::authorize::Prompt;
use nixa_protocol::claims::AUTHENTICATORS;
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::{ErrorCode, OAuthError, Timestamp};
use nixa_provider::{Authenticated, Interaction, Next, ProviderError};
use serde_json::{Map, Value, json};

use crate::authenticators::password::Passwords;
use crate::transaction::{IdpSession, IdpTransaction, SessionData, ShownFactor, TransactionData};

/// The name of this identity provider in its own evidence.
const SELF: &str = "self";
/// The methods that have a page here; a policy file may name more.
const SUPPORTED: [&str; 2] = ["password", "totp"];
/// The method that can tell who a person is when nobody is logged in.
const IDENTIFYING: &str = "password";

/// The identity provider's side of the engine.
pub struct Idp {
    /// The store of accounts and their authenticators.
    pub accounts: Arc<dyn Accounts>,
    /// The levels that this provider states.
    pub policy: Policy,
    /// Verifies passwords, a bounded number at once.
    pub passwords: Passwords,
}

impl Idp {
    /// Holds what the session has shown against what the request asks for.
    fn assess(&self, transaction: &IdpTransaction, session: Option<&IdpSession>, now: Timestamp) -> Decision {
        let request = &transaction.request;
        let requirement = Requirement {
            acr_values: request.acr_values.clone(),
            essential: request.essential_acr,
            max_age: request.max_age,
            reauthenticate: request.requires_reauthentication() || request.prompts(Prompt::SelectAccount),
            ..Requirement::default()
        };
        let evidence = session.map_or_else(Evidence::default, |s| Evidence {
            factors: s.data.factors.iter().map(|f| factor(f, transaction)).collect(),
            proofing: vec![Proofing::stated(SELF, s.data.identity_level)],
            ..Evidence::default()
        });
        let enrolled = |m: &&str| session.is_none_or(|s| s.data.enrolled.iter().any(|e| e == m));
        let capability = IdpCapability {
            source: SELF.to_owned(),
            channel: None,
            cap: self.policy.ladder().last().map(|r| r.acr.clone()).unwrap_or_default(),
            methods: SUPPORTED.iter().filter(|m| enrolled(m)).map(|m| (*m).to_owned()).collect(),
            identity: session.map_or(2, |s| s.data.identity_level),
        };
        decide(&self.policy, &requirement, &evidence, &[capability], now.0)
    }

    /// What a transaction needs next: a pure decision on what is stored.
    fn decide(&self, transaction: &IdpTransaction, session: Option<&IdpSession>, now: Timestamp) -> Next<()> {
        let deny = |code, why| Next::Deny { error: OAuthError::new(code, why), record: None };
        let prompt =
            |method: &str| Next::Prompt { path: transaction.page_path(method), silent: ErrorCode::LoginRequired };
        if transaction.data.cancelled {
            return deny(ErrorCode::AccessDenied, "the person cancelled the login");
        }
        let session = session.filter(|_| !transaction.data.switching);
        match (self.assess(transaction, session, now), session) {
            (Decision::Satisfied(reached), Some(session)) => {
                let authenticated = Authenticated {
                    subject: session.subject.clone(),
                    sid: session.sid.clone(),
                    acr: Some(reached.acr),
                    amr: reached.amr,
                    auth_time: Timestamp(reached.auth_time),
                };
                Next::Issue { authenticated, record: () }
            }
            (Decision::Unmet { .. }, _) => {
                deny(ErrorCode::UnmetAuthenticationRequirements, "the level that was asked for cannot be reached")
            }
            (_, None) => prompt(IDENTIFYING),
            (Decision::StepUp { plans }, Some(_)) => {
                let methods = plans.first().map(|p| p.methods.as_slice()).unwrap_or_default();
                let first = methods.iter().find(|m| *m == IDENTIFYING).or(methods.first());
                prompt(first.map_or(IDENTIFYING, String::as_str))
            }
        }
    }
}

fn factor(shown: &ShownFactor, transaction: &IdpTransaction) -> Factor {
    Factor {
        method: shown.method.clone(),
        source: SELF.to_owned(),
        at: shown.at.0,
        in_request: shown.shown_in == transaction.id,
        qualities: [].into(),
    }
}

#[async_trait]
impl Interaction for Idp {
    type TransactionData = TransactionData;
    type SessionData = SessionData;
    type Record = ();

    async fn next(
        &self,
        transaction: &IdpTransaction,
        session: Option<&IdpSession>,
        now: Timestamp,
    ) -> Result<Next<()>, ProviderError> {
        Ok(self.decide(transaction, session, now))
    }

    /// Each factor was recorded when it was shown.
    async fn record(&self, (): (), _: Timestamp) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn claims(
        &self,
        subject: &Id<Subject>,
        names: &BTreeSet<String>,
    ) -> Result<Map<String, Value>, ProviderError> {
        let mut known = self.accounts.account(subject).await?.map(|a| a.attributes).unwrap_or_default();
        if names.contains(AUTHENTICATORS) {
            let authenticators = self.accounts.authenticators(subject).await?;
            let methods: BTreeSet<String> = authenticators.into_iter().map(|a| a.method).collect();
            known.insert(AUTHENTICATORS.to_owned(), json!(methods));
        }
        Ok(known)
    }
}
