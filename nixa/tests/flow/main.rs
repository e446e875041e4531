//! Flows through the routers: no network, a fixed clock, a seeded random number generator.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod attacks_on_pages;
mod attacks_on_tokens;
mod attacks_on_upstream;
mod browser;
mod introspection;
mod keys;
mod lab;
mod levels;
mod limits;
mod logout;
mod recording;
mod registration;
mod requests;
mod risk;
mod sealed;
mod simulator;
mod sizing;
mod tokens;
mod trail;
