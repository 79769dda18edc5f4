//! Several records at once, as a batch shows them.

use crate::model::id::JobId;
use crate::store::StoreError;
use crate::store::jobs::{FIELDS, JobRecord, Jobs, RawRecord};

impl Jobs {
    /// The records of `ids` in their order, in one round trip; none where there is none (any more).
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or a record cannot be read.
    pub async fn get_many(&self, ids: &[JobId]) -> Result<Vec<Option<JobRecord>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut question = redis::pipe();
        for id in ids {
            question.cmd("HMGET").arg(self.record_key(id)).arg(&FIELDS);
        }
        let answers: Vec<RawRecord> = self.store.ask_all(&question).await?;
        answers.iter().map(RawRecord::decode).collect()
    }
}
