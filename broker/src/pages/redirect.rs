//! The way to an identity provider.

use assurance_policy::Decision;
use axum::extract::Path;
use axum::response::Response;
use nixa_protocol::digest;
use nixa_provider::{PageError, ProviderError, see_other};

use super::login::{OpenLogin, callback_uri, session_of, upstream_requests};
use crate::answer::must_reauthenticate;
use crate::next::DecisionDraft;
use crate::transaction::BrokerNotice;
use crate::upstream::{RequestedAssurance, UpstreamError, UpstreamRequest};

/// `GET /login/{login}/go/{idp}`
pub(super) async fn redirect(Path((_, idp)): Path<(String, String)>, open: OpenLogin) -> Result<Response, PageError> {
    match authorization_url(&open, &idp).await {
        Ok(Some(url)) => Ok(see_other(&url)),
        Ok(None) => Ok(open.go_on()),
        Err(Failed::Inside(error)) => Err(error.into()),
        Err(Failed::Upstream(error)) => {
            tracing::warn!(idp, %error, "an identity provider cannot be asked");
            open.change_and_go_on(|data| data.notice = Some(BrokerNotice::IdpFailed)).await
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

/// Where the browser is sent; `None` when the provider cannot give what is missing, whatever the address says.
async fn authorization_url(open: &OpenLogin, idp: &str) -> Result<Option<String>, Failed> {
    let (provider, broker) = (&open.provider, &open.provider.interaction);
    let now = provider.now();
    let session = session_of(open).await?;
    let assessment = broker.assess_now(&open.transaction, session.as_ref(), now).await?;
    let Decision::StepUp { plans } = &assessment.decision else { return Ok(None) };
    let plan = plans.iter().find(|p| p.source == idp);
    let (Some(plan), Some(idp)) = (plan, broker.idp(idp)) else { return Ok(None) };
    let other_person = open.transaction.data.notice == Some(BrokerNotice::OtherPerson);
    let reauthenticate = must_reauthenticate(session.as_ref(), other_person, &assessment.evidence, plan);
    let level = plan.acr.clone();
    let assurance =
        RequestedAssurance::for_level(&broker.policy, idp, &level, &assessment.requirement, reauthenticate, now);
    let redirect_uri = callback_uri(provider, &idp.id);
    let sent = broker.upstream.authorization_url(idp, &redirect_uri, &assurance, open.text.lang()).await;
    let sent = sent.map_err(Failed::Upstream)?;
    let request = UpstreamRequest {
        transaction: open.transaction.id.clone(),
        browser: open.browser.id().clone(),
        idp: idp.id.clone(),
        level,
        sid: session.as_ref().map(|session| session.sid.clone()),
        nonce: sent.nonce,
        code_verifier: sent.code_verifier,
        sent_at: now,
        reauthenticate: assurance.reauthenticate,
        used: false,
    };
    upstream_requests(provider).put(digest(&sent.state).as_str(), &request, now).await?;
    if let Some(session) = &session {
        broker.record_decision(DecisionDraft::new(&open.transaction, session, assessment), now).await?;
    }
    Ok(Some(sent.url))
}
