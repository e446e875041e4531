//! The exchange between relying parties and identity providers.
//!
//! It owns upstream identity providers, linking, single sign-on across portals, consent and the record
//! of decisions. It must hold no credential: who a person is, an identity provider says.

mod evidence;
mod host;
mod pages;
mod personal_number;
mod risk;
mod settings;
mod upstream;

pub use host::{Broker, BrokerSession, BrokerTransaction, Notice};
pub use pages::routes;
pub use personal_number::PersonalNumber;
pub use risk::{HeaderSignal, Risk, RiskSettings};
pub use settings::{IdpSettings, LevelMap, PortalSettings, ServiceSettings, SsoConfirmation};
pub use upstream::UpstreamClient;
