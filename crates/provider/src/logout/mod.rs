//! Logout: asked for by a client or a person, and told to every client of the session.

pub(crate) mod back_channel;
pub(crate) mod end_session;
pub(crate) mod outcome;
