//! Leaving a login, or leaving the account that is logged in.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use nixa_provider::{Chosen, Transaction, dispatch, see_other};
use tower_sessions::Session;

use super::IdpProvider;
use crate::host::IdpTransaction;

/// These addresses only take forms; opened as a link they lead back to the login.
pub(super) async fn show(
    State(idp): State<Arc<IdpProvider>>,
    session: Session,
    Path(id): Path<String>,
    chosen: Chosen,
) -> Response {
    match idp.open_step(&session, &id, chosen).await {
        Ok(_) => see_other(&format!("/continue/{id}")),
        Err(response) => response,
    }
}

pub(super) async fn submit(
    state: State<Arc<IdpProvider>>,
    session: Session,
    id: Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    change(state, session, id, headers, body, "cancel", |p| p.data.cancelled = true).await
}

pub(super) async fn switch(
    state: State<Arc<IdpProvider>>,
    session: Session,
    id: Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    change(state, session, id, headers, body, "switch", |p| {
        p.data.switching = true;
        p.data.notice = None;
    })
    .await
}

async fn change(
    State(idp): State<Arc<IdpProvider>>,
    session: Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
    purpose: &str,
    change: fn(&mut Transaction<IdpTransaction>),
) -> Response {
    let step = match idp.submit_step(&session, &id, purpose, &headers, body).await {
        Ok((step, _)) => step,
        Err(response) => return response,
    };
    match idp.transactions.change(&step.current.id, idp.now(), change).await {
        Ok(Some(current)) => dispatch(&idp, &step.browser, current).await,
        Ok(None) => see_other(&format!("/continue/{id}")),
        Err(error) => idp.failed(&error, step.text),
    }
}
