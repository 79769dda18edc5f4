//! The REST contract as a client sees it.

mod artifacts;
mod callers;
mod events;
mod idempotency;
mod jobs;
mod openapi;
mod outage;
mod policy;
mod problems;
mod publish;
mod service;
mod updates;
