//! The REST contract as a client sees it.

mod admin;
mod artifacts;
mod audit;
mod batches;
mod callers;
mod clients;
mod events;
mod idempotency;
mod jobs;
mod limits;
mod older;
mod openapi;
mod outage;
mod policy;
mod problems;
mod publish;
mod service;
mod tenants;
mod updates;
mod webhooks;

use semantest::app::Roles;

/// The API without workers, for tests that change settings.
fn api_alone() -> Roles {
    Roles { api: true, lanes: Vec::new() }
}
