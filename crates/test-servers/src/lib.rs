//! Real servers for tests. Each listens on a free loopback port, keeps its data in a temporary folder, and
//! dies with the test that started it, however that ends.
#![expect(clippy::panic, reason = "a test that lacks its server has nothing to go on with")]

mod postgres;
mod process;

pub use postgres::Postgres;
pub use process::{Process, free_port, wait_until};
