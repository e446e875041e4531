//! Authenticators: each a unit of its own.

pub(crate) mod password;
pub mod totp;
