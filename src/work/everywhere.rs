//! Jobs of every client, for the platform's admins: looked at, and tried again in numbers.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::model::id::ClientId;
use crate::model::job::JobStatus;
use crate::shutdown::Stop;
use crate::store::StoreError;
use crate::store::jobs::{JobFilter, JobRecord};
use crate::work::{JobView, Page, RetryAnswer, Work, WorkError};

/// Clients that are looked at for one page: a filter that matches almost nothing must not hold up Redis.
const MOST_CLIENTS: usize = 50;
/// Jobs of one look while many are tried again.
const LOOK: usize = 100;

/// A job, whose it is, and its queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnedJob {
    /// The client.
    pub client_id: String,
    /// The queue.
    pub queue: String,
    /// The job as its client sees it.
    #[serde(flatten)]
    pub view: JobView,
}

impl OwnedJob {
    fn of(record: &JobRecord) -> Self {
        let facts = &record.facts;
        Self { client_id: facts.client.to_string(), queue: facts.lane.clone(), view: JobView::of(record) }
    }
}

/// How failed jobs are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPace {
    /// At most so many in this turn.
    pub limit: usize,
    /// Of them so many a second; at least one.
    pub per_second: u32,
    /// Whether they are only counted.
    pub is_dry: bool,
}

/// What came of one turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetriedMany {
    /// Failed jobs that match and were looked at in this turn.
    pub matched: u64,
    /// Jobs that wait for a worker again.
    pub retried: u64,
    /// Jobs whose queue does not keep their ticket any more.
    pub gone: u64,
    /// Where the next turn goes on; `null` where every job was looked at.
    pub next_cursor: Option<String>,
}

/// Where a page ended: the client, and the place in its list.
#[derive(Clone, Debug)]
struct Place {
    client: ClientId,
    inner: Option<String>,
}

impl Place {
    fn parse(text: &str) -> Result<Self, WorkError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| WorkError::CursorInvalid)?;
        let text = String::from_utf8(bytes).map_err(|_| WorkError::CursorInvalid)?;
        let (client, inner) = text.split_once(' ').ok_or(WorkError::CursorInvalid)?;
        let client = ClientId::parse(client).map_err(|_| WorkError::CursorInvalid)?;
        Ok(Self { client, inner: Some(inner.to_owned()).filter(|inner| !inner.is_empty()) })
    }

    fn to_text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{} {}", self.client, self.inner.as_deref().unwrap_or("")))
    }
}

impl Work {
    /// Jobs of every client (or of `only`) that match, client by client in the order of the alphabet, each client's newest first. A page
    /// may be shorter than `limit`, even empty, and still have a next one.
    ///
    /// # Errors
    /// [`WorkError::CursorInvalid`], or Redis is away.
    pub async fn list_everywhere(
        &self,
        only: Option<&ClientId>,
        filter: &JobFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<OwnedJob>, WorkError> {
        let (records, next_cursor) = self.records_everywhere(only, filter, cursor, limit).await?;
        Ok(Page { data: records.iter().map(OwnedJob::of).collect(), next_cursor })
    }

    async fn records_everywhere(
        &self,
        only: Option<&ClientId>,
        filter: &JobFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<JobRecord>, Option<String>), WorkError> {
        let start = cursor.map(Place::parse).transpose()?;
        let mut places = self.places(only, start).await?.into_iter();
        let mut found: Vec<JobRecord> = Vec::new();
        for _ in 0..MOST_CLIENTS {
            let Some(mut place) = places.next() else { return Ok((found, None)) };
            let wanted = limit.saturating_sub(found.len());
            let page = match self.jobs.list(&place.client, filter, place.inner.as_deref(), wanted).await {
                Err(StoreError::Cursor) => return Err(WorkError::CursorInvalid),
                page => page?,
            };
            found.extend(page.items);
            if page.next_cursor.is_some() {
                place.inner = page.next_cursor;
                return Ok((found, Some(place.to_text())));
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok((found, places.next().map(|place| place.to_text())))
    }

    /// Where lists begin: the place where the last page ended, then the beginning of each client behind it.
    async fn places(&self, only: Option<&ClientId>, start: Option<Place>) -> Result<Vec<Place>, WorkError> {
        let beginning = |client: ClientId| Place { client, inner: None };
        if let Some(only) = only {
            let here = start.filter(|place| place.client == *only).unwrap_or_else(|| beginning(only.clone()));
            return Ok(vec![here]);
        }
        let behind = self.clients.names(start.as_ref().map(|place| &place.client)).await?;
        Ok(start.into_iter().chain(behind.into_iter().map(beginning)).collect())
    }

    /// Puts failed jobs that match back into their queues, at a pace, for as long as `patience` lasts; whoever goes on with the
    /// cursor of the answer goes on where this turn ended. Cancel-safe: a job is tried again whole or not at all.
    ///
    /// # Errors
    /// [`WorkError::CursorInvalid`], or Redis is away: jobs that were put back by then stay so.
    pub async fn retry_everywhere(
        &self,
        only: Option<&ClientId>,
        filter: &JobFilter,
        cursor: Option<&str>,
        pace: RetryPace,
        patience: (Duration, &Stop),
    ) -> Result<RetriedMany, WorkError> {
        let filter = JobFilter { status: Some(JobStatus::Failed), ..filter.clone() };
        let (most, stop) = patience;
        let begun = Instant::now();
        let mut answer = RetriedMany { next_cursor: cursor.map(str::to_owned), ..RetriedMany::default() };
        let mut beat = tokio::time::interval(Duration::from_secs(1) / pace.per_second.max(1));
        loop {
            let done = usize::try_from(answer.matched).unwrap_or(usize::MAX);
            let left = pace.limit.saturating_sub(done).min(if pace.is_dry { LOOK } else { pace.batch() });
            if left == 0 || begun.elapsed() >= most || stop.has_fired() {
                return Ok(answer);
            }
            let cursor = answer.next_cursor.take();
            let (records, next) = self.records_everywhere(only, &filter, cursor.as_deref(), left).await?;
            for record in &records {
                answer.matched += 1;
                if pace.is_dry {
                    continue;
                }
                beat.tick().await;
                match self.retry(&record.facts.client, &record.facts.id).await? {
                    RetryAnswer::Queued => answer.retried += 1,
                    RetryAnswer::Gone => answer.gone += 1,
                    // Somebody else was faster, or the record went away.
                    RetryAnswer::NotFailed(_) | RetryAnswer::Missing => {}
                }
            }
            answer.next_cursor = next;
            if answer.next_cursor.is_none() {
                return Ok(answer);
            }
        }
    }
}

impl RetryPace {
    /// Jobs between two looks at the clock: what one second may do, at most one look.
    fn batch(&self) -> usize {
        usize::try_from(self.per_second.max(1)).unwrap_or(LOOK).min(LOOK)
    }
}
