//! `GET /jobs/{jobId}/events`: a job's own stream as server-sent events, resumed exactly.
//!
//! An event's id is its number within the job, so `Last-Event-ID` names what
//! the client has. Nothing blocks Redis: the job's bell rings in every process
//! that watches it, and each ring is one look. The last event is made from the
//! job's record where the stream lacks it, so that a killed or foreign worker
//! cannot leave it out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde_json::json;
use tracing::warn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::path::Path;
use crate::api::limits::StreamPlace;
use crate::api::openapi::ReadProblems;
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::{AnyKey, Tenant};
use crate::clock;
use crate::model::event::{EventBody, EventData, EventType};
use crate::model::id::JobId;
use crate::store::control::Bell;
use crate::store::job_events::StoredEvent;
use crate::store::jobs::JobRecord;
use crate::work::JobView;

/// A comment this often keeps proxies from closing the stream (`api.md`).
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A look this often even without a ring: a watch may have ended while Redis was away.
const LOOK_AGAIN: Duration = Duration::from_secs(20);
/// Events of one look.
const PAGE: usize = 200;
/// What a client waits before it comes back, in its own hands.
const RECONNECT: Duration = Duration::from_secs(1);

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(events))
}

/// A job's events while they happen, until the one that ends it.
#[utoipa::path(
    get, path = "/api/v1/jobs/{jobId}/events", operation_id = "streamJobEvents", tag = "jobs",
    params(("jobId" = String, Path), ("Last-Event-ID" = Option<String>, Header, description = "The last id that was seen")),
    responses((status = 200, description = "Name and data equal the webhook's, plus `gap` with a snapshot where events are gone",
               content_type = "text/event-stream", body = String),
              (status = 204, description = "The client has seen the last event"), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn events(AnyKey(tenant): AnyKey, Path(id): Path<JobId>, fields: HeaderMap) -> Result<Response, Problem> {
    let view = tenant.job(&id).await?;
    // A number beyond the newest event is no place in this stream; the end is.
    let seen = last_event_id(&fields).min(tenant.newest_event(&id).await?);
    if view.status.is_finished() && seen > 0 && has_seen_the_end(&tenant, &id, seen).await? {
        // An empty success is what stops an `EventSource` from coming back.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let tail = Tail {
        _place: tenant.stream()?,
        bell: tenant.bell(&id),
        id,
        after: seen,
        ready: VecDeque::from([Event::default().retry(RECONNECT)]),
        is_over: false,
        is_first: true,
        tenant,
    };
    let events =
        stream::unfold(
            tail,
            |mut tail| async move { tail.next().await.map(|event| (Ok::<_, Infallible>(event), tail)) },
        );
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

fn last_event_id(fields: &HeaderMap) -> u64 {
    fields
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

async fn has_seen_the_end(tenant: &Tenant, id: &JobId, seen: u64) -> Result<bool, Problem> {
    let Some(page) = tenant.events(id, seen - 1, PAGE).await? else { return Ok(false) };
    // A job that was tried again ends twice: only its newest end is the end.
    let is_end = |event: &StoredEvent| event.sequence == seen && EventType::TERMINAL.contains(&event.body.event);
    Ok(matches!(page.events.as_slice(), [only] if is_end(only)))
}

/// One client's place in one job's stream.
struct Tail {
    tenant: Tenant,
    /// Taken as long as the stream is open.
    _place: Option<StreamPlace>,
    bell: Bell,
    id: JobId,
    after: u64,
    ready: VecDeque<Event>,
    is_over: bool,
    is_first: bool,
}

impl Tail {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            if !self.is_first {
                self.sleep().await;
            }
            self.is_first = false;
            if let Err(problem) = self.look().await {
                // Redis is away: the client keeps its stream and gets what it missed when Redis is back.
                warn!(job.id = %self.id, error = problem.cause().unwrap_or(""), "Could not read the events of job `{}`", self.id);
            }
        }
    }

    /// Until there may be news. Cancel-safe.
    async fn sleep(&mut self) {
        let stop = self.tenant.stop().clone();
        tokio::select! {
            () = self.bell.rung() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = stop.fired() => self.is_over = true,
        }
    }

    /// Watches first and reads afterwards, so that nothing falls between the two.
    async fn look(&mut self) -> Result<(), Problem> {
        if self.is_over {
            return Ok(());
        }
        let Some(record) = self.tenant.watch(&self.id).await? else {
            self.is_over = true;
            return Ok(());
        };
        loop {
            let Some(page) = self.tenant.events(&self.id, self.after, PAGE).await? else {
                self.is_over = true;
                return Ok(());
            };
            if page.has_gap {
                self.ready.push_back(named("gap", None, &json!(JobView::of(&record))));
            }
            let is_last_page = page.events.len() < PAGE;
            for stored in page.events {
                self.after = stored.sequence;
                let is_end = EventType::TERMINAL.contains(&stored.body.event);
                self.ready.push_back(named(stored.body.event.as_str(), Some(stored.sequence), &json!(stored.body)));
                if is_end && record.is_finished() && stored.sequence >= record.sequence {
                    self.is_over = true;
                    return Ok(());
                }
            }
            if is_last_page {
                break;
            }
        }
        if let Some(event) = EventType::ending(record.public_status()) {
            self.after += 1;
            let body = ending(&record, event, self.after);
            self.ready.push_back(named(event.as_str(), Some(self.after), &json!(body)));
            self.is_over = true;
        }
        Ok(())
    }
}

fn named(name: &str, id: Option<u64>, data: &serde_json::Value) -> Event {
    let event = Event::default().event(name).data(data.to_string());
    match id {
        Some(id) => event.id(id.to_string()),
        None => event,
    }
}

/// The last event as the stream would have had it.
fn ending(record: &JobRecord, event: EventType, sequence: u64) -> EventBody {
    let facts = &record.facts;
    EventBody {
        event,
        timestamp: record.finished_at.unwrap_or_else(clock::now),
        data: EventData {
            user_id: facts.user.as_ref().map(ToString::to_string),
            addon_id: facts.addon.as_ref().map(ToString::to_string),
            status: Some(record.public_status()),
            progress: Some(record.progress),
            result: record.result.clone(),
            error: record.failure.as_ref().map(|failure| json!(failure)),
            metadata: facts.metadata.clone(),
            ..EventData::of_job(facts.kind, facts.id.as_str(), sequence)
        },
    }
}
