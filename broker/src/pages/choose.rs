//! Choosing an identity provider.

use std::sync::Arc;

use askama::Template;
use assurance_policy::{Decision, decide};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use nixa_provider::{About, Chosen, Step, see_other};
use nixa_web::{Page, Text, html};
use tower_sessions::Session;

use super::{BrokerProvider, session_of, words};
use crate::host::{BrokerTransaction, Judged, Notice};
use crate::settings::IdpSettings;

const PURPOSE: &str = "choose";

struct Choice {
    id: String,
    name: String,
    description: String,
    /// Why it cannot serve, when it cannot.
    not_enough: Option<String>,
}

#[derive(Template)]
#[template(path = "choose.html")]
struct ChoosePage {
    page: Page,
    client: String,
    about: About,
    transaction: Option<String>,
    level: Option<String>,
    logged_in: Option<String>,
    notice: Option<String>,
    choices: Vec<Choice>,
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
        Ok(sso) => sso,
        Err(error) => return broker.failed(&error, step.text),
    };
    let judged = match broker.interaction.judge(&step.current, sso.as_ref(), broker.now()).await {
        Ok(judged) => judged,
        Err(error) => return broker.failed(&error, step.text),
    };
    if !matches!(judged.decision, Decision::StepUp { .. }) {
        // A bookmark, or another tab logged in meanwhile: the dispatcher knows what is next.
        return see_other(&format!("/continue/{id}"));
    }
    let name = sso.map(|s| s.data.name);
    let idps = broker.interaction.allowed(&step.client.client_id);
    let page = ChoosePage {
        page: step.page(&broker.branding, step.text.t("choose-title")),
        client: step.client_name().to_owned(),
        about: step.about(),
        transaction: broker.interaction.transaction(&step.current, step.text),
        level: judged.requirement.minimums.first().map(|acr| words::level(step.text, acr)),
        notice: notice(&step, name.as_deref()),
        choices: idps.into_iter().map(|idp| choice(&broker, &judged, idp, step.text)).collect(),
        logged_in: name,
        csrf: step.csrf(PURPOSE),
        cancel: step.path("cancel"),
        cancel_csrf: step.csrf("cancel"),
        switch: step.path("switch"),
        switch_csrf: step.csrf("switch"),
    };
    html(&page.page, &page, StatusCode::OK)
}

fn choice(broker: &BrokerProvider, judged: &Judged, idp: &IdpSettings, text: Text) -> Choice {
    let offers: Vec<_> = judged.offers.iter().filter(|o| o.source == idp.id).cloned().collect();
    let now = broker.now().0;
    let not_enough = match decide(&broker.interaction.policy, &judged.requirement, &judged.held, &offers, now) {
        Decision::Unmet { reasons, .. } => reasons.first().map(|r| words::reason(text, r)),
        Decision::Satisfied(_) | Decision::StepUp { .. } => None,
    };
    Choice {
        id: idp.id.clone(),
        name: text.pick(&idp.name).to_owned(),
        description: text.pick(&idp.description).to_owned(),
        not_enough,
    }
}

fn notice(step: &Step<BrokerTransaction>, name: Option<&str>) -> Option<String> {
    let text = step.text;
    Some(match step.current.data.notice.as_ref()? {
        Notice::Cancelled => text.t("notice-cancelled"),
        Notice::IdpFailed => text.t("notice-idp-failed"),
        Notice::OtherPerson => text.with("notice-other-person", "name", name.unwrap_or_default()),
        Notice::Conflict => text.t("notice-conflict"),
    })
}

pub(super) async fn submit(
    State(broker): State<Arc<BrokerProvider>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (step, form) = match broker.submit_step(&session, &id, PURPOSE, &headers, body).await {
        Ok(submitted) => submitted,
        Err(response) => return response,
    };
    match form.get("idp").and_then(|id| broker.interaction.idp(id)) {
        Some(idp) => see_other(&step.path(&format!("go/{}", idp.id))),
        None => see_other(&step.path("choose")),
    }
}
