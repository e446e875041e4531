//! The level cannot be reached: why, and what would help.

use askama::Template;
use assurance_policy::{Decision, Reason};
use axum::http::StatusCode;
use axum::response::Response;
use nixa_provider::{FormPurpose, FormTarget, PageError, SwitchAccount};
use nixa_web::{Page, html};

use super::login::{LoginForm, OpenLogin, session_of};
use super::wording;

pub(super) struct ReadUnmet;

impl FormPurpose for ReadUnmet {
    const PAGE: &'static str = "unmet";
}

struct Why {
    name: Option<String>,
    reasons: Vec<String>,
}

#[derive(Template)]
#[template(path = "unmet.html")]
struct UnmetPage {
    page: Page,
    client: String,
    service: Option<String>,
    level: Option<String>,
    why: Vec<Why>,
    help: Vec<String>,
    logged_in: Option<String>,
    form: FormTarget,
    switch: FormTarget,
}

pub(super) async fn show(open: OpenLogin) -> Result<Response, PageError> {
    let session = session_of(&open).await?;
    let broker = &open.provider.interaction;
    let assessment = broker.assess_now(&open.transaction, session.as_ref(), open.provider.now()).await?;
    let Decision::Unmet { acr, reasons } = assessment.decision else { return Ok(open.go_on()) };
    let page = UnmetPage {
        page: open.page(open.text.unmet_title()),
        client: open.client_name().to_owned(),
        service: broker.service_text(&open.transaction, open.text),
        level: acr.as_deref().map(|acr| wording::level(open.text, acr)),
        why: grouped(&open, &reasons),
        help: wording::help(open.text, &reasons),
        logged_in: session.map(|s| s.data.name),
        form: open.form::<ReadUnmet>(),
        switch: open.form::<SwitchAccount>(),
    };
    Ok(html(&page.page, &page, StatusCode::OK))
}

/// The reasons by identity provider, in the order of the configuration; those about none come first.
fn grouped(open: &OpenLogin, reasons: &[Reason]) -> Vec<Why> {
    let text = open.text;
    let of = |source: Option<&str>| -> Vec<String> {
        reasons.iter().filter(|r| wording::source(r) == source).map(|r| wording::reason(text, r)).collect()
    };
    let general = Why { name: None, reasons: of(None) };
    let idps = open.provider.interaction.idps.iter();
    let each = idps.map(|idp| Why { name: Some(text.pick(&idp.name).to_owned()), reasons: of(Some(&idp.id)) });
    std::iter::once(general).chain(each).filter(|why| !why.reasons.is_empty()).collect()
}

pub(super) async fn submit(LoginForm { open, .. }: LoginForm<ReadUnmet>) -> Result<Response, PageError> {
    open.change_and_go_on(|data| data.unmet_read = true).await
}
