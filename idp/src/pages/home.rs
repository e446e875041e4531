//! The first page: what this is, and who is logged in.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nixa_protocol::Client;
use nixa_provider::{Chosen, origin};
use nixa_web::{Page, html};
use tower_sessions::Session;

use super::IdpProvider;

#[derive(Template)]
#[template(path = "idp_home.html")]
struct HomePage {
    page: Page,
    username: Option<String>,
    /// Names and addresses of the servers that send people here.
    clients: Vec<(String, String)>,
}

pub(super) async fn show(State(idp): State<Arc<IdpProvider>>, session: Session, chosen: Chosen) -> Response {
    let mut browser = match idp.known_browser(&session).await {
        Ok(browser) => browser,
        Err(response) => return response,
    };
    let text = idp.text_for(browser.as_ref(), chosen, &[]);
    if let (Some(browser), Some(lang)) = (&mut browser, chosen.0)
        && let Err(error) = browser.choose_lang(lang).await
    {
        return idp.failed(&error.into(), text);
    }
    let username = match idp.sessions.load(browser.as_ref().and_then(|b| b.sid()), idp.now()).await {
        Ok(sso) => sso.map(|s| s.data.username),
        Err(error) => return idp.failed(&error, text),
    };
    let address = |c: &Arc<Client>| c.redirect_uris.first().map(|uri| (text.pick(&c.name).to_owned(), origin(uri)));
    let clients = idp.clients.declared().filter_map(address).collect();
    let title = text.pick(&idp.branding.name).to_owned();
    let page = HomePage { page: Page::titled(&idp.branding, text, title), username, clients };
    html(&page.page, &page, StatusCode::OK)
}
