//! `deliver`: one try to deliver one event to one receiver.
//!
//! The next try is a job of its own under an id made from event, receiver and
//! number: a worker that dies after leaving it cannot make two of it, and the
//! schedule may wait longer than a queue's own retries do. So is a try that is
//! put off because its receiver has all that it can have at once: it holds no
//! worker up meanwhile.

use std::time::Duration;

use serde_json::{Value, json};
use tracing::warn;

use crate::jobs::{JobResult, Services};
use crate::model::code::JobCode;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::queue::AddOptions;
use crate::queue::tickets::deliver::Deliver;
use crate::webhooks::{Attempt, Attempted, Receipt, Tried, WebhooksError};

pub(super) async fn run(ticket: Deliver, services: &Services) -> JobResult {
    let tried = match services.webhooks.attempt(&ticket).await {
        Err(WebhooksError::Id(error)) => return Err(JobError::permanent(JobCode::TicketInvalid, error.to_string())),
        tried => tried?,
    };
    match &tried {
        Tried::Busy(wait) => {
            let next = Deliver { waits: ticket.waits.saturating_add(1), ..ticket };
            leave(services, &next, *wait).await?;
            Ok(json!({ "putOffMs": millis(*wait), "waits": next.waits }))
        }
        Tried::Dropped(why) => {
            services.webhooks.note(&ticket, &tried).await?;
            Ok(json!({ "dropped": why }))
        }
        Tried::Made(attempt) => made(&ticket, &tried, attempt, services).await,
    }
}

/// The next try first: whoever dies in between has left it, and the record is written by that one.
async fn made(ticket: &Deliver, tried: &Tried, attempt: &Attempt, services: &Services) -> JobResult {
    let receipt = shown(&attempt.receipt, ticket.attempt);
    let (code, why) = match &attempt.outcome {
        Attempted::Delivered => {
            // It has arrived, and to say so is not worth sending it again.
            if let Err(error) = services.webhooks.note(ticket, tried).await {
                warn!(%error, webhook.id = %ticket.webhook_id, "Could not write down that a webhook arrived");
            }
            return Ok(receipt);
        }
        Attempted::TryAgain { after, why } => {
            let next = Deliver { attempt: ticket.attempt.saturating_add(1), waits: 0, ..ticket.clone() };
            leave(services, &next, *after).await?;
            services.webhooks.note(ticket, tried).await?;
            return Ok(json!({
                "receipt": receipt, "why": why, "tryAgainInMs": millis(*after), "nextAttempt": next.attempt,
            }));
        }
        Attempted::GiveUp { why } => (JobCode::DeliveryFailed, why.clone()),
        Attempted::Refused { why } => (JobCode::DeliveryRefused, why.clone()),
        Attempted::Gone => (JobCode::DeliveryFailed, String::from("the receiver says that it is gone (410)")),
    };
    services.webhooks.note(ticket, tried).await?;
    // A delivery that is given up stays among the failed jobs of its queue too: the dead letters.
    Err(Failure::permanent(code, why).with_details(receipt).into())
}

async fn leave(services: &Services, ticket: &Deliver, wait: Duration) -> Result<(), JobError> {
    let options = AddOptions { delay: Some(wait), ..AddOptions::default() };
    Ok(services.work.producer().add(&ticket.queue_id(), ticket, &options).await?)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn shown(receipt: &Receipt, attempt: u32) -> Value {
    json!({
        "status": receipt.status, "answer": receipt.answer, "attempt": attempt,
        "latencyMs": millis(receipt.latency),
    })
}
