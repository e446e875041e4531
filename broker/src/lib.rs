//! The exchange between relying parties and identity providers.
//!
//! It owns upstream identity providers, linking, single sign-on across portals, consent and the record
//! of decisions. It must hold no credential: who a person is, an identity provider says.

mod answer;
mod assessment;
mod broker;
mod evidence;
mod interaction;
mod next;
mod pages;
mod personal_number;
mod risk;
mod settings;
mod transaction;
mod upstream;

pub use broker::Broker;
pub use next::DecisionDraft;
pub use pages::routes;
pub use risk::{HeaderSignal, Risk, RiskSettings};
pub use settings::{IdpSettings, LevelMap, PortalSettings, ServiceSettings, SsoConfirmation};
pub use transaction::{BrokerNotice, SessionData, TransactionData};
pub use upstream::UpstreamClient;
