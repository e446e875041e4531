//! What the broker is made of, and its settings as its parts ask for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assurance_policy::Policy;
use nixa_protocol::{Client, Entropy, claims};
use nixa_storage::People;
use nixa_web::Text;

use crate::risk::Risk;
use crate::settings::{IdpSettings, PortalSettings};
use crate::transaction::{BrokerTransaction, claims_by_name};
use crate::upstream::UpstreamClient;

/// The exchange between portals and identity providers.
pub struct Broker {
    /// People, links, decisions, consents.
    pub people: Arc<dyn People>,
    /// The assurance policy: levels, methods and what risk signals raise.
    pub policy: Policy,
    /// The identity providers, in the order in which people see them.
    pub idps: Vec<IdpSettings>,
    /// The portals by client identifier.
    pub portals: BTreeMap<String, PortalSettings>,
    /// The client of the identity providers.
    pub upstream: UpstreamClient,
    /// The secret under which personal numbers are recognised.
    pub match_key_secret: [u8; 32],
    /// Makes the identifiers of decisions.
    pub entropy: Arc<dyn Entropy>,
    /// What may raise the level.
    pub risk: Risk,
}

impl Broker {
    /// The settings of a portal; a client without any has the careful defaults.
    #[must_use]
    pub fn portal(&self, client_id: &str) -> PortalSettings {
        self.portals.get(client_id).cloned().unwrap_or_default()
    }

    /// What the person reads about the service of the catalogue that a request is for.
    pub(crate) fn service_text(&self, transaction: &BrokerTransaction, text: Text) -> Option<String> {
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
    pub(crate) fn allowed_idps(&self, client_id: &str) -> Vec<&IdpSettings> {
        let portal = self.portal(client_id);
        self.idps.iter().filter(|i| portal.idps.as_ref().is_none_or(|list| list.contains(&i.id))).collect()
    }

    /// The claims that the portal would be given.
    pub(crate) fn released_claims(&self, transaction: &BrokerTransaction, client: &Client) -> BTreeSet<String> {
        claims::released(client, &transaction.request.scopes, claims_by_name(&transaction.request))
    }
}
