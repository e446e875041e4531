//! The axum kit of broker and identity provider: browser sessions, CSRF, security headers, pages in two languages,
//! error pages, request ids.
//!
//! It must not hold any OAuth flow, storage or assurance: it knows what a page and a browser are.

mod browser;
mod cookie;
mod form;
mod headers;
mod messages;
mod page;
mod problem;
mod text;
mod trace;

pub use browser::{BrowserError, BrowserSession, session_layer};
pub use cookie::{lasting_cookie, read_cookie};
pub use form::{FormError, read_form};
pub use headers::{no_store, security_headers};
pub use messages::Messages;
pub use page::{Branding, ErrorPage, ICON, NextLink, Page, html, stylesheet};
pub use problem::Problem;
pub use text::{Lang, Text};
pub use trace::trace_requests;
