//! Puts a broker together.

use nixa_broker::{Broker, Risk, UpstreamClient};

use super::error::StartError;
use super::foundation::{EngineSettings, Foundation};
use super::server::Server;
use crate::config::{Config, portal_scopes};
use crate::environment::Environment;

/// Puts a broker together from a checked configuration.
pub async fn broker(config: &Config, environment: &Environment) -> Result<Server<Broker>, StartError> {
    let section = config.broker.as_ref().ok_or_else(|| StartError::Config("has no [broker] table".to_owned()))?;
    let foundation = Foundation::open(config, environment).await?;
    let Foundation { store, keys, now, .. } = &foundation;
    let policy = section.policy().map_err(StartError::Config)?;
    let settings = EngineSettings {
        acr_values: policy.names().map(str::to_owned).collect(),
        scopes: portal_scopes().map(str::to_owned).collect(),
        clients: section.clients(&policy),
        // Each page adds the one portal that its form may end at.
        form_targets: origins_of(section.identity_provider.iter().map(|i| i.issuer.as_str())),
    };
    let Environment { http, clock, entropy } = environment;
    let broker = Broker {
        people: store.clone(),
        policy,
        idps: section.idps(&keys.client_key(*now).await?),
        portals: section.portals(),
        upstream: UpstreamClient::new(http.trusted.clone(), clock.clone(), entropy.clone()),
        // The name under which installations have it.
        match_key_secret: keys.secret("pivot", *now).await?,
        entropy: entropy.clone(),
        risk: Risk::new(section.risk.settings(&config.server.cookie, config.server.is_secure()), store.clone()),
    };
    foundation.build(settings, broker, nixa_broker::routes()).await
}

/// The distinct origins of some URLs, for a Content-Security-Policy.
fn origins_of<'u>(urls: impl Iterator<Item = &'u str>) -> String {
    let mut origins: Vec<String> =
        urls.filter_map(|u| url::Url::parse(u).ok()).map(|u| u.origin().ascii_serialization()).collect();
    origins.sort();
    origins.dedup();
    origins.join(" ")
}
