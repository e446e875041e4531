//! Puts an identity provider together.

use nixa_idp::{EnrolError, Idp, Passwords};
use nixa_protocol::claims::SCOPES;

use super::error::StartError;
use super::foundation::{EngineSettings, Foundation};
use super::server::Server;
use crate::config::Config;
use crate::environment::Environment;

/// Puts an identity provider together from a checked configuration.
pub async fn idp(config: &Config, environment: &Environment) -> Result<Server<Idp>, StartError> {
    let section = config.idp.as_ref().ok_or_else(|| StartError::Config("has no [idp] table".to_owned()))?;
    let foundation = Foundation::open(config, environment).await?;
    let policy = section.policy().map_err(StartError::Config)?;
    let settings = EngineSettings {
        acr_values: policy.names().map(str::to_owned).collect(),
        scopes: SCOPES.iter().map(|(scope, _)| (*scope).to_owned()).collect(),
        clients: section.clients(&policy),
        // A form here ends, through the broker, at a portal that this server does not know. Any https site
        // may be the end of that chain; without TLS (a demo on loopback) any http one.
        form_targets: if config.server.is_secure() { "https:" } else { "http:" }.to_owned(),
    };
    let passwords = Passwords::new(section.passwords_at_once, &*environment.entropy).map_err(EnrolError::from)?;
    let idp = Idp { accounts: foundation.store.clone(), policy, passwords };
    foundation.build(settings, idp, nixa_idp::routes()).await
}
