//! The first page: what this is, and who is logged in.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nixa_protocol::Client;
use nixa_provider::{PageError, Visitor, origin};
use nixa_web::{Page, html};

use super::login::IdpProvider;

#[derive(Template)]
#[template(path = "idp_home.html")]
struct HomePage {
    page: Page,
    username: Option<String>,
    /// Names and addresses of the servers that send people here.
    clients: Vec<(String, String)>,
}

pub(super) async fn show(
    State(provider): State<Arc<IdpProvider>>,
    mut visitor: Visitor,
) -> Result<Response, PageError> {
    visitor.remember_language().await?;
    let (text, branding) = (visitor.text, &provider.branding);
    let session = provider.sessions.load(visitor.browser.as_ref().and_then(|b| b.sid()), provider.now()).await?;
    let address = |c: &Arc<Client>| c.redirect_uris.first().map(|uri| (text.pick(&c.name).to_owned(), origin(uri)));
    let page = HomePage {
        page: Page::new(branding, text, text.pick(&branding.name).to_owned()),
        username: session.map(|s| s.data.username),
        clients: provider.clients.declared().filter_map(address).collect(),
    };
    Ok(html(&page.page, &page, StatusCode::OK))
}
