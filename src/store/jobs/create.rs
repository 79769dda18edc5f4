//! The first thing that is written of a job: its record, and with it its turn among those who wait.

use redis::ScriptInvocation;

use crate::store::jobs::turns::Turn;
use crate::store::jobs::{Jobs, NewJob, OWED, list, millis};
use crate::store::{StoreError, script, signals};

/// What came of [`Jobs::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The record is new.
    New,
    /// A record of that id was there already and stays as it is.
    Existing,
}

/// A job that is about to be enqueued.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What is written of it.
    pub job: &'a NewJob,
    /// The turn that it takes, where its lane serves users in turn.
    pub turn: Option<Turn>,
}

impl<'a> From<&'a NewJob> for Asked<'a> {
    fn from(job: &'a NewJob) -> Self {
        Self { job, turn: None }
    }
}

/// What [`Jobs::create_many`] and [`Jobs::adopt`] found out about one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    /// Whether its record is new.
    pub created: Created,
    /// Whether addons of its user listen to how the user's jobs end.
    pub is_listened_to: bool,
    /// The number by which the queue sorts it, where it took a turn.
    pub number: Option<u32>,
}

impl From<u64> for Entered {
    /// As the script answers.
    fn from(answer: u64) -> Self {
        let created = if answer & 1 == 1 { Created::New } else { Created::Existing };
        let number = u32::try_from(answer >> 2).ok().filter(|number| *number > 0);
        Self { created, is_listened_to: answer & 2 == 2, number }
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

    /// Writes the records of jobs that are about to be enqueued, in one round trip and in one step; one answer each, in their
    /// order. Those that take turns are of one lane.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked; all of the records are there then or none.
    pub async fn create_many(&self, jobs: &[Asked<'_>]) -> Result<Vec<Entered>, StoreError> {
        let lane = jobs.iter().find(|asked| asked.turn.is_some()).or(jobs.first()).map(|asked| &*asked.job.lane);
        let mut invocation = self.creation(lane.unwrap_or_default());
        for asked in jobs {
            self.add_creation(&mut invocation, asked, false)?;
        }
        let news: Vec<u64> = self.store.run(&invocation).await?;
        Ok(news.into_iter().map(Entered::from).collect())
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
        let mut invocation = self.creation(&job.lane);
        self.add_creation(&mut invocation, &Asked::from(job), is_owed)?;
        let (answer,): (u64,) = self.store.run(&invocation).await?;
        Ok(Entered::from(answer))
    }

    fn creation(&self, lane: &str) -> ScriptInvocation<'static> {
        let mut invocation = script::JOB_CREATE.prepare_invoke();
        self.add_turns(&mut invocation, lane);
        invocation
    }

    fn add_creation(
        &self,
        invocation: &mut ScriptInvocation<'_>,
        Asked { job, turn }: &Asked<'_>,
        is_owed: bool,
    ) -> Result<(), StoreError> {
        invocation
            .key(self.record_key(&job.id))
            .key(self.store.key(list::ALL, job.client.as_str()))
            .key(signals::listeners_key(&self.store, &job.client, job.user.as_ref()))
            .arg(job.to_parts()?.joined())
            .arg(millis(job.created_at))
            .arg(list::member(job))
            .arg(if is_owed { job.id.as_str() } else { "" })
            .arg(turn.map(|turn| turn.of(&job.client, job.user.as_ref())).unwrap_or_default());
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
