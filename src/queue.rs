//! The queue: who asks for work leaves a ticket in a lane, a worker takes it out and hands it to a handler.
//!
//! Everything runs over BullMQ's own keys and scripts (crate `bullmq-official`),
//! so that producers, workers and boards in other languages share the queues.
//! This module is the only one that names that crate, and wraps what a running
//! system must not meet: a panic that wedges a worker, a job without an end, a
//! lost lock nobody hears of, a connection that sulks after an outage, a retry
//! without jitter, a retry-at without an end (`docs/decisions/`, “queue engine”).
//!
//! [`Producer`] adds and asks, [`Consumer`] works one [`Lane`] with a
//! [`Handler`], [`schedule`] ticks; [`tickets`] are the payloads.

pub mod consumer;
mod error;
mod lane;
pub mod producer;
pub mod schedule;
mod scripts;
mod session;
mod ticket;
mod ticket_error;
pub mod tickets;

pub use consumer::delivery::Delivery;
pub use consumer::handler::{Abandoned, Handler};
pub use consumer::running::Interruption;
pub use consumer::verdict::Verdict;
pub use consumer::{Canceller, Consumer, close_all};
pub use error::QueueError;
pub use lane::Lane;
pub use producer::inspect::{LaneDepth, QueuedJob, QueuedState};
pub use producer::{AddOptions, Producer, Removal, Retried};
pub use ticket::Ticket;
