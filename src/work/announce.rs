//! Leaving the dispatch of an event: what happens to a job, to an enablement, and what a block stops.

use tracing::warn;

use crate::model::digest::Digest;
use crate::model::event::{Announcement, EventType};
use crate::model::id::JobId;
use crate::queue::AddOptions;
use crate::queue::tickets::dispatch::{BlockWalk, Dispatch, Emitted};
use crate::store::jobs::{JobRecord, NewJob};
use crate::store::outbox::{Owed, OwedEntry};
use crate::work::{Work, WorkError};

/// The id of the job that dispatches `job`'s terminal event: twice is once.
#[must_use]
pub fn dispatch_id(job: &JobId) -> String {
    format!("hook_end_{job}")
}

impl Work {
    /// Whether the receiver that the job names, or a standing endpoint of its client, wants to hear of an event of it.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away.
    pub async fn is_wanted(&self, job: &NewJob, event: EventType) -> Result<bool, WorkError> {
        if job.webhook.as_ref().is_some_and(|target| target.events.contains(&event)) {
            return Ok(true);
        }
        Ok(self.listeners.of(&job.client).await?.want(event))
    }

    /// Leaves the dispatch of an event that does not end the job.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full.
    pub async fn announce(&self, job: &JobId, event: EventType) -> Result<(), WorkError> {
        let dispatch = Dispatch { job_id: job.to_string(), events: vec![event], ..Dispatch::default() };
        let id = format!("hook_{}_{job}", event.as_str().trim_start_matches("job."));
        Ok(self.producer.add(&id, &dispatch, &AddOptions::default()).await?)
    }

    /// Leaves the dispatch of a `job.progress`; there are several of one job, so each says how far it was.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full.
    pub async fn announce_progress(&self, job: &JobId, percent: u8) -> Result<(), WorkError> {
        let events = vec![EventType::JobProgress];
        let dispatch = Dispatch { job_id: job.to_string(), events, ..Dispatch::default() };
        let id = format!("hook_progress_{job}_{percent}");
        Ok(self.producer.add(&id, &dispatch, &AddOptions::default()).await?)
    }

    /// Leaves the dispatch of what an addon announced in the course of the job. The same number again is the same event.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full.
    pub async fn announce_emitted(&self, job: &JobId, emitted: Emitted, trace: Option<&str>) -> Result<(), WorkError> {
        let id = format!("hook_emitted_{job}_{}_{}", emitted.addon_id, emitted.number);
        let dispatch = Dispatch {
            job_id: job.to_string(),
            emitted: Some(emitted),
            traceparent: trace.map(str::to_owned),
            ..Dispatch::default()
        };
        Ok(self.producer.add(&id, &dispatch, &AddOptions::default()).await?)
    }

    /// Whether the end of a job is told to anybody: to its own receiver, to endpoints of its client, or to addons of its user.
    ///
    /// # Errors
    /// [`WorkError`] when Redis cannot be asked.
    pub(super) async fn is_told(&self, record: &JobRecord) -> Result<bool, WorkError> {
        let facts = &record.facts;
        if facts.is_awaited() {
            return Ok(true);
        }
        Ok(facts.kind.is_heard() && self.signals.is_listening(&facts.client, facts.user.as_ref()).await?)
    }

    /// Leaves the dispatch of the event that ends the job, for jobs that no flow parent waits for.
    ///
    /// A job that is tried again after it failed ends a second time, so that dispatch has a name of its own.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full.
    pub async fn leave_dispatch(&self, record: &JobRecord) -> Result<(), WorkError> {
        let job = &record.facts.id;
        let first = dispatch_id(job);
        let id = if record.facts.is_foreign { first } else { format!("{first}_{}", record.sequence) };
        let dispatch = Dispatch { job_id: job.to_string(), ..Dispatch::default() };
        self.producer.add(&id, &dispatch, &AddOptions::default()).await?;
        Ok(self.jobs.settle(job).await?)
    }

    /// Tells the client's standing endpoints of something that no job's record tells. Where none of them wants to hear of it,
    /// nothing is left, and usually Redis is not even asked. Twice is once.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full.
    pub async fn raise(&self, announcement: &Announcement) -> Result<(), WorkError> {
        let body = &announcement.body;
        if !self.listeners.of(&announcement.client).await?.want(body.event) {
            return Ok(());
        }
        let name = format!("{} {} {}", announcement.client, body.event.as_str(), announcement.subject);
        let id = format!("hook_raise_{}", Digest::of(name.as_bytes()).hex());
        let dispatch = Dispatch { announcement: Some(announcement.clone()), ..Dispatch::default() };
        Ok(self.producer.add(&id, &dispatch, &AddOptions::default()).await?)
    }

    /// Leaves the ticket that tells everybody whose addon a block stops, or one page of them. Twice is once.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full.
    pub async fn announce_block(&self, walk: BlockWalk) -> Result<(), WorkError> {
        let addon = walk.addon.as_ref().map(ToString::to_string).unwrap_or_default();
        let name = format!("{} {} {addon} {}", walk.id, walk.at_ms, walk.cursor.as_deref().unwrap_or_default());
        let id = format!("hook_block_{}", Digest::of(name.as_bytes()).hex());
        let dispatch = Dispatch { block: Some(walk), ..Dispatch::default() };
        Ok(self.producer.add(&id, &dispatch, &AddOptions::default()).await?)
    }

    /// Leaves the ticket of an announcement that is owed, and strikes it out.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full; it is owed still.
    pub async fn settle_owed(&self, entry: &OwedEntry) -> Result<(), WorkError> {
        match &entry.owed {
            Owed::Event(announcement) => self.raise(announcement).await?,
            Owed::Block { id, at_ms } => {
                let walk = BlockWalk { id: id.clone(), at_ms: *at_ms, addon: None, cursor: None };
                self.announce_block(walk).await?;
            }
        }
        Ok(self.outbox.settle(entry).await?)
    }

    /// The same where the change is made already, so that a failure is not the caller's: upkeep leaves it then.
    pub async fn settle_owed_soon(&self, entry: Option<&OwedEntry>) {
        let Some(entry) = entry else { return };
        if let Err(error) = self.settle_owed(entry).await {
            warn!(%error, "Could not announce a change at once; upkeep does it later");
        }
    }
}
