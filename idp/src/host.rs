//! What an open login still needs: which factors, in which order.

use std::collections::BTreeSet;
use std::sync::Arc;

use assurance_policy::{Decision, Evidence, Factor, IdpCapability, Policy, Proofing, Requirement, decide};
use async_trait::async_trait;
use nixa_protocol::authorize::Prompt;
use nixa_protocol::claims::AUTHENTICATORS;
use nixa_protocol::id::{self, Id, Subject};
use nixa_protocol::{ErrorCode, OAuthError, Timestamp};
use nixa_provider::{Authenticated, Interaction, Next, ProviderError, SsoSession, Transaction};
use nixa_storage::Accounts;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::authenticators::password::Passwords;

/// The name of this identity provider in its own evidence.
const SELF: &str = "self";
/// The methods that have a page here; a policy file may name more.
const SUPPORTED: [&str; 2] = ["password", "totp"];
/// The method that can tell who a person is when nobody is logged in.
const IDENTIFYING: &str = "password";

/// The identity provider's side of the engine.
pub struct Idp {
    /// The accounts.
    pub accounts: Arc<dyn Accounts>,
    /// The levels that this provider states.
    pub policy: Policy,
    /// Verifies passwords.
    pub passwords: Passwords,
}

/// A factor that was shown, and in which open login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownFactor {
    /// The method's name in the policy.
    pub method: String,
    /// When.
    pub at: Timestamp,
    /// In which open login.
    pub login: Id<id::Transaction>,
}

/// A single sign-on session at this provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdpSession {
    /// The login name, to show who is logged in.
    pub username: String,
    /// How well the person was proofed.
    pub identity_level: u8,
    /// The methods that the account has.
    pub enrolled: Vec<String>,
    /// The factors shown so far.
    pub factors: Vec<ShownFactor>,
}

/// What a page has to say when it is shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// The answer was wrong.
    Wrong,
    /// Too many wrong answers; none is looked at until then.
    Locked(Timestamp),
}

/// What is remembered of one open login.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct IdpTransaction {
    /// The person gave up.
    pub cancelled: bool,
    /// The person who is logged in is not the one who wants to log in.
    pub switching: bool,
    /// What the next page has to say.
    pub notice: Option<Notice>,
}

impl Idp {
    fn decide(
        &self,
        transaction: &Transaction<IdpTransaction>,
        sso: Option<&SsoSession<IdpSession>>,
        now: Timestamp,
    ) -> Decision {
        let request = &transaction.request;
        let requirement = Requirement {
            acr_values: request.acr_values.clone(),
            essential: request.essential_acr,
            max_age: request.max_age,
            // `max_age=0` is `prompt=login` (OpenID Connect Core §3.1.2.1), also within the same second.
            reauthenticate: request.max_age == Some(0)
                || request.prompts(Prompt::Login)
                || request.prompts(Prompt::SelectAccount),
            ..Requirement::default()
        };
        let evidence = sso.map_or_else(Evidence::default, |s| Evidence {
            factors: s.data.factors.iter().map(|f| factor(f, transaction)).collect(),
            proofing: vec![Proofing::stated(SELF, s.data.identity_level)],
            ..Evidence::default()
        });
        let enrolled = |m: &&str| sso.is_none_or(|s| s.data.enrolled.iter().any(|e| e == m));
        let capability = IdpCapability {
            source: SELF.to_owned(),
            channel: None,
            cap: self.policy.ladder().last().map(|r| r.acr.clone()).unwrap_or_default(),
            methods: SUPPORTED.iter().filter(|m| enrolled(m)).map(|m| (*m).to_owned()).collect(),
            identity: sso.map_or(2, |s| s.data.identity_level),
        };
        decide(&self.policy, &requirement, &evidence, &[capability], now.0)
    }
}

fn factor(shown: &ShownFactor, transaction: &Transaction<IdpTransaction>) -> Factor {
    Factor {
        method: shown.method.clone(),
        source: SELF.to_owned(),
        at: shown.at.0,
        in_request: shown.login == transaction.id,
        qualities: [].into(),
    }
}

#[async_trait]
impl Interaction for Idp {
    type TransactionData = IdpTransaction;
    type SessionData = IdpSession;

    async fn next(
        &self,
        transaction: &Transaction<IdpTransaction>,
        sso: Option<&SsoSession<IdpSession>>,
        now: Timestamp,
    ) -> Result<Next, ProviderError> {
        if transaction.data.cancelled {
            return Ok(Next::Deny(OAuthError::new(ErrorCode::AccessDenied, "the person cancelled the login")));
        }
        let sso = sso.filter(|_| !transaction.data.switching);
        let visit = |method: &str, silent| Next::Prompt {
            path: format!("/login/{}/{method}", transaction.id.as_str()),
            silent,
        };
        Ok(match (self.decide(transaction, sso, now), sso) {
            (Decision::Satisfied(reached), Some(sso)) => Next::Issue(Authenticated {
                subject: sso.subject.clone(),
                sid: sso.sid.clone(),
                acr: Some(reached.acr),
                amr: reached.amr,
                auth_time: Timestamp(reached.auth_time),
            }),
            (Decision::Unmet { .. }, _) => Next::Deny(OAuthError::new(
                ErrorCode::UnmetAuthenticationRequirements,
                "the level that was asked for cannot be reached",
            )),
            (_, None) => visit(IDENTIFYING, ErrorCode::LoginRequired),
            (Decision::StepUp { plans }, Some(_)) => {
                let methods = plans.first().map(|p| p.methods.as_slice()).unwrap_or_default();
                let first = methods.iter().find(|m| *m == IDENTIFYING).or(methods.first());
                visit(first.map_or(IDENTIFYING, String::as_str), ErrorCode::LoginRequired)
            }
        })
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
