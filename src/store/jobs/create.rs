//! Writing the records of jobs that are about to be enqueued, or that a foreign producer enqueued.

use redis::ScriptInvocation;

use crate::model::rate::RateStanding;
use crate::store::jobs::{Jobs, NewJob, OWED, Turn, list, millis};
use crate::store::rates::{self, RateGate};
use crate::store::{StoreError, script, signals};

/// What came of [`Jobs::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The record is new.
    New,
    /// A record of that id was there already and stays as it is.
    Existing,
    /// A counter is full: nothing was written.
    Refused,
}

/// A job whose record is to be written, and the counters that it counts on.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The job.
    pub job: &'a NewJob,
    /// Where it counts; nothing is written where one of them is full.
    pub gates: &'a [RateGate],
    /// The turn that it takes, where its lane serves users in turn.
    pub turn: Option<Turn>,
}

/// What [`Jobs::create_many`] and [`Jobs::adopt`] found out about one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// Whether its record is new.
    pub created: Created,
    /// Whether addons of its user listen to how the user's jobs end.
    pub is_listened_to: bool,
    /// The number by which the queue sorts it, where it took a turn.
    pub number: Option<u32>,
    /// Where its counters stand.
    pub standings: Vec<RateStanding>,
}

impl Entered {
    /// As the script answers.
    fn of(answer: u64, standings: Vec<RateStanding>) -> Self {
        let created = match answer & 5 {
            0 => Created::Existing,
            1 => Created::New,
            _ => Created::Refused,
        };
        let number = u32::try_from(answer >> 3).ok().filter(|number| *number > 0);
        Self { created, is_listened_to: answer & 2 == 2, number, standings }
    }
}

impl Jobs {
    /// Writes the record of a job that is about to be enqueued, which is its `job.queued` too. Twice is once.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn create(&self, job: &NewJob) -> Result<Created, StoreError> {
        Ok(self.write(job, false).await?.created)
    }

    /// Writes the records of jobs that are about to be enqueued, counts them and gives them their turns, in one round trip and
    /// in one step; one answer each, in their order. Those that take turns are of one lane.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked; all of the records are there then or none.
    pub async fn create_many(&self, entries: &[Entry<'_>]) -> Result<Vec<Entered>, StoreError> {
        let lane = entries.iter().find(|entry| entry.turn.is_some()).or(entries.first()).map(|entry| &*entry.job.lane);
        let mut invocation = self.creation(lane.unwrap_or_default(), entries.len());
        for entry in entries {
            self.add_creation(&mut invocation, entry, false)?;
        }
        for entry in entries {
            rates::add_gates(&self.store, &mut invocation, entry.gates);
        }
        let (news, numbers): (Vec<u64>, Vec<u64>) = self.store.run(&invocation).await?;
        let mut rest = numbers.as_slice();
        let entered = |(answer, entry): (u64, &Entry<'_>)| {
            let (own, others) = rest.split_at(rates::numbers_of(entry.gates).min(rest.len()));
            rest = others;
            Entered::of(answer, rates::standings(entry.gates, own))
        };
        Ok(news.into_iter().zip(entries).map(entered).collect())
    }

    /// Writes the record of a job that a foreign producer enqueued. Where somebody awaits its end, its dispatch is
    /// owed from now on (see [`Jobs::owed_before`]). Twice is once.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn adopt(&self, job: &NewJob) -> Result<Entered, StoreError> {
        self.write(job, job.is_awaited()).await
    }

    async fn write(&self, job: &NewJob, is_owed: bool) -> Result<Entered, StoreError> {
        let mut invocation = self.creation(&job.lane, 1);
        self.add_creation(&mut invocation, &Entry { job, gates: &[], turn: None }, is_owed)?;
        let ((answer,), _): ((u64,), Vec<u64>) = self.store.run(&invocation).await?;
        Ok(Entered::of(answer, Vec::new()))
    }

    fn creation(&self, lane: &str, count: usize) -> ScriptInvocation<'static> {
        let mut invocation = script::JOB_CREATE.prepare_invoke();
        self.add_turns(&mut invocation, lane);
        invocation.arg(count);
        invocation
    }

    fn add_creation(
        &self,
        invocation: &mut ScriptInvocation<'_>,
        entry: &Entry<'_>,
        is_owed: bool,
    ) -> Result<(), StoreError> {
        let job = entry.job;
        invocation
            .key(self.record_key(&job.id))
            .key(self.store.key(list::ALL, job.client.as_str()))
            .key(signals::listeners_key(&self.store, &job.client, job.user.as_ref()))
            .arg(job.to_parts()?.joined())
            .arg(millis(job.created_at))
            .arg(list::member(job))
            .arg(if is_owed { job.id.as_str() } else { "" })
            .arg(entry.gates.len())
            .arg(entry.turn.map(|turn| turn.of(&job.client, job.user.as_ref())).unwrap_or_default());
        Ok(())
    }

    /// The keys and the argument of `turns.lua`, which come first.
    pub(super) fn add_turns(&self, invocation: &mut ScriptInvocation<'_>, lane: &str) {
        invocation.key(self.store.only_key(OWED)).key(self.store.key(super::turns::TURNS, lane));
        // BullMQ's own sets of the lane: which number is served now only they know.
        for set in ["prioritized", "delayed", "active"] {
            invocation.key(self.store.key(lane, set));
        }
        invocation.arg(self.store.key(lane, ""));
    }
}
