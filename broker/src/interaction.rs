//! The broker's side of the engine: what it reads before a decision, and what it records of one.

use std::collections::BTreeSet;

use assurance_policy::{Decision, explain_factors, sentence};
use async_trait::async_trait;
use axum::http::HeaderMap;
use nixa_audit::{AuditEvent, DecisionOutcome};
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::{Timestamp, digest};
use nixa_provider::{Interaction, Next, ProviderError, SsoSession, Transaction};
use nixa_storage::DecisionRecord;
use serde_json::{Map, Value, json};

use crate::assessment::Assessment;
use crate::broker::Broker;
use crate::next::{DecisionDraft, Facts};
use crate::transaction::{BrokerSession, BrokerTransaction, SessionData, TransactionData};

impl Broker {
    /// Assesses a transaction with the signals that the operator has raised now.
    pub(crate) async fn assess_now(
        &self,
        transaction: &BrokerTransaction,
        session: Option<&BrokerSession>,
        now: Timestamp,
    ) -> Result<Assessment, ProviderError> {
        Ok(self.assess(transaction, session, &self.risk.of_operator(now).await?, now))
    }

    /// Stores a decision with everything that it was made from.
    pub(crate) async fn record_decision(&self, draft: DecisionDraft, now: Timestamp) -> Result<(), ProviderError> {
        let DecisionDraft { client_id, person, assessment, new_device } = draft;
        let Assessment { requirement, evidence, capabilities, decision } = &assessment;
        let stored = json!({
            "requirement": requirement,
            "held": evidence,
            "offers": capabilities,
            "uses": explain_factors(&self.policy, requirement, evidence, capabilities, now.0, decision),
            "decision": decision,
            "sentence": sentence(decision),
        });
        let stored = DecisionRecord {
            id: Id::random(&*self.entropy),
            at: now,
            client_id,
            person: Some(person.clone()),
            policy: self.policy.version().to_owned(),
            record: stored,
        };
        let event = decision_made(&stored, decision);
        self.people.record_decision(&stored, &[event]).await?;
        if let Some(device) = new_device {
            self.risk.remember(&person, &device, now).await?;
        }
        Ok(())
    }

    async fn facts(
        &self,
        transaction: &BrokerTransaction,
        session: Option<&BrokerSession>,
        now: Timestamp,
    ) -> Result<Facts, ProviderError> {
        let signals = self.risk.of_operator(now).await?;
        let client_id = &transaction.request.client_id;
        let agreed = match session {
            Some(session) if self.portal(client_id).ask_consent => {
                self.people.consent(&session.subject, client_id).await?.unwrap_or_default()
            }
            _ => Vec::new(),
        };
        Ok(Facts { signals, agreed: agreed.into_iter().collect() })
    }
}

/// The decision in the audit; the whole of it stands in the table of decisions.
fn decision_made(record: &DecisionRecord, decision: &Decision) -> AuditEvent {
    let (outcome, acr) = match decision {
        Decision::Satisfied(reached) => (DecisionOutcome::Satisfied, Some(reached.level.as_str())),
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

#[async_trait]
impl Interaction for Broker {
    type TransactionData = TransactionData;
    type SessionData = SessionData;
    type Record = DecisionDraft;

    async fn next(
        &self,
        transaction: &Transaction<TransactionData>,
        session: Option<&SsoSession<SessionData>>,
        now: Timestamp,
    ) -> Result<Next<DecisionDraft>, ProviderError> {
        let facts = self.facts(transaction, session, now).await?;
        Ok(self.decide(transaction, session, &facts, now))
    }

    async fn record(&self, draft: DecisionDraft, now: Timestamp) -> Result<(), ProviderError> {
        self.record_decision(draft, now).await
    }

    fn observe(&self, headers: &HeaderMap, data: &TransactionData) -> Option<TransactionData> {
        let signals = self.risk.of_headers(headers);
        if signals.is_subset(&data.signals) {
            return None;
        }
        let mut data = data.clone();
        data.signals.extend(signals);
        Some(data)
    }

    async fn claims(&self, subject: &Id<Subject>, _: &BTreeSet<String>) -> Result<Map<String, Value>, ProviderError> {
        Ok(self.people.person(subject).await?.map(|p| p.attributes).unwrap_or_default())
    }
}
