//! Who hears of an event: a `handle` job for each of the user's addons that handle it.
//!
//! Its id is made from the event and the addon, so that a dispatch that runs twice tells everybody once.

use serde_json::{Value, json};

use crate::addons::Hearer;
use crate::jobs::Services;
use crate::model::event::EventType;
use crate::model::id::{AddonId, JobId, UserId};
use crate::model::job::JobKind;
use crate::model::job_error::JobError;
use crate::model::started::MAX_HOPS;
use crate::queue::tickets::dispatch::Emitted;
use crate::queue::tickets::handle::Handle;
use crate::store::jobs::JobRecord;
use crate::work::{JobOptions, Submission};

/// An event as those hear it who handle it.
struct Told<'a> {
    record: &'a JobRecord,
    /// What makes it one event of its own.
    name: String,
    payload: &'a Value,
    hops: u32,
}

/// Tells the user's addons how a job ended; answers how many handle that.
pub(super) async fn of_end(services: &Services, record: &JobRecord, end: EventType) -> Result<u32, JobError> {
    let hops = record.facts.hops.saturating_add(1);
    if !record.facts.kind.is_heard() || hops > MAX_HOPS {
        return Ok(0);
    }
    let hearers = services.addons.hearers_of_end((&record.facts.client, &user_of(record)), end).await?;
    // Nobody's name and nothing that the client or another addon said: who handles the end of a job did not make it.
    let payload = json!({
        "kind": record.facts.kind, "jobId": record.facts.id, "addonId": record.facts.addon,
        "status": record.public_status(), "code": record.failure.as_ref().map(|failure| failure.code),
        "finishedAt": record.finished_at,
    });
    let name = format!("{} {}", end.as_str(), record.sequence);
    tell(services, &Told { record, name, payload: &payload, hops }, &hearers).await
}

/// Tells the user's other addons what one of them announced; answers how many handle that.
pub(super) async fn of_emitted(services: &Services, record: &JobRecord, emitted: &Emitted) -> Result<u32, JobError> {
    let (Ok(emitter), true) = (AddonId::parse(&emitted.addon_id), emitted.hops <= MAX_HOPS) else { return Ok(0) };
    let user = (&record.facts.client, &user_of(record));
    let hearers = services.addons.hearers_of_emitted(user, &emitter, &emitted.topic).await?;
    let name = format!("emitted {emitter} {}", emitted.number);
    tell(services, &Told { record, name, payload: &emitted.payload, hops: emitted.hops }, &hearers).await
}

async fn tell(services: &Services, told: &Told<'_>, hearers: &[Hearer]) -> Result<u32, JobError> {
    let facts = &told.record.facts;
    let user = user_of(told.record);
    let options = JobOptions { hops: told.hops, ..JobOptions::default() };
    for hearer in hearers {
        let ticket = Handle {
            addon_id: hearer.addon.to_string(),
            user_id: Some(user.to_string()),
            client_id: Some(facts.client.to_string()),
            topic: hearer.topic.clone(),
            payload: told.payload.clone(),
            hops: told.hops,
            traceparent: facts.traceparent.clone(),
        };
        let seed = format!("handle {} {} {}", facts.id, told.name, hearer.addon);
        let id = JobId::derived(JobKind::Handle.id_prefix(), facts.created_at, seed.as_bytes());
        let submission = Submission {
            client: &facts.client,
            user: Some(&user),
            addon: Some(&hearer.addon),
            ticket: &ticket,
            options: &options,
            idempotency: None,
            traceparent: facts.traceparent.as_deref(),
        };
        services.work.submit_reserved(services.work.reserve_known(id), &submission).await?;
    }
    Ok(u32::try_from(hearers.len()).unwrap_or(u32::MAX))
}

fn user_of(record: &JobRecord) -> UserId {
    record.facts.user.clone().unwrap_or_else(UserId::fallback)
}
