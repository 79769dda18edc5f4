//! What a handler takes out of a request: who calls, which record, what is asked for.
//!
//! Every extractor rejects with a [`Problem`](super::problem::Problem), and each reads all of its part, so that
//! a client sees all faults of body, query and path members at once.

pub mod body;
pub mod caller;
pub mod fields;
pub mod idempotency;
pub mod job_options;
pub mod job_request;
pub mod path;
pub mod prefer;
pub mod query;
pub mod receiver;
pub mod trace;
