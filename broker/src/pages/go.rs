//! Off to an identity provider.

use std::sync::Arc;

use assurance_policy::Decision;
use axum::extract::{Path, State};
use axum::response::Response;
use nixa_protocol::digest;
use nixa_provider::{Chosen, ProviderError, Step, see_other};
use nixa_web::Lang;
use tower_sessions::Session;

use super::{BrokerProvider, callback_uri, change_and_go_on, session_of, upstream_requests};
use crate::host::{BrokerTransaction, Notice};
use crate::upstream::{RequestedAssurance, UpstreamError, UpstreamRequest};

pub(super) async fn go(
    State(broker): State<Arc<BrokerProvider>>,
    session: Session,
    Path((id, idp)): Path<(String, String)>,
    chosen: Chosen,
) -> Response {
    let step = match broker.open_step(&session, &id, chosen).await {
        Ok(step) => step,
        Err(response) => return response,
    };
    match send(&broker, &step, &idp).await {
        Ok(Some(url)) => see_other(&url),
        Ok(None) => see_other(&format!("/continue/{id}")),
        Err(Failed::Inside(error)) => broker.failed(&error, step.text),
        Err(Failed::Upstream(error)) => {
            tracing::warn!(idp, %error, "an identity provider cannot be asked");
            change_and_go_on(&broker, &step, |p| p.data.notice = Some(Notice::IdpFailed)).await
        }
    }
}

enum Failed {
    Inside(ProviderError),
    Upstream(UpstreamError),
}

impl<E: Into<ProviderError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Inside(error.into())
    }
}

/// The URL to go to; none when this provider cannot help this login, whatever the address says.
async fn send(broker: &BrokerProvider, step: &Step<BrokerTransaction>, idp: &str) -> Result<Option<String>, Failed> {
    let now = broker.now();
    let sso = session_of(broker, step).await?;
    let judged = broker.interaction.judge(&step.current, sso.as_ref(), now).await?;
    let Decision::StepUp { plans } = &judged.decision else { return Ok(None) };
    let plan = plans.iter().find(|p| p.source == idp);
    let (Some(plan), Some(idp)) = (plan, broker.interaction.idp(idp)) else { return Ok(None) };
    let other_person = step.current.data.notice == Some(Notice::OtherPerson);
    // Outside a session of ours a login that the provider remembers counts for nothing: somebody else may
    // have logged out here and left it behind.
    // So does one that has become too old: what is shown again must not pass for what is remembered.
    let held = |method: &String| judged.held.factors.iter().any(|f| f.method == *method && f.source == plan.source);
    let reauthenticate = sso.is_none() || other_person || plan.methods.iter().any(held);
    let policy = &broker.interaction.policy;
    let assurance = RequestedAssurance::for_level(policy, idp, &plan.acr, &judged.requirement, reauthenticate, now);
    let (upstream, lang): (_, Lang) = (&broker.interaction.upstream, step.text.lang());
    let sent = upstream.authorization_url(idp, &callback_uri(broker, &idp.id), &assurance, lang).await;
    let sent = sent.map_err(Failed::Upstream)?;
    if let Some(sso) = &sso {
        broker.interaction.record(&step.current, &sso.subject, &judged, now).await?;
    }
    let request = UpstreamRequest {
        transaction: step.current.id.clone(),
        browser: step.browser.id().clone(),
        idp: idp.id.clone(),
        level: plan.acr.clone(),
        sid: sso.map(|sso| sso.sid),
        nonce: sent.nonce,
        code_verifier: sent.code_verifier,
        sent_at: now,
        reauthenticate: assurance.reauthenticate,
        used: false,
    };
    upstream_requests(broker).put(digest(&sent.state).as_str(), &request, now).await?;
    Ok(Some(sent.url))
}
