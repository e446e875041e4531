//! What a session has shown, held against what a transaction needs.

use std::collections::BTreeSet;

use assurance_policy::{Decision, Evidence, IdpCapability, Requirement, decide};
use nixa_protocol::Timestamp;

use crate::broker::Broker;
use crate::evidence::{evidence, requirement};
use crate::settings::IdpSettings;
use crate::transaction::{BrokerSession, BrokerTransaction};

/// A decision of the assurance policy with everything that it was made from.
#[derive(Debug, Clone)]
pub(crate) struct Assessment {
    pub(crate) requirement: Requirement,
    pub(crate) evidence: Evidence,
    pub(crate) capabilities: Vec<IdpCapability>,
    pub(crate) decision: Decision,
}

impl Broker {
    /// Holds what a session has shown against what a transaction needs.
    pub(crate) fn assess(
        &self,
        transaction: &BrokerTransaction,
        session: Option<&BrokerSession>,
        raised: &BTreeSet<String>,
        now: Timestamp,
    ) -> Assessment {
        let client_id = &transaction.request.client_id;
        let mut signals = raised.clone();
        signals.extend(transaction.data.signals.iter().cloned());
        if session.is_some_and(|s| s.data.new_device) {
            signals.extend(self.risk.settings.new_device.iter().cloned());
        }
        let requirement = requirement(&transaction.request, &self.portal(client_id), signals);
        let evidence = evidence(session.map(|s| &s.data), &transaction.id);
        let mut capabilities: Vec<IdpCapability> =
            self.allowed_idps(client_id).into_iter().map(IdpSettings::capability).collect();
        for capability in capabilities.iter_mut().filter(|c| transaction.data.fell_short.contains(&c.source)) {
            // It was asked in this transaction and gave what it could: its evidence counts, more is not to be had.
            capability.methods.clear();
        }
        let decision = decide(&self.policy, &requirement, &evidence, &capabilities, now.0);
        Assessment { requirement, evidence, capabilities, decision }
    }
}
