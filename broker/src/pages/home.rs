//! The first page: what this is, who is logged in, and where.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Datelike, Timelike};
use nixa_protocol::{Client, Timestamp};
use nixa_provider::{PageError, Visitor};
use nixa_storage::DecisionRecord;
use nixa_web::{Page, Text, html};

use super::login::BrokerProvider;

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

pub(super) async fn show(
    State(provider): State<Arc<BrokerProvider>>,
    mut visitor: Visitor,
) -> Result<Response, PageError> {
    visitor.remember_language().await?;
    let (text, now) = (visitor.text, provider.now());
    let session = provider.sessions.load(visitor.browser.as_ref().and_then(|b| b.sid()), now).await?;
    let decisions = match &session {
        Some(session) => provider.interaction.people.decisions_of(&session.subject, SHOWN).await?,
        None => Vec::new(),
    };
    // Whoever is not logged in finds the way to the services.
    let services = match &session {
        Some(session) => provider.clients.find_all(&session.clients, now).await?,
        // Whoever registered by API does not get its name and address onto this page.
        None => provider.clients.declared().take(MOST_SERVICES).cloned().collect(),
    };
    let named = provider.clients.find_all(decisions.iter().map(|d| &d.client_id), now).await?;
    let branding = &provider.branding;
    let page = HomePage {
        page: Page::new(branding, text, text.pick(&branding.name).to_owned()),
        services: services
            .iter()
            .map(|c| Service { name: text.pick(&c.name).to_owned(), href: c.client_uri.clone() })
            .collect(),
        logins: decisions.into_iter().map(|d| login(&named, text, d)).collect(),
        logged_in: session.map(|s| s.data.name),
    };
    Ok(html(&page.page, &page, StatusCode::OK))
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
