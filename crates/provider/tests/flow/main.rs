//! The engine through its router, with an interaction of the tests' own: no network, a fixed clock, a seeded random
//! number generator.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod authorize;
mod browser;
mod interaction;
mod lab;
mod logout;
mod problems;
mod recording;
mod store;
mod stub;
mod token;
