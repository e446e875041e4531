//! "Continue as": the person agrees before a service learns who they are.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use nixa_audit::AuditEvent;
use nixa_protocol::authorize::Prompt;
use nixa_protocol::claims::SCOPES;
use nixa_provider::{
    Cancel, ClientProfile, FormPurpose, FormTarget, Interaction as _, PageError, ProviderError, SwitchAccount,
};
use nixa_web::{Page, html};

use super::login::{LoginForm, OpenLogin, session_of};
use super::wording;
use crate::next::to_agree;

pub(super) struct Confirm;

impl FormPurpose for Confirm {
    const PAGE: &'static str = "confirm";
    const OF_SESSION: bool = true;
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    page: Page,
    client: String,
    profile: ClientProfile,
    service: Option<String>,
    name: String,
    consent: bool,
    claims: Vec<String>,
    form: FormTarget,
    cancel: FormTarget,
    switch: FormTarget,
}

pub(super) async fn show(open: OpenLogin) -> Result<Response, PageError> {
    let Some(session) = session_of(&open).await? else { return Ok(open.go_on()) };
    let (text, broker) = (open.text, &open.provider.interaction);
    let consent = asks_consent(&open);
    let title = if consent { text.confirm_consent_title() } else { text.confirm_title(&session.data.name) };
    let known = broker.claims(&session.subject, &Default::default()).await?;
    let released = broker.released_claims(&open.transaction, &open.client);
    let claims = SCOPES.iter().flat_map(|(_, claims)| claims.iter());
    let claims = claims.filter(|c| released.contains(**c) && known.contains_key(**c));
    let page = ConfirmPage {
        page: open.page(title),
        client: open.client_name().to_owned(),
        profile: open.client_profile(),
        service: broker.service_text(&open.transaction, text),
        name: session.data.name,
        consent,
        claims: claims.map(|c| wording::claim(text, c)).collect(),
        form: open.form::<Confirm>(),
        cancel: open.form::<Cancel>(),
        switch: open.form::<SwitchAccount>(),
    };
    Ok(html(&page.page, &page, StatusCode::OK))
}

fn asks_consent(open: &OpenLogin) -> bool {
    let portal = open.provider.interaction.portal(&open.client.client_id);
    open.transaction.request.prompts(Prompt::Consent) || portal.ask_consent
}

pub(super) async fn submit(LoginForm { open, .. }: LoginForm<Confirm>) -> Result<Response, PageError> {
    if asks_consent(&open) {
        record_consent(&open).await?;
    }
    let sid = open.browser.sid().cloned();
    open.change_and_go_on(|data| data.confirmed = sid.clone()).await
}

/// Stores what was agreed to, before anything is released.
async fn record_consent(open: &OpenLogin) -> Result<(), ProviderError> {
    let Some(session) = session_of(open).await? else { return Ok(()) };
    let agreed: Vec<String> = to_agree(&open.transaction.request).into_iter().collect();
    let client = &open.client.client_id;
    let (person, claims) = (session.subject.clone(), agreed.clone());
    let event = AuditEvent::Consent { person, client: client.clone(), claims };
    let people = &open.provider.interaction.people;
    Ok(people.record_consent(&session.subject, client, &agreed, &[event], open.provider.now()).await?)
}
