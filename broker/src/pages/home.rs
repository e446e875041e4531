//! The first page: what this is, who is logged in, and where.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nixa_provider::Chosen;
use nixa_web::{Page, html};
use tower_sessions::Session;

use super::Broker;

struct Service {
    name: String,
    href: Option<String>,
}

#[derive(Template)]
#[template(path = "broker_home.html")]
struct HomePage {
    page: Page,
    logged_in: Option<String>,
    services: Vec<Service>,
}

pub(super) async fn show(State(broker): State<Arc<Broker>>, session: Session, chosen: Chosen) -> Response {
    let mut browser = match broker.known_browser(&session).await {
        Ok(browser) => browser,
        Err(response) => return response,
    };
    let text = broker.text_for(browser.as_ref(), chosen, &[]);
    if let (Some(browser), Some(lang)) = (&mut browser, chosen.0)
        && let Err(error) = browser.choose_lang(lang).await
    {
        return broker.failed(&error.into(), text);
    }
    let sso = match broker.sessions.load(browser.as_ref().and_then(|b| b.sid()), broker.now()).await {
        Ok(sso) => sso,
        Err(error) => return broker.failed(&error, text),
    };
    let clients = sso.iter().flat_map(|s| s.clients.iter()).filter_map(|id| broker.clients.find(id));
    let page = HomePage {
        page: Page::titled(&broker.look, text, text.pick(&broker.look.name).to_owned()),
        services: clients
            .map(|c| Service { name: text.pick(&c.name).to_owned(), href: c.client_uri.clone() })
            .collect(),
        logged_in: sso.map(|s| s.login.name),
    };
    html(&page.page, &page, StatusCode::OK)
}
