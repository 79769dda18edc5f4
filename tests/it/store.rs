//! The store, on a real Redis.

mod breakers;
mod control;
mod copies;
mod credits;
mod dev_redis;
mod idempotency;
mod jobs;
mod keys;
mod kv;
mod last_writes;
mod outage;
mod pending_starts;
mod records;
mod spend;
