//! The integration tests: one binary, one private Redis a run, one key prefix a test.

mod guests;
mod host;
mod inspect;
mod jobs;
mod net;
mod queue;
mod routes;
mod store;
mod support;
mod webhooks;
