//! Jobs that an addon left for later and that no worker has begun: so many an enablement, and one a dedupe text.

use std::time::Duration;

use crate::clock;
use crate::model::id::{IdError, JobId};
use crate::store::jobs::RECORD;
use crate::store::{Store, StoreError, script};

/// How long a start is believed to wait although its record is not there yet: it is written right after this book.
const GRACE: Duration = Duration::from_secs(60);
/// How much longer than any delay the book is kept.
const MARGIN: Duration = Duration::from_secs(24 * 60 * 60);
/// Noun of an enablement's starts that wait.
const WAITING: &str = "starts-waiting";
/// Noun of the last start under each of an enablement's dedupe texts.
const DEDUPE: &str = "starts-dedupe";

/// A start that asks to be let in.
#[derive(Clone, Copy, Debug)]
pub struct NewStart<'a> {
    /// The enablement, by its opaque name.
    pub enablement: &'a str,
    /// The job that it would be.
    pub id: &'a JobId,
    /// The addon's name for it: while one waits there is no second.
    pub dedupe: Option<&'a str>,
    /// How many may wait.
    pub most: u32,
    /// The longest that one may wait for its time.
    pub max_delay: Duration,
}

/// What came of [`PendingStarts::admit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// Leave it.
    New,
    /// This one waits under the same dedupe text.
    Same(JobId),
    /// So many wait already.
    Full {
        /// How many.
        waiting: u64,
    },
}

/// The book of what waits.
#[derive(Clone, Debug)]
pub struct PendingStarts {
    store: Store,
}

impl PendingStarts {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Lets a start in, or says why not. The same start again is let in once.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn admit(&self, start: NewStart<'_>) -> Result<Admitted, StoreError> {
        let mut invocation = script::START_ADMIT.prepare_invoke();
        invocation
            .key(self.store.key(WAITING, start.enablement))
            .key(self.store.key(DEDUPE, start.enablement))
            .arg(start.id.as_str())
            .arg(self.store.key(RECORD, ""))
            .arg(clock::now_ms())
            .arg(u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX))
            .arg(start.most)
            .arg(start.dedupe.unwrap_or_default())
            .arg(start.max_delay.saturating_add(MARGIN).as_secs());
        let (answer, said): (u8, String) = self.store.run(&invocation).await?;
        match answer {
            1 => Ok(Admitted::New),
            2 => JobId::parse(&said).map(Admitted::Same).map_err(unreadable),
            _ => Ok(Admitted::Full { waiting: said.parse().unwrap_or(u64::MAX) }),
        }
    }

    /// Takes a start back that was let in and could not be left.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn withdraw(&self, enablement: &str, id: &JobId) -> Result<(), StoreError> {
        let mut command = redis::cmd("ZREM");
        command.arg(self.store.key(WAITING, enablement)).arg(id.as_str());
        self.store.ask(&command).await
    }

    /// What was let in and may still wait, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn list(&self, enablement: &str) -> Result<Vec<JobId>, StoreError> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.store.key(WAITING, enablement)).arg(0).arg(-1);
        let ids: Vec<String> = self.store.ask(&command).await?;
        Ok(ids.iter().filter_map(|id| JobId::parse(id).ok()).collect())
    }
}

fn unreadable(error: IdError) -> StoreError {
    StoreError::corrupt("pending start")(serde::de::Error::custom(error))
}
