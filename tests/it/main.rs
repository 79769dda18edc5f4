//! The integration tests: one binary, one private Redis a run, one key prefix a test.

#![cfg(test)]

mod faults;
mod guests;
mod host;
mod imaging;
mod inspect;
mod jobs;
mod net;
mod queue;
mod routes;
mod store;
mod support;
mod webhooks;
