//! Leaving a login, or leaving the account that is logged in.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use nixa_provider::{Chosen, see_other};
use tower_sessions::Session;

use super::{BrokerProvider, change_and_go_on};

/// These addresses only take forms; opened as a link they lead back to the login.
pub(super) async fn show(
    State(broker): State<Arc<BrokerProvider>>,
    session: Session,
    Path(id): Path<String>,
    chosen: Chosen,
) -> Response {
    match broker.open_step(&session, &id, chosen).await {
        Ok(_) => see_other(&format!("/continue/{id}")),
        Err(response) => response,
    }
}

pub(super) async fn cancel(
    State(broker): State<Arc<BrokerProvider>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match broker.submit_step(&session, &id, "cancel", &headers, body).await {
        Ok((step, _)) => change_and_go_on(&broker, &step, |p| p.data.cancelled = true).await,
        Err(response) => response,
    }
}

pub(super) async fn switch(
    State(broker): State<Arc<BrokerProvider>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match broker.submit_step(&session, &id, "switch", &headers, body).await {
        Ok((step, _)) => {
            change_and_go_on(&broker, &step, |p| {
                p.data.switching = true;
                p.data.confirmed = None;
                p.data.notice = None;
                p.data.fell_short.clear();
            })
            .await
        }
        Err(response) => response,
    }
}
