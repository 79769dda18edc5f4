//! A client's jobs in order of time, page by page.
//!
//! One sorted set a client holds `<id> <kind> <user>` by the time of creation, another one its dead letters,
//! `<id> <kind> <user> <code>` by the time of failure. Members outlive their records: they are dropped when a page
//! stumbles over them, and by [`Jobs::sweep`].

use chrono::{DateTime, Utc};
use rand::Rng as _;

use crate::model::code::JobCode;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::job::{JobKind, JobStatus};
use crate::store::jobs::{FIELDS, JobRecord, Jobs, NewJob, RawRecord, millis};
use crate::store::page::Place;
use crate::store::{Page, StoreError};

/// Noun of a client's jobs.
pub(super) const ALL: &str = "jobs-of";
/// Noun of a client's dead letters.
pub(super) const FAILED: &str = "jobs-failed";

/// Members looked at in one round trip.
const CHUNK: usize = 256;
/// Members looked at for one page: a filter that matches almost nothing must not hold up Redis; the page is then short.
const MAX_LOOKED_AT: usize = 4096;
/// Dead letters that a client keeps at most (`api.md`).
const MAX_DEAD_LETTERS: usize = 100_000;

/// Which of a client's jobs are wanted; none means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Jobs for this end user.
    pub user: Option<UserId>,
    /// Jobs of this kind.
    pub kind: Option<JobKind>,
    /// Jobs that stand so; [`JobStatus::Failed`] are the dead letters, newest failure first.
    pub status: Option<JobStatus>,
    /// Jobs that failed with this code.
    pub code: Option<JobCode>,
    /// Jobs about this addon.
    pub addon: Option<AddonId>,
    /// Jobs of this queue.
    pub lane: Option<String>,
}

impl JobFilter {
    /// Whether only dead letters can match.
    fn is_about_failures(&self) -> bool {
        self.code.is_some() || self.status == Some(JobStatus::Failed)
    }

    /// Judges by the list's member alone.
    fn may_match(&self, member: &str) -> bool {
        let mut words = member.split(' ').skip(1);
        let (kind, user, code) = (words.next(), words.next(), words.next());
        self.kind.is_none_or(|wanted| kind == Some(wanted.as_str()))
            && self.user.as_ref().is_none_or(|wanted| user == Some(wanted.as_str()))
            && self.code.is_none_or(|wanted| code == Some(wanted.as_str().as_str()))
    }

    fn matches(&self, record: &JobRecord) -> bool {
        self.status.is_none_or(|wanted| record.public_status() == wanted)
            && self.code.is_none_or(|wanted| record.failure.as_ref().is_some_and(|failure| failure.code == wanted))
            && self.addon.as_ref().is_none_or(|wanted| record.facts.addon.as_ref() == Some(wanted))
            && self.lane.as_ref().is_none_or(|wanted| record.facts.lane == *wanted)
    }
}

/// How the list of a client's jobs names one.
pub(super) fn member(job: &NewJob) -> String {
    format!("{} {} {}", job.id, job.kind, job.user.as_ref().map_or("", UserId::as_str))
}

impl Jobs {
    /// The client's jobs that match, newest first. A page may be shorter than `limit` and still have a next one.
    ///
    /// # Errors
    /// [`StoreError::Cursor`] when the cursor is not one of ours; else when Redis cannot be asked.
    pub async fn list(
        &self,
        client: &ClientId,
        filter: &JobFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<JobRecord>, StoreError> {
        let after = cursor.map(Place::parse).transpose()?;
        let key = self.store.key(if filter.is_about_failures() { FAILED } else { ALL }, client.as_str());
        let top = after.as_ref().map_or_else(|| String::from("+inf"), |cursor| cursor.score.to_string());
        let mut items = Vec::new();
        let mut looked_at = 0;
        while looked_at < MAX_LOOKED_AT {
            let chunk = self.chunk(&key, &top, looked_at).await?;
            let is_last = chunk.len() < CHUNK;
            looked_at += chunk.len();
            let end = chunk.last().map(|(member, score)| Place::to_text(*score, member));
            let candidates: Vec<(String, u64)> = chunk
                .into_iter()
                .filter(|(member, score)| after.as_ref().is_none_or(|after| after.is_before(*score, member)))
                .filter(|(member, _)| filter.may_match(member))
                .collect();
            for (record, (member, score)) in self.records(&key, &candidates).await? {
                if !filter.matches(&record) {
                    continue;
                }
                items.push(record);
                if items.len() >= limit {
                    return Ok(Page { items, next_cursor: Some(Place::to_text(score, &member)) });
                }
            }
            if is_last {
                return Ok(Page::last(items));
            }
            if looked_at >= MAX_LOOKED_AT {
                return Ok(Page { items, next_cursor: end });
            }
        }
        Ok(Page::last(items))
    }

    /// Drops what lists still name though its record is gone, and dead letters above 100 000. Looks at members older
    /// than `before`, at most `limit` of them, and where there are more at a part drawn by lot: long-lived ones at the
    /// head must not hide the rest for ever. Answers how many it dropped.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn sweep(&self, client: &ClientId, before: DateTime<Utc>, limit: usize) -> Result<usize, StoreError> {
        let failed = self.store.key(FAILED, client.as_str());
        let mut dropped = 0;
        for key in [&self.store.key(ALL, client.as_str()), &failed] {
            let mut command = redis::cmd("ZCOUNT");
            command.arg(key).arg("-inf").arg(millis(before));
            let spare = self.store.ask::<usize>(&command).await?.saturating_sub(limit);
            let offset = rand::rng().random_range(0..=spare);
            let mut command = redis::cmd("ZRANGEBYSCORE");
            command.arg(key).arg("-inf").arg(millis(before)).arg("LIMIT").arg(offset).arg(limit);
            let members: Vec<String> = self.store.ask(&command).await?;
            let mut question = redis::pipe();
            for member in &members {
                question.cmd("EXISTS").arg(self.store.key(super::RECORD, id_of(member)));
            }
            let are_there: Vec<bool> =
                if members.is_empty() { Vec::new() } else { self.store.ask_all(&question).await? };
            let gone: Vec<&String> =
                members.iter().zip(are_there).filter(|(_, is_there)| !is_there).map(|(member, _)| member).collect();
            dropped += gone.len();
            self.drop_members(key, &gone).await?;
        }
        let mut command = redis::cmd("ZREMRANGEBYRANK");
        command.arg(&failed).arg(0).arg(-(i64::try_from(MAX_DEAD_LETTERS).unwrap_or(i64::MAX)) - 1);
        Ok(dropped + self.store.ask::<usize>(&command).await?)
    }

    async fn chunk(&self, key: &str, top: &str, offset: usize) -> Result<Vec<(String, u64)>, StoreError> {
        let mut command = redis::cmd("ZREVRANGEBYSCORE");
        command.arg(key).arg(top).arg("-inf").arg("WITHSCORES").arg("LIMIT").arg(offset).arg(CHUNK);
        self.store.ask(&command).await
    }

    /// The records of the members that still have one; the other members are dropped from the list.
    async fn records(
        &self,
        key: &str,
        candidates: &[(String, u64)],
    ) -> Result<Vec<(JobRecord, (String, u64))>, StoreError> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let mut question = redis::pipe();
        for (member, _) in candidates {
            question.cmd("HMGET").arg(self.store.key(super::RECORD, id_of(member))).arg(&FIELDS);
        }
        let answers: Vec<RawRecord> = self.store.ask_all(&question).await?;
        let mut found = Vec::new();
        let mut gone = Vec::new();
        for (raw, candidate) in answers.iter().zip(candidates) {
            match raw.decode()? {
                Some(record) => found.push((record, candidate.clone())),
                None => gone.push(&candidate.0),
            }
        }
        self.drop_members(key, &gone).await?;
        Ok(found)
    }

    async fn drop_members(&self, key: &str, members: &[&String]) -> Result<(), StoreError> {
        if members.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("ZREM");
        command.arg(key).arg(members);
        self.store.ask(&command).await
    }
}

/// The job's id in a list's member.
pub(super) fn id_of(member: &str) -> &str {
    member.split_once(' ').map_or(member, |(id, _)| id)
}
