//! The integration tests: one binary, one private Redis a run, one key prefix a test.

// Says to clippy.toml that what it permits in tests is permitted in what tests stand on, too.
#![cfg(test)]

mod faults;
mod guests;
mod host;
mod hostile;
mod imaging;
mod inspect;
mod jobs;
mod net;
mod queue;
mod routes;
mod secrets;
mod store;
mod support;
mod trust;
mod webhooks;
