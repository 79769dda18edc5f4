//! `deliver`: one try to deliver one event to one receiver.
//!
//! The next try is a job of its own under an id made from event, receiver and
//! number: a worker that dies after leaving it cannot make two of it, and the
//! schedule may wait longer than a queue's own retries do.

use serde_json::{Value, json};

use crate::jobs::{JobResult, Services};
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::queue::AddOptions;
use crate::queue::tickets::deliver::Deliver;
use crate::webhooks::{Attempted, Receipt};

/// The id of a try: the same event, receiver and number give the same id.
pub(super) fn id(ticket: &Deliver) -> String {
    let receiver: String = Digest::of(ticket.url.as_bytes()).hex().chars().take(16).collect();
    format!("hook_{}_{receiver}_{}", ticket.webhook_id, ticket.attempt)
}

pub(super) async fn run(ticket: Deliver, services: &Services) -> JobResult {
    let attempt = services
        .webhooks
        .attempt(&ticket)
        .await
        .map_err(|error| JobError::permanent(JobCode::TicketInvalid, error.to_string()))?;
    let receipt = shown(&attempt.receipt, ticket.attempt);
    match attempt.outcome {
        Attempted::Delivered => Ok(receipt),
        Attempted::TryAgain { after, why } => {
            let next = Deliver { attempt: ticket.attempt.saturating_add(1), ..ticket };
            let options = AddOptions { delay: Some(after), ..AddOptions::default() };
            services.work.producer().add(&id(&next), &next, &options).await?;
            let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            Ok(json!({ "receipt": receipt, "why": why, "tryAgainInMs": after_ms, "nextAttempt": next.attempt }))
        }
        Attempted::GiveUp { why } => Err(dead(JobCode::DeliveryFailed, why, receipt)),
        Attempted::Refused { why } => Err(dead(JobCode::DeliveryRefused, why, receipt)),
        Attempted::Gone => {
            Err(dead(JobCode::DeliveryFailed, String::from("the receiver says that it is gone (410)"), receipt))
        }
    }
}

/// A delivery that is given up stays among the failed jobs of its queue: the dead letters.
fn dead(code: JobCode, why: String, receipt: Value) -> JobError {
    Failure::permanent(code, why).with_details(receipt).into()
}

fn shown(receipt: &Receipt, attempt: u32) -> Value {
    json!({
        "status": receipt.status, "answer": receipt.answer, "attempt": attempt,
        "latencyMs": u64::try_from(receipt.latency.as_millis()).unwrap_or(u64::MAX),
    })
}
