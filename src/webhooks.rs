//! Webhooks: what is sent, how it is signed, when it is tried again, and one attempt to deliver it.
//!
//! The wire format is Standard Webhooks (`webhook-id`, `webhook-timestamp`,
//! `webhook-signature`), so that receivers verify with a library that they
//! already have. Who gets what, and the queue between attempts, are the
//! business of the jobs `dispatch` and `deliver`.

mod body;
mod deliver;
mod schedule;
mod secret;
mod service;
mod sign;

pub use body::truncate_body;
pub use deliver::{Attempt, Attempted, Deliverer, Delivery, Receipt, TargetError};
pub use schedule::{Schedule, parse_retry_after};
pub use secret::{SecretError, WebhookSecret};
pub use service::Webhooks;
pub use sign::{signature_header, webhook_id, webhook_id_of_occurrence};
