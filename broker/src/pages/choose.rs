//! Choosing an identity provider.

use askama::Template;
use assurance_policy::{Decision, decide};
use axum::http::StatusCode;
use axum::response::Response;
use nixa_provider::{Cancel, ClientProfile, FormPurpose, FormTarget, PageError, SwitchAccount};
use nixa_web::{Page, html};

use super::login::{LoginForm, OpenLogin, session_of};
use super::wording;
use crate::assessment::Assessment;
use crate::settings::IdpSettings;
use crate::transaction::BrokerNotice;

pub(super) struct Choose;

impl FormPurpose for Choose {
    const PAGE: &'static str = "choose";
}

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
    profile: ClientProfile,
    service: Option<String>,
    level: Option<String>,
    logged_in: Option<String>,
    notice: Option<String>,
    choices: Vec<Choice>,
    form: FormTarget,
    cancel: FormTarget,
    switch: FormTarget,
}

pub(super) async fn show(open: OpenLogin) -> Result<Response, PageError> {
    let session = session_of(&open).await?;
    let broker = &open.provider.interaction;
    let assessment = broker.assess_now(&open.transaction, session.as_ref(), open.provider.now()).await?;
    if !matches!(assessment.decision, Decision::StepUp { .. }) {
        // A bookmark, or another tab logged in meanwhile: the dispatcher knows what is next.
        return Ok(open.go_on());
    }
    let text = open.text;
    let name = session.map(|s| s.data.name);
    let idps = broker.allowed_idps(&open.client.client_id);
    let page = ChoosePage {
        page: open.page(text.choose_title()),
        client: open.client_name().to_owned(),
        profile: open.client_profile(),
        service: broker.service_text(&open.transaction, text),
        level: assessment.requirement.minimums.first().map(|acr| wording::level(text, acr)),
        notice: notice(&open, name.as_deref()),
        choices: idps.into_iter().map(|idp| choice(&open, &assessment, idp)).collect(),
        logged_in: name,
        form: open.form::<Choose>(),
        cancel: open.form::<Cancel>(),
        switch: open.form::<SwitchAccount>(),
    };
    Ok(html(&page.page, &page, StatusCode::OK))
}

fn choice(open: &OpenLogin, assessment: &Assessment, idp: &IdpSettings) -> Choice {
    let Assessment { requirement, evidence, capabilities, .. } = assessment;
    let own: Vec<_> = capabilities.iter().filter(|c| c.source == idp.id).cloned().collect();
    let (policy, now) = (&open.provider.interaction.policy, open.provider.now());
    let not_enough = match decide(policy, requirement, evidence, &own, now.0) {
        Decision::Unmet { reasons, .. } => reasons.first().map(|r| wording::reason(open.text, r)),
        Decision::Satisfied(_) | Decision::StepUp { .. } => None,
    };
    Choice {
        id: idp.id.clone(),
        name: open.text.pick(&idp.name).to_owned(),
        description: open.text.pick(&idp.description).to_owned(),
        not_enough,
    }
}

fn notice(open: &OpenLogin, name: Option<&str>) -> Option<String> {
    let text = open.text;
    Some(match open.transaction.data.notice.as_ref()? {
        BrokerNotice::Cancelled => text.notice_cancelled(),
        BrokerNotice::IdpFailed => text.notice_idp_failed(),
        BrokerNotice::OtherPerson => text.notice_other_person(name.unwrap_or_default()),
        BrokerNotice::Conflict => text.notice_conflict(),
    })
}

pub(super) async fn submit(LoginForm { open, form, .. }: LoginForm<Choose>) -> Response {
    match form.get("idp").and_then(|id| open.provider.interaction.idp(id)) {
        Some(idp) => open.go_to(&format!("go/{}", idp.id)),
        None => open.go_to("choose"),
    }
}
