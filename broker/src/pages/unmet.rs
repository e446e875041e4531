//! The level cannot be reached: why, and what would help.

use std::sync::Arc;

use askama::Template;
use assurance_policy::{Decision, Reason};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use nixa_provider::{Chosen, see_other};
use nixa_web::{Page, Text, html};
use tower_sessions::Session;

use super::{BrokerProvider, change_and_go_on, session_of, words};

const PURPOSE: &str = "unmet";

struct Why {
    name: Option<String>,
    reasons: Vec<String>,
}

#[derive(Template)]
#[template(path = "unmet.html")]
struct UnmetPage {
    page: Page,
    client: String,
    transaction: Option<String>,
    level: Option<String>,
    why: Vec<Why>,
    help: Vec<String>,
    logged_in: Option<String>,
    csrf: String,
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
    let Decision::Unmet { acr, reasons } = judged.decision else {
        return see_other(&format!("/continue/{id}"));
    };
    let page = UnmetPage {
        page: step.page(&broker.branding, step.text.t("unmet-title")),
        client: step.client_name().to_owned(),
        transaction: broker.interaction.transaction(&step.current, step.text),
        level: acr.as_deref().map(|acr| words::level(step.text, acr)),
        why: grouped(&broker, step.text, &reasons),
        help: words::help(step.text, &reasons),
        logged_in: sso.map(|s| s.data.name),
        csrf: step.csrf(PURPOSE),
        switch: step.path("switch"),
        switch_csrf: step.csrf("switch"),
    };
    html(&page.page, &page, StatusCode::OK)
}

/// The reasons by identity provider, in the order of the configuration; those about none come first.
fn grouped(broker: &BrokerProvider, text: Text, reasons: &[Reason]) -> Vec<Why> {
    let of = |source: Option<&str>| -> Vec<String> {
        reasons.iter().filter(|r| words::source(r) == source).map(|r| words::reason(text, r)).collect()
    };
    let general = Why { name: None, reasons: of(None) };
    let each = broker
        .interaction
        .idps
        .iter()
        .map(|idp| Why { name: Some(text.pick(&idp.name).to_owned()), reasons: of(Some(&idp.id)) });
    std::iter::once(general).chain(each).filter(|why| !why.reasons.is_empty()).collect()
}

pub(super) async fn submit(
    State(broker): State<Arc<BrokerProvider>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match broker.submit_step(&session, &id, PURPOSE, &headers, body).await {
        Ok((step, _)) => change_and_go_on(&broker, &step, |p| p.data.unmet_read = true).await,
        Err(response) => response,
    }
}
