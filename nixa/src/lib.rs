//! The composition root: reads configuration, opens stores, puts broker and identity provider together
//! and serves them. It must not hold rules: those are in the crates below.

pub mod ambient;
pub mod audit;
pub mod compose;
pub mod config;
pub mod demo;
pub mod environment;
pub mod explain;
pub mod keys;
pub mod private_file;
pub mod serve;
