//! Jobs that no worker has begun, so that upkeep can ask the queue whether it knows them.
//!
//! Each job is looked at once, some time after it was asked for: a mark per client remembers how far.

use chrono::{DateTime, Utc};

use crate::clock;
use crate::model::id::{ClientId, JobId};
use crate::store::StoreError;
use crate::store::jobs::{CHECKED, Jobs, RECORD, RecordStatus, list, millis};

/// Members looked at in one round trip.
const CHUNK: usize = 500;

impl Jobs {
    /// Up to when `client`'s jobs were looked through; none where they never were.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn checked_until(&self, client: &ClientId) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.store.only_key(CHECKED)).arg(client.as_str());
        Ok(self.store.ask::<Option<u64>>(&command).await?.map(clock::from_ms))
    }

    /// Remembers up to when they were.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn set_checked_until(&self, client: &ClientId, time: DateTime<Utc>) -> Result<(), StoreError> {
        let mut command = redis::cmd("HSET");
        command.arg(self.store.only_key(CHECKED)).arg(client.as_str()).arg(millis(time));
        self.store.ask(&command).await
    }

    /// `client`'s jobs that were asked for after `from` and until `to`, and that no worker has begun.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn unbegun(
        &self,
        client: &ClientId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<JobId>, StoreError> {
        let key = self.store.key(list::ALL, client.as_str());
        let mut found = Vec::new();
        let mut offset = 0;
        loop {
            let mut command = redis::cmd("ZRANGEBYSCORE");
            command.arg(&key).arg(format!("({}", millis(from))).arg(millis(to)).arg("LIMIT").arg(offset).arg(CHUNK);
            let members: Vec<String> = self.store.ask(&command).await?;
            if members.is_empty() {
                return Ok(found);
            }
            offset += members.len();
            let mut question = redis::pipe();
            for member in &members {
                question.cmd("HGET").arg(self.store.key(RECORD, list::id_of(member))).arg("st");
            }
            let statuses: Vec<Option<String>> = self.store.ask_all(&question).await?;
            let unbegun = members.iter().zip(statuses).filter(|(_, status)| {
                // A record that nothing happened to has no status yet.
                status.as_deref().is_none_or(|status| RecordStatus::parse(status) == Some(RecordStatus::Queued))
            });
            found.extend(unbegun.filter_map(|(member, _)| JobId::parse(list::id_of(member)).ok()));
        }
    }
}
