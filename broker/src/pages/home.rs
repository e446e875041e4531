//! The first page: what this is, who is logged in, and where.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Datelike, Timelike};
use nixa_protocol::{Client, Timestamp};
use nixa_provider::Chosen;
use nixa_storage::DecisionRecord;
use nixa_web::{Page, Text, html};
use tower_sessions::Session;

use super::BrokerProvider;

struct Service {
    name: String,
    href: Option<String>,
}

/// A login and why it had its level, in the words that are kept with it.
struct Login {
    when: String,
    service: String,
    reason: String,
    id: String,
}

/// How many services are listed.
const MOST_SERVICES: usize = 50;
/// How many logins are shown.
const SHOWN: i64 = 10;

#[derive(Template)]
#[template(path = "broker_home.html")]
struct HomePage {
    page: Page,
    logged_in: Option<String>,
    services: Vec<Service>,
    logins: Vec<Login>,
}

pub(super) async fn show(State(broker): State<Arc<BrokerProvider>>, session: Session, chosen: Chosen) -> Response {
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
    let decisions = match &sso {
        Some(sso) => broker.interaction.people.decisions_of(&sso.subject, SHOWN).await,
        None => Ok(Vec::new()),
    };
    let decisions = match decisions {
        Ok(decisions) => decisions,
        Err(error) => return broker.failed(&error.into(), text),
    };
    // Whoever is not logged in finds the way to the services.
    let clients = match &sso {
        Some(sso) => broker.clients.find_all(&sso.clients, broker.now()).await,
        // Whoever registered by API does not get its name and address onto this page.
        None => Ok(broker.clients.declared().take(MOST_SERVICES).cloned().collect()),
    };
    let named = decisions.iter().map(|d| &d.client_id);
    let (clients, named): (Vec<Arc<Client>>, _) = match (clients, broker.clients.find_all(named, broker.now()).await) {
        (Ok(clients), Ok(named)) => (clients, named),
        (Err(error), _) | (_, Err(error)) => return broker.failed(&error.into(), text),
    };
    let page = HomePage {
        page: Page::titled(&broker.branding, text, text.pick(&broker.branding.name).to_owned()),
        services: clients
            .iter()
            .map(|c| Service { name: text.pick(&c.name).to_owned(), href: c.client_uri.clone() })
            .collect(),
        logins: decisions.into_iter().map(|d| login(&named, text, d)).collect(),
        logged_in: sso.map(|s| s.data.name),
    };
    html(&page.page, &page, StatusCode::OK)
}

fn login(services: &[Arc<Client>], text: Text, decision: DecisionRecord) -> Login {
    let service = services.iter().find(|c| c.client_id == decision.client_id);
    let reason = decision.record.get("sentence").and_then(|s| s.get(text.lang().tag())).and_then(|s| s.as_str());
    Login {
        when: viet_nam_time(decision.at),
        service: service.map_or(decision.client_id, |c| text.pick(&c.name).to_owned()),
        reason: reason.unwrap_or_default().to_owned(),
        id: decision.id.as_str().to_owned(),
    }
}

/// Day and time in Viet Nam (UTC+7, no summer time).
fn viet_nam_time(at: Timestamp) -> String {
    let time = DateTime::from_timestamp((at + 7 * 3_600).0, 0).unwrap_or_default();
    let (date, clock) = (time.date_naive(), time.time());
    format!("{:02}/{:02}/{} {:02}:{:02}", date.day(), date.month(), date.year(), clock.hour(), clock.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_viet_nam() {
        assert_eq!(viet_nam_time(Timestamp(1_700_000_000)), "15/11/2023 05:13");
    }
}
