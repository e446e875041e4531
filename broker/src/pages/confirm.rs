//! "Continue as": the person agrees before a service learns who they are.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use nixa_audit::AuditEvent;
use nixa_protocol::authorize::Prompt;
use nixa_protocol::claims::SCOPES;
use nixa_protocol::id::Id;
use nixa_provider::{About, Chosen, Interaction, ProviderError, Step, see_other};
use nixa_web::{BrowserSession, Page, Text, html};
use tower_sessions::Session;

use super::{BrokerProvider, change_and_go_on, session_of};
use crate::host::BrokerTransaction;

/// The form is good for the session that it was shown in: "continue as A" must not become "as B" because
/// another tab switched users meanwhile.
fn purpose(browser: &BrowserSession) -> String {
    format!("confirm {}", browser.sid().map(Id::as_str).unwrap_or_default())
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    page: Page,
    client: String,
    about: About,
    transaction: Option<String>,
    name: String,
    consent: bool,
    claims: Vec<String>,
    csrf: String,
    cancel: String,
    cancel_csrf: String,
    switch: String,
    switch_csrf: String,
}

pub(super) async fn show(
    State(broker): State<Arc<BrokerProvider>>,
    session: Session,
    Path(id): Path<String>,
    chosen: Chosen,
) -> Response {
    let step = match broker.open_step(&session, &id, chosen).await {
        Ok(step) => step,
        Err(response) => return response,
    };
    let sso = match session_of(&broker, &step).await {
        Ok(Some(sso)) => sso,
        Ok(None) => return see_other(&format!("/continue/{id}")),
        Err(error) => return broker.failed(&error, step.text),
    };
    let text = step.text;
    let consent = asks_consent(&broker, &step);
    let title =
        if consent { text.t("confirm-consent-title") } else { text.with("confirm-title", "name", &sso.data.name) };
    let known = match broker.interaction.claims(&sso.subject, &Default::default()).await {
        Ok(known) => known,
        Err(error) => return broker.failed(&error, text),
    };
    let released = broker.interaction.claims_for(&step.current, &step.client);
    let claims = SCOPES.iter().flat_map(|(_, claims)| claims.iter());
    let claims = claims.filter(|c| released.contains(**c) && known.contains_key(**c));
    let page = ConfirmPage {
        page: step.page(&broker.branding, title),
        client: step.client_name().to_owned(),
        about: step.about(),
        transaction: broker.interaction.transaction(&step.current, step.text),
        name: sso.data.name,
        consent,
        claims: claims.map(|c| text.t(&format!("claim-{c}"))).collect(),
        csrf: step.csrf(&purpose(&step.browser)),
        cancel: step.path("cancel"),
        cancel_csrf: step.csrf("cancel"),
        switch: step.path("switch"),
        switch_csrf: step.csrf("switch"),
    };
    html(&page.page, &page, StatusCode::OK)
}

fn asks_consent(broker: &BrokerProvider, step: &Step<BrokerTransaction>) -> bool {
    step.current.request.prompts(Prompt::Consent) || broker.interaction.portal(&step.client.client_id).ask_consent
}

pub(super) async fn submit(
    State(broker): State<Arc<BrokerProvider>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let purpose = match BrowserSession::existing(&session).await {
        Ok(browser) => browser.map(|b| purpose(&b)).unwrap_or_default(),
        Err(error) => return broker.failed(&error.into(), Text::default()),
    };
    let (step, _) = match broker.submit_step(&session, &id, &purpose, &headers, body).await {
        Ok(submitted) => submitted,
        Err(response) => return response,
    };
    if let Err(error) = keep(&broker, &step).await {
        return broker.failed(&error, step.text);
    }
    let sid = step.browser.sid().cloned();
    change_and_go_on(&broker, &step, |p| p.data.confirmed = sid.clone()).await
}

/// Keeps what was agreed to, before anything is released.
async fn keep(broker: &BrokerProvider, step: &Step<BrokerTransaction>) -> Result<(), ProviderError> {
    let Some(sso) = session_of(broker, step).await? else { return Ok(()) };
    if asks_consent(broker, step) {
        let request = &step.current.request;
        let by_name = request.claims.userinfo.keys().chain(request.claims.id_token.keys());
        let agreed: Vec<String> = request.scopes.iter().chain(by_name).cloned().collect();
        let people = &broker.interaction.people;
        let client = &step.client.client_id;
        let (person, claims) = (sso.subject.clone(), agreed.clone());
        let audit = [AuditEvent::Consent { person, client: client.clone(), claims }];
        people.record_consent(&sso.subject, client, &agreed, &audit, broker.now()).await?;
    }
    Ok(())
}
