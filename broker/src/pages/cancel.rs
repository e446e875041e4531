//! Leaving a login, or leaving the account that is logged in.

use axum::response::Response;
use nixa_provider::{Cancel, PageError, SwitchAccount};

use super::login::{LoginForm, OpenLogin};

/// These addresses only take forms; opened as a link they lead back to the login.
pub(super) async fn show(open: OpenLogin) -> Response {
    open.go_on()
}

pub(super) async fn cancel(LoginForm { open, .. }: LoginForm<Cancel>) -> Result<Response, PageError> {
    open.change_and_go_on(|data| data.cancelled = true).await
}

pub(super) async fn switch(LoginForm { open, .. }: LoginForm<SwitchAccount>) -> Result<Response, PageError> {
    open.change_and_go_on(|data| data.switch_account()).await
}
