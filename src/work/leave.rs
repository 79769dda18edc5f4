//! Record, then ticket: for all who ask at the same time, in two trips.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::model::code::JobCode;
use crate::model::id::JobId;
use crate::model::job::Priority;
use crate::queue::producer::{Placed, ReadyTicket};
use crate::store::jobs::{Created, Entry, NewJob, Turn};
use crate::store::rates::RateGate;
use crate::work::{Admission, Work, WorkError};

/// Most jobs in one batch: a batch is one script, and Redis does nothing else meanwhile (about 1 ms).
pub(super) const MOST_IN_A_BATCH: usize = 100;

/// Batches on their way at the same time: while Redis writes one, this process reads requests and writes the next.
pub(super) const TURNS: usize = 3;

/// A job that is asked for: its record, and its ticket where a plain add leaves it.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) job: NewJob,
    ticket: Option<ReadyTicket>,
    admission: Option<Admission>,
    gates: Vec<RateGate>,
    turn: Option<Turn>,
    /// Known once the record was written.
    is_listened_to: AtomicBool,
    /// Whether a counter was full: nothing was written then.
    is_refused: AtomicBool,
    /// What its queue sorts it by. Where it takes a turn: known once the record was written.
    number: AtomicU32,
}

impl Leaving {
    pub(super) fn new(job: NewJob, ticket: Option<ReadyTicket>, priority: Priority) -> Self {
        let (is_listened_to, is_refused) = (AtomicBool::new(false), AtomicBool::new(false));
        let (admission, gates, turn, number) = (None, Vec::new(), None, AtomicU32::new(priority.number()));
        Self { job, ticket, admission, gates, turn, is_listened_to, is_refused, number }
    }

    /// The same, counted with its record where the request still is to be.
    pub(super) fn admitted(self, admission: Option<Admission>) -> Self {
        let gates = admission.as_ref().map(Admission::gates).unwrap_or_default();
        Self { admission, gates, ..self }
    }

    /// The same, in turn with its lane's other users.
    pub(super) fn in_turn(self, turn: Turn) -> Self {
        Self { turn: Some(turn), ..self }
    }

    /// Whether addons of the user listen to how the job ends. Its ticket was not left then: a dispatch has to wait for it.
    pub(super) fn is_listened_to(&self) -> bool {
        self.is_listened_to.load(Ordering::Acquire)
    }

    /// Whether a dispatch has to wait for it.
    pub(super) fn is_told(&self) -> bool {
        self.job.is_awaited() || self.is_listened_to()
    }

    /// The number that its queue sorts it by.
    pub(super) fn number(&self) -> u32 {
        self.number.load(Ordering::Acquire)
    }

    /// Its ticket, where it has one.
    pub(super) fn placed(&self) -> Option<Placed<'_>> {
        self.ticket.as_ref().map(|ticket| ticket.at(self.number()))
    }

    fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Acquire)
    }
}

impl Work {
    /// Writes the record and leaves the ticket, in a batch with whoever asks at the same time. Twice is once.
    ///
    /// # Errors
    /// [`WorkError::RateLimited`] where one of the request's counters is full, or Redis is away or full.
    pub(super) async fn leave(&self, leaving: Arc<Leaving>) -> Result<(), WorkError> {
        self.leaving.add(Arc::clone(&leaving), |batch| self.leave_all(batch)).await?;
        match &leaving.admission {
            // It was counted with the record, so this only looks at what came of it.
            Some(admission) if leaving.is_refused() => admission.count().await,
            Some(_) | None => Ok(()),
        }
    }

    async fn leave_all(&self, batch: Vec<Arc<Leaving>>) -> Vec<Result<(), WorkError>> {
        let result = self.try_leave(&batch).await;
        vec![result; batch.len()]
    }

    async fn try_leave(&self, batch: &[Arc<Leaving>]) -> Result<(), WorkError> {
        let all: Vec<&Leaving> = batch.iter().map(Arc::as_ref).collect();
        self.enter(&all).await?;
        let plain = all.iter().filter(|leaving| !leaving.is_listened_to() && !leaving.is_refused());
        let tickets: Vec<Placed<'_>> = plain.filter_map(|leaving| leaving.placed()).collect();
        Ok(self.producer.add_many(&tickets).await?)
    }

    /// Writes the records, in one step, and notes what that told.
    pub(super) async fn enter(&self, batch: &[&Leaving]) -> Result<(), WorkError> {
        let entries: Vec<Entry<'_>> = batch
            .iter()
            .map(|leaving| Entry { job: &leaving.job, gates: &leaving.gates, turn: leaving.turn })
            .collect();
        for (leaving, entered) in batch.iter().zip(self.jobs.create_many(&entries).await?) {
            leaving.is_refused.store(entered.created == Created::Refused, Ordering::Release);
            if let Some(admission) = leaving.admission.as_ref().filter(|_| !leaving.gates.is_empty()) {
                admission.note(entered.standings);
            }
            let is_listened_to = entered.is_listened_to && leaving.job.kind.is_heard();
            leaving.is_listened_to.store(is_listened_to, Ordering::Release);
            if let Some(number) = entered.number {
                leaving.number.store(number, Ordering::Release);
            }
            if entered.created == Created::Existing {
                self.revive(&leaving.job.id).await?;
            }
        }
        Ok(())
    }

    /// A job that the queue never heard of was given up by upkeep; who asks for it again shall get it.
    async fn revive(&self, id: &JobId) -> Result<(), WorkError> {
        let record = self.jobs.get(id).await?;
        let was_lost = record.is_some_and(|record| {
            record.attempts_made == 0 && record.failure.is_some_and(|failure| failure.code == JobCode::WorkerLost)
        });
        if was_lost {
            self.jobs.retry(id).await?;
        }
        Ok(())
    }
}
