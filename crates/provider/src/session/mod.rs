//! Sessions: the person's single sign-on session, and the browser's own.

pub(crate) mod browser_store;
pub(crate) mod membership;
pub(crate) mod sso;
